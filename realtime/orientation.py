"""How coded pictures must be turned and mirrored to stand upright."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from av import VideoFrame
from av.buffer import Buffer

from realtime.media import Pixels


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight ways a picture can lie, undone in this order."""

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> "Orientation":
        """What the display matrix of a frame asks for, to the nearest quarter turn.

        The matrix holds x' = a x + c y, y' = b x + d y in 16.16 fixed point (libavutil/display.h).
        """
        side_data = cast("Mapping[str, Buffer]", frame.side_data)
        matrix = side_data.get("DISPLAYMATRIX")
        if matrix is None:
            return cls()
        a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), dtype=np.int32).tolist()
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(mirrored=a < 0, flipped=d < 0)
        return cls(transposed=True, mirrored=c < 0, flipped=b < 0)

    def upright(self, pixels: Pixels) -> Pixels:
        """Give the picture upright, C-contiguous; the same array where nothing is to be done."""
        if self.transposed:
            pixels = np.asarray(cv2.transpose(pixels), dtype=np.uint8)
        if self.mirrored or self.flipped:
            axes = -1 if self.mirrored and self.flipped else int(self.mirrored)
            pixels = np.asarray(cv2.flip(pixels, axes), dtype=np.uint8)
        return pixels

    def upright_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Give the (height, width) that a coded size has upright."""
        return (size[1], size[0]) if self.transposed else size
