"""The only threads: a reader and a writer, each joined to the main thread by a channel that both ends can hang up."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, Literal, TypeVar

T = TypeVar("T")
Policy = Literal["wait", "newest"]


class HungUp(Exception):
    """The other end of a channel has left, and the channel is empty."""


class Channel(Generic[T]):
    """A bounded queue between two threads.

    Policy "wait" makes a full channel's sender wait, so that nothing is lost; "newest" makes it throw the oldest item
    away, so that nothing gets old. Whoever leaves hangs up, and the other end learns it at once.
    """

    def __init__(self, capacity: int, *, policy: Policy = "wait") -> None:
        self.capacity = capacity
        self.policy = policy
        self.items: deque[T] = deque()
        self.dropped = 0
        self.longest = 0
        self.finished = False
        self.abandoned = False
        self.error: BaseException | None = None
        self.changed = threading.Condition()

    def send(self, item: T) -> bool:
        """Put an item in; returns False, and keeps nothing, when the receiver has hung up."""
        with self.changed:
            if self.policy == "newest":
                while len(self.items) >= self.capacity:
                    self.items.popleft()
                    self.dropped += 1
            else:
                self.changed.wait_for(lambda: len(self.items) < self.capacity or self.abandoned)
            if self.abandoned:
                return False
            self.items.append(item)
            self.longest = max(self.longest, len(self.items))
            self.changed.notify_all()
            return True

    def finish(self, error: BaseException | None = None) -> None:
        """Hang up as the sender: the receiver gets what is inside, then the end, or the error."""
        with self.changed:
            self.finished, self.error = True, error
            self.changed.notify_all()

    def abandon(self) -> None:
        """Hang up as the receiver: what is inside is thrown away and the sender stops waiting."""
        with self.changed:
            self.abandoned = True
            self.items.clear()
            self.changed.notify_all()

    def receive(self, *, timeout_seconds: float | None = None) -> T:
        """Take an item out.

        Raises:
            TimeoutError: none came in time.
            HungUp: there will be none.
            The error that the sender hung up with.
        """
        with self.changed:
            if not self.changed.wait_for(lambda: self.items or self.finished or self.abandoned, timeout_seconds):
                raise TimeoutError
            if not self.items:
                if self.error is not None and not self.abandoned:
                    raise self.error
                raise HungUp
            item = self.items.popleft()
            self.changed.notify_all()
        return item

    def __iter__(self) -> Iterator[T]:
        """Take items out until the sender hangs up; raises the error that it hung up with."""
        while True:
            try:
                item = self.receive()
            except HungUp:
                return
            yield item


class Reader(Generic[T]):
    """Iterates in a thread of its own, into a channel."""

    def __init__(self, items: Callable[[], Iterator[T]], channel: Channel[T]) -> None:
        self.channel = channel
        self.thread = threading.Thread(target=self.read, args=(items,), name="reader", daemon=True)
        self.thread.start()

    def read(self, items: Callable[[], Iterator[T]]) -> None:
        error: BaseException | None = None
        try:
            for item in items():
                if not self.channel.send(item):
                    break
        except BaseException as raised:  # noqa: BLE001 - raised again in the receiver's thread
            error = raised
        self.channel.finish(error)

    def stop(self, *, timeout_seconds: float | None = None) -> None:
        """Hang up and wait for the thread to end; one that a device blocks for longer ends by itself."""
        self.channel.abandon()
        self.thread.join(timeout_seconds)


class Writer(Generic[T]):
    """Calls a function for every item, in a thread of its own."""

    def __init__(self, write: Callable[[T], None], channel: Channel[T]) -> None:
        self.channel = channel
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self.drain, args=(write,), name="writer", daemon=True)
        self.thread.start()

    def drain(self, write: Callable[[T], None]) -> None:
        try:
            for item in self.channel:
                write(item)
        except BaseException as raised:  # noqa: BLE001 - raised again in the sender's thread
            self.error = raised
            self.channel.abandon()

    def send(self, item: T) -> None:
        """Hand an item over, waiting while the channel is full.

        Raises:
            What the function raised for an earlier item.
        """
        if not self.channel.send(item) and self.error is not None:
            raise self.error

    def finish(self) -> None:
        """Wait until everything sent is written.

        Raises:
            What the function raised.
        """
        self.channel.finish()
        self.thread.join()
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        """Throw away what is not yet written and wait for the thread to end."""
        self.channel.abandon()
        self.thread.join()
