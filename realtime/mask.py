"""Painting the person alone, or the background alone."""

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.media import Pixels
from realtime.sizes import to_size

Part = Literal["person", "background"]
SOFTNESS = 2.0  # sigma of the edge, in pixels of the mask
LEAST_FOLLOW, FOLLOW_PER_CHANGE = 0.15, 2.0


class Mask:
    """Mixes painting and source, so that only one part of the picture is painted.

    The edge is soft, and steady: where the mask changes little, as it does from noise, it follows slowly; where it
    changes much, as it does where someone moves, at once.

    Args:
        find_person: gives the probability float32 [h, w] of the person for uint8 [h, w, 3] BGR.
        size: h and w.
        part: what is painted.
    """

    def __init__(
        self, find_person: Callable[[Pixels], NDArray[np.float32]], *, size: tuple[int, int], part: Part
    ) -> None:
        self._find_person, self._size, self._part = find_person, size, part
        self._steady: NDArray[np.float32] | None = None

    def reset(self) -> None:
        """Forget the past: at a cut."""
        self._steady = None

    def apply(self, source: Pixels, painted: Pixels) -> Pixels:
        """Return the painting within the part and the source without, in the painting's size; a new array."""
        person = self._follow(self._find_person(to_size(source, self._size)))
        height, width = painted.shape[:2]
        soft = cv2.resize(cv2.GaussianBlur(person, (0, 0), SOFTNESS), (width, height), interpolation=cv2.INTER_LINEAR)
        share = np.asarray(soft if self._part == "person" else 1 - soft, np.float32)
        mixed = cv2.blendLinear(painted, to_size(source, (height, width)), share, 1 - share)
        return np.asarray(mixed, np.uint8)

    def _follow(self, person: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._steady is None:
            self._steady = person
            return person
        change = person - self._steady
        follow = np.clip(FOLLOW_PER_CHANGE * np.abs(change), LEAST_FOLLOW, 1)
        self._steady = np.asarray(self._steady + follow * change, np.float32)
        return self._steady
