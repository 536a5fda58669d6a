"""What a stream's recent frames tell: where a new shot begins, and how strong the sensor's noise is."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.media import Pixels

SMALL = (48, 27)  # width, height
LEAST_CHANGE = 0.05
LEAST_SPIKE = 3.0
QUIET = 0.01
FLAT = 4.0

BLOCK = 16
BLOCKS_DOWN, BLOCKS_ACROSS = 14, 24
SMOOTHEST, SMOOTHEST_SIGMA = 0.2, 0.92  # this quantile of blocks of pure noise lies at this part of its sigma
FOLLOW, EVERY = 0.35, 4  # as 0.1 a frame, had every frame been looked at


@dataclass(frozen=True, slots=True)
class _Glance:
    """A frame small enough to compare: luma uint8 [27, 48] and a colour histogram float32 [8, 8, 8] of sum 1."""

    luma: Pixels
    colours: NDArray[np.float32]


class CutDetector:
    """Tells the first frame of a new shot from motion, shake, fades, flashes and noise.

    The change between two frames is (1 - structure) * colour. Structure is the zero-normalised cross-correlation
    of their lumas at the best small shift, which exposure leaves alone and shake only lowers a little (Lewis 1995,
    "Fast normalized cross-correlation"); colour is the L1 distance of their colour histograms, which motion leaves
    alone (Zhang, Kankanhalli and Smoliar 1993, "Automatic partitioning of full-motion video"). A cut is a change
    that stands out from the stream's recent ones. A flat frame tells nothing and is passed over.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the stream: the next frame is a first frame."""
        self._last: _Glance | None = None
        self._level = 0.0

    def is_cut(self, pixels: Pixels) -> bool:
        """Whether a new shot begins with this frame, uint8 [H, W, 3] BGR; call it once for every frame."""
        glance = _glance(pixels)
        if glance.luma.std() < FLAT:
            return False
        last, self._last = self._last, glance
        if last is None:
            return False
        change = _change(last, glance)
        cut = change > LEAST_CHANGE and change > LEAST_SPIKE * (self._level + QUIET)
        self._level *= 0.9
        if not cut:
            self._level = max(change, self._level)
        return cut


class NoiseMeter:
    """The sensor noise of a stream: sigma of the green channel, in [0, 1].

    Noise is what is left in the smoothest parts of one frame (Immerkaer 1996, "Fast noise variance estimation", per
    block) and what differs between two (the median absolute difference, Rousseeuw and Croux 1993). Texture spoils
    the first and motion the second, so the smaller counts; from the second frame on, when both are known, it is
    smoothed over about ten frames, of which every fourth is looked at.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._last: NDArray[np.int16] | None = None
        self._sigma = 0.0
        self._settled = False
        self._count = 0

    def update(self, pixels: Pixels) -> float:
        """Take one frame, uint8 [H, W, 3] BGR, of 16x16 or more, and tell the stream's sigma."""
        phase, self._count = self._count % EVERY, self._count + 1
        if phase > 1:
            return self._sigma
        blocks = _sample_blocks(pixels)
        if phase == 0 and self._settled:  # the next frame is compared with this one
            self._last = blocks
            return self._sigma
        last, self._last = self._last, blocks
        sigma = _spatial_sigma(blocks)
        if last is not None and last.shape == blocks.shape:
            sigma = min(sigma, _temporal_sigma(last, blocks))
        sigma = min(sigma / 255, 1.0)
        self._sigma += (FOLLOW if self._settled else 1.0) * (sigma - self._sigma)
        self._settled = last is not None
        return self._sigma


def _glance(pixels: Pixels) -> _Glance:
    # Nearest first: averaging every pixel of a 4K frame would cost ten times as much and tell no more.
    few = cv2.resize(pixels, (SMALL[0] * 4, SMALL[1] * 4), interpolation=cv2.INTER_NEAREST)
    small = cv2.resize(few, SMALL, interpolation=cv2.INTER_AREA)
    colours = cv2.calcHist([small], [0, 1, 2], None, [8, 8, 8], [0, 256, 0, 256, 0, 256])
    luma = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    return _Glance(luma.astype(np.uint8, copy=False), (colours / colours.sum()).astype(np.float32, copy=False))


def _change(before: _Glance, now: _Glance) -> float:
    centre = before.luma[5:-5, 8:-8]
    structure = float(cv2.matchTemplate(now.luma, centre, cv2.TM_CCOEFF_NORMED).max())
    colour = float(np.abs(now.colours - before.colours).sum()) / 2
    return (1 - max(structure, 0.0)) * colour


def _sample_blocks(pixels: Pixels) -> NDArray[np.int16]:
    """Green of blocks spread over the frame, int16 [N, 16, 16], as many for 4K as for a webcam."""
    green = pixels[:, :, 1]
    windows = np.lib.stride_tricks.sliding_window_view(green, (BLOCK, BLOCK))
    rows, columns = (
        np.linspace(0, length - 1, min(count, 1 + length // BLOCK)).astype(int)
        for length, count in zip(windows.shape[:2], (BLOCKS_DOWN, BLOCKS_ACROSS), strict=True)
    )
    blocks: NDArray[np.int16] = windows[np.ix_(rows, columns)].reshape(-1, BLOCK, BLOCK).astype(np.int16)
    return blocks


def _spatial_sigma(blocks: NDArray[np.int16]) -> float:
    """Sigma in grey levels from the second differences of the smoothest blocks that are not clipped."""
    means = blocks.mean(axis=(1, 2))
    shown = blocks[(means > 12) & (means < 243)]
    if len(shown) == 0:
        return 0.0
    across = shown[:, :, :-2] - 2 * shown[:, :, 1:-1] + shown[:, :, 2:]
    both = across[:, :-2] - 2 * across[:, 1:-1] + across[:, 2:]
    sigmas = np.abs(both).mean(axis=(1, 2)) * (np.sqrt(np.pi / 2) / 6)
    return _without_rounding(float(np.quantile(sigmas, SMOOTHEST)) / SMOOTHEST_SIGMA)


def _temporal_sigma(before: NDArray[np.int16], now: NDArray[np.int16]) -> float:
    """Sigma in grey levels from the median difference, interpolated because levels are whole numbers."""
    counts = np.bincount(np.abs(now - before).ravel())
    below = np.cumsum(counts)
    half = below[-1] / 2
    level = int(np.searchsorted(below, half))
    inside = (half - (below[level] - counts[level])) / counts[level]
    median = inside / 2 if level == 0 else level - 0.5 + inside
    return _without_rounding(float(median) / 0.6745 / np.sqrt(2))


def _without_rounding(sigma: float) -> float:
    """Sigma less the variance 1/12 that rounding to whole levels adds."""
    return float(np.sqrt(max(sigma**2 - 1 / 12, 0.0)))
