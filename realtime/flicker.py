"""How much a painting flickers: how it changes where its source stands still."""

import numpy as np
from numpy.typing import NDArray

from realtime.media import Pixels

SAMPLES = (54, 96)
STILL_LEVELS = 12
LEAST_STILL = 0.05
FOLLOW = 0.1


class FlickerMeter:
    """Mean absolute difference of successive paintings, in grey levels, where the source stands still.

    Still is a sample whose source differs by no more than a sensor's noise does. What moves and what is repainted on
    purpose is left out, for it must change.

    Attributes:
        recent: over about the last ten frames; None before the second.
    """

    def __init__(self) -> None:
        self.recent: float | None = None
        self._last: tuple[NDArray[np.int16], NDArray[np.int16]] | None = None
        self._sum, self._count = 0.0, 0

    @property
    def mean(self) -> float | None:
        """Return the mean over all frames, None where there were not two to compare."""
        return self._sum / self._count if self._count else None

    def reset(self) -> None:
        """Compare the next frame with nothing: the painting changes on purpose."""
        self._last = None

    def update(self, source: Pixels, painted: Pixels) -> None:
        """Take a frame and its painting, each uint8 [H, W, 3] BGR."""
        last, self._last = self._last, (sample(source), sample(painted))
        if last is None:
            return
        moved, changed = (np.abs(now - before) for before, now in zip(last, self._last, strict=True))
        still = moved.max(axis=2) <= STILL_LEVELS
        if still.mean() < LEAST_STILL:
            return
        flicker = float(changed[still].mean())
        self._sum, self._count = self._sum + flicker, self._count + 1
        self.recent = flicker if self.recent is None else self.recent + FOLLOW * (flicker - self.recent)


def sample(pixels: Pixels) -> NDArray[np.int16]:
    """Take samples spread over a picture, int16 [54, 96, 3], at the same places whatever its size."""
    rows, columns = (
        ((np.arange(count) + 0.5) * length / count).astype(int)
        for count, length in zip(SAMPLES, pixels.shape[:2], strict=True)
    )
    return pixels[np.ix_(rows, columns)].astype(np.int16)
