"""The grid that a network lays over a picture moves along with most of it."""

import cv2
import numpy as np

from realtime.media import Pixels
from realtime.motion import Motion

STRIDE = 8  # a multiple of every network's
REST = STRIDE // 2
SLIP = 0.6  # pixels off before the grid follows, so that it does not waver between two places

Corner = tuple[int, int]


class Grid:
    """Where on its network's grid a picture lies.

    A network with strides paints what moved by one pixel with other strokes, and what moved by its stride with the
    same (Zhang 2019, "Making convolutional networks shift-invariant again"). So a frame is painted with a border
    around, so wide on each side that what most of the picture shares a motion with stays where it was on the grid.

    Attributes:
        corner: how many pixels of border are above and left of the frame, 0 to `STRIDE`.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Lie as for a first frame."""
        self.corner: Corner = (REST, REST)
        self._off = (0.0, 0.0)

    def follow(self, motion: Motion | None) -> bool:
        """Take the motion of the next frame; return whether what did not move on the grid does now, by its stride."""
        if motion is None:
            self.reset()
            return False
        ahead = [off + shift for off, shift in zip(self._off, reversed(motion.shift), strict=True)]
        steps = [round(off) if abs(off) > SLIP else 0 for off in ahead]
        self._off = (ahead[0] - steps[0], ahead[1] - steps[1])
        before, self.corner = self.corner, wrapped(self.corner[0] - steps[0], self.corner[1] - steps[1])
        return self.corner != (before[0] - steps[0], before[1] - steps[1])

    def around(self, pixels: Pixels) -> Pixels:
        """Return uint8 [H, W, 3] with its border, the outermost pixels repeated: [H + STRIDE, W + STRIDE, 3]."""
        top, left = self.corner
        bordered = cv2.copyMakeBorder(pixels, top, STRIDE - top, left, STRIDE - left, cv2.BORDER_REPLICATE)
        return np.asarray(bordered, np.uint8)


def wrapped(top: int, left: int) -> Corner:
    """Return the corner of the same place on the grid that lies in range."""
    return top % STRIDE, left % STRIDE


def inside(painted: Pixels, corner: Corner) -> Pixels:
    """Return what lies inside the border, [H, W, 3] of [H + STRIDE, W + STRIDE, 3]."""
    (top, left), (height, width) = corner, painted.shape[:2]
    return np.ascontiguousarray(painted[top : top + height - STRIDE, left : left + width - STRIDE])


def bordered(size: tuple[int, int]) -> tuple[int, int]:
    """Return the height and width that frames of a size are painted at."""
    return size[0] + STRIDE, size[1] + STRIDE
