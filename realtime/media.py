"""The nouns of `realtime`: frames, where they come from, where they go, and what can go wrong."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


class MediaError(Exception):
    """Something is wrong with a medium; the message says what, with which value, and what to do."""


class SourceError(MediaError, OSError):
    """A source cannot be opened or read."""


class SinkError(MediaError, OSError):
    """A sink cannot be opened or written."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a stream.

    Attributes:
        pixels: uint8 [H, W, 3] BGR, C-contiguous; nobody writes to it.
        pts_seconds: presentation time in the stream's own clock (a stream may start after 0).
        index: 0-based count of frames read; a gap means dropped frames.
        duration_seconds: how long the frame stays, 0 where the stream does not tell.
        alpha: uint8 [H, W], 255 opaque; None where there is none.
        read_at: `time.perf_counter()` when the frame came in, from which its age is reckoned.
        notice: what a person who watches should know, as of a camera that is lost; "" when all is well.
    """

    pixels: Pixels
    pts_seconds: float
    index: int
    duration_seconds: float = 0.0
    alpha: Pixels | None = None
    read_at: float = field(default_factory=time.perf_counter)
    notice: str = ""


class Source(Protocol):
    """Where frames come from; iterated once, closed once or more."""

    @property
    def live(self) -> bool:
        """Whether frames arrive by themselves, so that a late reader must drop some."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels of every frame, upright."""

    @property
    def rate(self) -> Fraction:
        """Frames a second, nominal: each frame carries its own time."""

    @property
    def frame_count(self) -> int | None:
        """How many frames to expect, for a progress bar and nothing else."""

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...


class Sink(Protocol):
    """Where frames go."""

    def write(self, frame: Frame) -> None:
        """Take one frame.

        Raises:
            SinkError: it cannot be written.
        """

    def close(self, *, interrupted: bool = False) -> None:
        """Finish: what was written is whole and stands under its name.

        Args:
            interrupted: the source went on; what runs beside the frames ends here too.
        """

    def discard(self) -> None:
        """Give up: nothing half-written stays behind."""
