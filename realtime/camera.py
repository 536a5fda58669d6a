"""Cameras and network streams: the newest frame, and a run that goes on when the camera does not."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from realtime.channel import Channel, HungUp, Reader
from realtime.devices import (
    OPEN_SECONDS,
    STALL_SECONDS,
    Capture,
    Delivered,
    delivered,
    find_devices,
    none_found,
    open_capture,
)
from realtime.media import Frame, Pixels, Source, SourceError
from realtime.pattern import Pattern
from realtime.playback import Playback
from realtime.sizes import to_size

REPEAT_SECONDS = 0.1
FIRST_DELAY, LONGEST_DELAY = 0.25, 5.0
MOST_LEFT_BEHIND = 1  # threads that a driver holds
USUAL_RATE = Fraction(30)
USUAL_SIZE = (480, 640)

Opener = Callable[[str], Capture]
Tell = Callable[[str], None]


@dataclass(slots=True)
class Outage:
    """A time without pictures.

    Attributes:
        reason: what was noticed.
        began_seconds: since the start of the run, the last good frame.
        seconds: how long it lasted; None while it lasts.
        attempts: how often the camera was opened again.
    """

    reason: str
    began_seconds: float
    seconds: float | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class _Shot:
    pixels: Pixels
    number: int
    read_at: float


class Camera:
    """A camera or a network stream; a live `Source`.

    A thread reads it, so that the newest frame is always at hand. One that stalls, fails, vanishes or hands out
    the same picture again and again is opened anew, after ever longer pauses; meanwhile the last frame comes again
    and again with a notice, so that whatever shows or records it stays alive.

    Args:
        text: as for `devices.resolve`.
        size, rate: asked for; the camera may give others.
        opener: opens the camera, in the reading thread.
        tell: given a line when an outage begins and when it ends.
        stall_seconds: how long no frame, or the same one, is borne.
        first_delay: pause before the first attempt to open again; each further one is twice as long.

    Attributes:
        delivered: what the camera gives.
        outages: so far.

    Raises:
        SourceError: it does not open, or gives no first frame.
    """

    live = True
    frame_count = None

    def __init__(
        self,
        text: str,
        *,
        size: tuple[int, int] | None = None,
        rate: Fraction | None = None,
        opener: Opener | None = None,
        tell: Tell = lambda line: None,
        stall_seconds: float = STALL_SECONDS,
        first_delay: float = FIRST_DELAY,
    ) -> None:
        self.text = text
        self.outages: list[Outage] = []
        self.delivered = Delivered(size or USUAL_SIZE, rate, "")
        self._opener = opener or (lambda text: open_capture(text, size=size, rate=rate))
        self._tell, self._stall_seconds, self._first_delay = tell, stall_seconds, first_delay
        self._may_repeat = "://" in text  # a sensor's noise never repeats, what is sent may
        self._closed = False
        self._number = 0
        self._delay, self._retry_at = first_delay, 0.0
        self._fresh_at = self._deadline = time.perf_counter()
        self._left_behind: list[Reader[_Shot]] = []
        self._reader: Reader[_Shot] | None = self._read()
        try:
            self._last = self._reader.channel.receive(timeout_seconds=OPEN_SECONDS)
        except (SourceError, HungUp, TimeoutError) as error:
            self.close()
            reason = str(error) or f"camera {text} gives no picture: is another program using it?"
            raise SourceError(reason) from error
        self.size = self._last.pixels.shape[0], self._last.pixels.shape[1]
        self.delivered = Delivered(self.size, self.delivered.rate, self.delivered.fourcc)
        self.rate = self.delivered.rate or rate or USUAL_RATE

    def __iter__(self) -> Iterator[Frame]:
        started = self._fresh_at = time.perf_counter()
        self._deadline = started + self._stall_seconds
        first: int | None = None  # what came before this is no drop: nobody waited for it
        repeats, pts = 0, 0.0
        while not self._closed:
            shot = self._next_shot(started)
            if shot is None and self.outages and self.outages[-1].seconds is None:
                repeats += 1
                shot = _Shot(self._last.pixels, self._last.number, time.perf_counter())
            if shot is not None:
                self._last = shot
                first = shot.number if first is None else first
                pts = max(pts, shot.read_at - started)  # a repeat may overtake the shot that ends an outage
                yield Frame(
                    to_size(shot.pixels, self.size),
                    pts_seconds=pts,
                    index=shot.number - first + repeats,
                    read_at=shot.read_at,
                    notice=self._notice(),
                )

    def close(self) -> None:
        """Let the camera go; a driver that blocks is left behind. Closing again does nothing."""
        self._closed = True
        if self._reader is not None:
            self._reader.stop(timeout_seconds=1.0)
            self._reader = None

    def _read(self) -> Reader[_Shot]:
        self._deadline = time.perf_counter() + OPEN_SECONDS
        return Reader(self._shots, Channel[_Shot](1, policy="newest"))

    def _shots(self) -> Iterator[_Shot]:
        """Read the camera until it fails; runs in the reader's thread, which alone touches the capture."""
        capture = self._opener(self.text)
        try:
            self.delivered = delivered(capture)
            while True:
                worked, pixels = capture.read()
                if not worked:
                    raise SourceError(f"camera {self.text} gives no more pictures")
                read_at = time.perf_counter()
                self._number += 1
                yield _Shot(np.ascontiguousarray(pixels), self._number, read_at)
        finally:
            capture.release()

    def _next_shot(self, started: float) -> _Shot | None:
        """Wait a moment for a fresh shot; watch over the camera while there is none."""
        now = time.perf_counter()
        if self._reader is None:
            self._left_behind = [reader for reader in self._left_behind if reader.thread.is_alive()]
            if len(self._left_behind) > MOST_LEFT_BEHIND:
                self._retry_at = now + self._delay
            if now < self._retry_at:
                time.sleep(min(REPEAT_SECONDS, self._retry_at - now))
                return None
            self.outages[-1].attempts += 1
            self._reader = self._read()
        try:
            shot = self._reader.channel.receive(timeout_seconds=REPEAT_SECONDS)
        except TimeoutError:
            if time.perf_counter() > self._deadline:
                self._lose("no picture came", started)
            return None
        except (SourceError, HungUp) as error:
            self._lose(str(error), started)
            return None
        return self._judge(shot, started)

    def _judge(self, shot: _Shot, started: float) -> _Shot | None:
        """Tell a fresh shot from the same old one."""
        self._deadline = shot.read_at + self._stall_seconds
        if not self._may_repeat and _is_same(shot.pixels, self._last.pixels):
            if shot.read_at - self._fresh_at > self._stall_seconds:
                self._lose("the picture stands still", started)
                return None
            return shot
        self._fresh_at = shot.read_at
        if self.outages and self.outages[-1].seconds is None:
            outage = self.outages[-1]
            outage.seconds = shot.read_at - started - outage.began_seconds
            self._delay = self._first_delay
            self._tell(f"camera {self.text} is back after {outage.seconds:.1f} s")
        return shot

    def _lose(self, reason: str, started: float) -> None:
        """Begin an outage, or go on with it, and set the time of the next attempt."""
        now = time.perf_counter()
        if not self.outages or self.outages[-1].seconds is not None:
            self.outages.append(Outage(reason, max(0.0, self._last.read_at - started)))
            self._tell(f"camera {self.text} is lost ({reason}): opening it again until it is back")
        if self._reader is not None:
            self._reader.stop(timeout_seconds=0.0)
            self._left_behind.append(self._reader)
            self._reader = None
        self._retry_at, self._delay = now + self._delay, min(self._delay * 2, LONGEST_DELAY)

    def _notice(self) -> str:
        if not self.outages or self.outages[-1].seconds is not None:
            return ""
        return f"camera lost: {self.outages[-1].reason}; attempt {self.outages[-1].attempts + 1}"


def _is_same(one: Pixels, other: Pixels) -> bool:
    """Whether a picture repeats another bit for bit. One without any detail, as of a covered lens, may."""
    if one.shape != other.shape or (one[::32] != other[::32]).any():  # mostly a few rows tell
        return False
    return bool((one == other).all()) and int(one.max()) - int(one.min()) > 8


def open_camera(
    text: str | None,
    *,
    size: tuple[int, int] | None = None,
    rate: Fraction | None = None,
    tell: Tell = lambda line: None,
) -> Source:
    """Open what a person calls a camera.

    Args:
        text: "test" for the moving test picture, a file to play as if it were filmed now, anything
            `devices.resolve` takes, or None for the first camera that opens.
        size: asked for.
        rate: asked for.
        tell: as for `Camera`.

    Raises:
        SourceError: it cannot be opened; where there is no camera at all, the message lists what was tried.
    """
    if text == "test":
        try:
            return Pattern(size or USUAL_SIZE, rate=rate or USUAL_RATE, live=True)
        except ValueError as error:
            raise SourceError(f"the test picture cannot be made: {error}") from error
    if text is not None:
        if Path(text).is_file():
            return Playback(Path(text))
        return Camera(text, size=size, rate=rate, tell=tell)
    devices = find_devices()
    for device in devices:
        try:
            return Camera(str(device.index), size=size, rate=rate, tell=tell)
        except SourceError:
            continue
    raise SourceError(none_found(devices))
