import threading
from collections.abc import Iterator

import pytest

from realtime.channel import Channel, HungUp, Reader, Writer


def test_a_waiting_channel_loses_and_reorders_nothing() -> None:
    channel: Channel[int] = Channel(2)
    reader = Reader(lambda: iter(range(1000)), channel)
    assert list(channel) == list(range(1000))
    reader.stop()
    assert channel.dropped == 0


def test_a_waiting_channel_never_holds_more_than_its_capacity() -> None:
    channel: Channel[int] = Channel(3)
    longest = 0

    def numbers() -> Iterator[int]:
        nonlocal longest
        for i in range(100):
            longest = max(longest, len(channel.items))
            yield i

    reader = Reader(numbers, channel)
    assert len(list(channel)) == 100
    reader.stop()
    assert longest <= 3


def test_a_newest_channel_keeps_the_newest_and_counts_the_rest() -> None:
    channel: Channel[int] = Channel(1, policy="newest")
    for i in range(10):
        assert channel.send(i)
    channel.finish()
    assert list(channel) == [9]
    assert channel.dropped == 9


def test_the_receiver_gets_what_was_sent_before_the_error() -> None:
    def two_then_failure() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("the cable is out")

    channel: Channel[int] = Channel(8)
    reader = Reader(two_then_failure, channel)
    received = iter(channel)
    assert [next(received), next(received)] == [1, 2]
    with pytest.raises(OSError, match="the cable is out"):
        next(received)
    reader.stop()


def test_a_sender_that_waits_learns_that_the_receiver_is_gone() -> None:
    channel: Channel[int] = Channel(1)
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    reader = Reader(endless, channel)
    next(iter(channel))
    reader.stop()
    assert not reader.thread.is_alive()
    assert closed.wait(5)


def test_a_writer_writes_everything_in_order_before_finish_returns() -> None:
    written: list[int] = []
    writer = Writer(written.append, Channel[int](2))
    for i in range(50):
        writer.send(i)
    writer.finish()
    assert written == list(range(50))


def test_a_writers_error_reaches_the_sender_and_ends_its_waiting() -> None:
    def refuse(item: int) -> None:
        raise OSError(f"no space for {item}")

    writer = Writer(refuse, Channel[int](1))

    def send_many() -> None:
        for i in range(100):
            writer.send(i)

    with pytest.raises(OSError, match="no space for 0"):
        send_many()
    with pytest.raises(OSError, match="no space for 0"):
        writer.finish()


def test_a_stopped_writer_throws_the_rest_away() -> None:
    gate, written = threading.Event(), []

    def slow(item: int) -> None:
        gate.wait(5)
        written.append(item)

    writer = Writer(slow, Channel[int](8))
    for i in range(5):
        writer.send(i)
    writer.channel.abandon()
    gate.set()
    writer.stop()
    assert len(written) <= 1


def test_receiving_ends_after_its_time_and_tells_the_end_from_an_error() -> None:
    channel: Channel[int] = Channel(2)
    with pytest.raises(TimeoutError):
        channel.receive(timeout_seconds=0.01)
    channel.send(1)
    channel.finish()
    assert channel.receive(timeout_seconds=0.01) == 1
    with pytest.raises(HungUp):
        channel.receive()


def test_a_blocked_reader_is_left_behind_and_ends_by_itself() -> None:
    gate = threading.Event()

    def blocked() -> Iterator[int]:
        gate.wait(5)
        yield 1

    reader = Reader(blocked, Channel[int](1))
    reader.stop(timeout_seconds=0.01)
    assert reader.thread.is_alive()
    gate.set()
    reader.thread.join(5)
    assert not reader.thread.is_alive()
