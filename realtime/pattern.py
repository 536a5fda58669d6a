"""A moving, stamped test picture: the source that needs no hardware."""

import time
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np

from realtime.media import Frame, Pixels
from realtime.scenery import Scenery

STAMP_BLOCK = 8
STAMP_ROWS, STAMP_COLUMNS = 4, 8
STAMP_LIMIT = 2**24


class Pattern:
    """A lake at sunset with clouds, a balloon, a sailing boat and a windmill, the same in every run.

    Args:
        size: height and width.
        rate: frames a second.
        frame_count: how many frames; None for endless.
        live: pace frames in real time and drop those that a slow reader misses, as a camera does.
        stamped: put each frame's index into its upper left corner, where `read_stamp` finds it.
        clock, sleep: of a live pattern, in seconds.
    """

    def __init__(
        self,
        size: tuple[int, int] = (360, 640),
        *,
        rate: Fraction | int = 30,
        frame_count: int | None = None,
        live: bool = False,
        stamped: bool = False,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        least = STAMP_ROWS * STAMP_BLOCK, STAMP_COLUMNS * STAMP_BLOCK
        if min(size) < 16 or (stamped and (size[0] < least[0] or size[1] < least[1])):
            raise ValueError(f"size {size} is too small: use at least (16, 16), and {least} with a stamp")
        if rate <= 0:
            raise ValueError(f"rate {rate} is no rate: use a number above 0")
        self.size, self.rate, self.frame_count, self.live = size, Fraction(rate), frame_count, live
        self._stamped, self._clock, self._sleep = stamped, clock, sleep
        self._scenery = Scenery(size)
        self._closed = False

    def __iter__(self) -> Iterator[Frame]:
        start, index = self._clock(), 0
        while not self._closed and (self.frame_count is None or index < self.frame_count):
            if self.live:
                self._sleep(max(0.0, float(index / self.rate) - (self._clock() - start)))
            yield Frame(
                self.paint(index),
                pts_seconds=float(index / self.rate),
                index=index,
                duration_seconds=float(1 / self.rate),
            )
            index += 1
            if self.live:
                index = max(index, int((self._clock() - start) * self.rate))

    def paint(self, index: int) -> Pixels:
        """Frame `index` as uint8 [H, W, 3] BGR; a new array."""
        pixels = self._scenery.paint(float(index / self.rate))
        if self._stamped:
            _stamp(pixels, index)
        return pixels

    def close(self) -> None:
        self._closed = True


def read_stamp(pixels: Pixels) -> int | None:
    """Index stamped into a frame, uint8 [H, W, 3] BGR; None where there is no stamp."""
    height, width = STAMP_ROWS * STAMP_BLOCK, STAMP_COLUMNS * STAMP_BLOCK
    if pixels.shape[0] < height or pixels.shape[1] < width:
        return None
    blocks = pixels[:height, :width].reshape(STAMP_ROWS, STAMP_BLOCK, STAMP_COLUMNS, STAMP_BLOCK, 3)
    levels = blocks[:, 2:-2, :, 2:-2].mean(axis=(1, 3, 4))
    if ((levels > 80) & (levels < 176)).any():
        return None
    *number, check = np.packbits(levels > 128).tolist()
    index = int.from_bytes(bytes(number), "big")
    return index if check == _check_byte(index) else None


def _stamp(pixels: Pixels, index: int) -> None:
    index %= STAMP_LIMIT
    code = np.frombuffer(index.to_bytes(3, "big") + bytes([_check_byte(index)]), np.uint8)
    bits = np.unpackbits(code).reshape(STAMP_ROWS, STAMP_COLUMNS)
    blocks = np.kron(bits * np.uint8(255), np.ones((STAMP_BLOCK, STAMP_BLOCK), np.uint8))
    pixels[: blocks.shape[0], : blocks.shape[1]] = blocks[:, :, np.newaxis]


def _check_byte(index: int) -> int:
    """A byte that a black or a white corner does not have."""
    return (index * 167 + (index >> 8) * 59 + (index >> 16) * 31 + 0x5A) % 256
