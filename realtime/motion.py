"""How pictures move: the flow from each frame to the one before, and the shift that most of it shares."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.media import Pixels

LEAST_SIDE = 64  # in smaller frames no motion is looked for
# Motion is judged at a quarter of the size or less, near this short side, and found at twice that.
FINEST, FLOW_SIDE = 4, 135
SEARCHED = 1  # down to which scale of that: half of it
SAME, DIFFERENT = 8.0, 20.0  # grey levels between a source and the one before, moved along
WINDOW = 5
# Beside what moves by itself the painting changes though its source does not: the network sees this far, in pixels of
# the flow. There neighbours' motions differ by this much, more where all moves, by perspective.
REACH, APART, APART_MOVING = 4, 0.45, 0.25
# What moves within half of a shift moves by it, within at least and at most so many pixels of the flow. It counts where
# this much of the picture does, and clearly more than stands still.
TOLERANCE, MOST, CLEARLY = (0.02, 0.125), 0.4, 1.5
GLANCE = 4  # every fourth pixel of the flow, across and down, tells

Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Motion:
    """How a frame moved since the one before.

    Attributes:
        flow: float32 [h, w, 2], in pixels of its own size: what is at (x, y) was at (x, y) + flow.
        factor: how many of the frame's pixels one of those is.
        sure: float32 [h, w] in [0, 1], how sure it is that a pixel shows what it showed before, moved along, and that
            all around moves with it.
        shift: by how many of the frame's pixels, right and down, most of the picture moved as one; 0, 0 where none did.
    """

    flow: Field
    factor: int
    sure: Field
    shift: tuple[float, float]


class MotionMeter:
    """Finds how each frame moved since the one before, by dense inverse search (Kroeger et al. 2016)."""

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._search.setFinestScale(SEARCHED)
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next frame is a first one."""
        self._last: tuple[tuple[int, ...], Pixels, Pixels] | None = None

    def update(self, source: Pixels) -> Motion | None:
        """Take a frame, uint8 [H, W, 3] BGR; return None for a first one, one of another size, or a small one."""
        if min(source.shape[:2]) < LEAST_SIDE:
            return None
        factor = max(FINEST, 2 * round(min(source.shape[:2]) / FLOW_SIDE / 2))
        small = shrink(source, factor // 2)
        fine, small = grey(small), shrink(small, 2)
        last, self._last = self._last, (source.shape, fine, small)
        if last is None or last[0] != source.shape:
            return None
        flow = halved(cast(Field, self._search.calc(fine, last[1], cast(Field, None))), small.shape)
        alike = agreement(small, last[2], flow)
        right, down = shared_shift(flow, alike)
        return Motion(flow, factor, alike * coherence(flow), (factor * right, factor * down))


def shrink(pixels: Pixels, factor: int) -> Pixels:
    """Average blocks of factor x factor, uint8 [ceil(H / factor), ceil(W / factor), 3]; borders are repeated."""
    down, right = (-length % factor for length in pixels.shape[:2])
    if down or right:
        pixels = cast(Pixels, cv2.copyMakeBorder(pixels, 0, down, 0, right, cv2.BORDER_REPLICATE))
    size = (pixels.shape[1] // factor, pixels.shape[0] // factor)
    return cast(Pixels, cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def grey(pixels: Pixels) -> Pixels:
    """Return the grey values, uint8 [H, W]."""
    return cast(Pixels, cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY))


def centres(shape: tuple[int, ...]) -> Field:
    """Return the places of pixels, float32 [H, W, 2] of x and y."""
    rows, columns = np.indices(shape[:2], np.float32)
    return np.stack((columns, rows), axis=2)


def halved(flow: Field, shape: tuple[int, ...]) -> Field:
    """Average blocks of 2x2 of a flow, float32 [H, W, 2] in pixels of its own size, to `shape`, borders repeated."""
    down, right = (2 * length - had for length, had in zip(shape[:2], flow.shape[:2], strict=True))
    if down or right:
        flow = cast(Field, cv2.copyMakeBorder(flow, 0, down, 0, right, cv2.BORDER_REPLICATE))
    return cast(Field, cv2.resize(flow, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)) * np.float32(0.5)


def move(pixels: Pixels, places: Field) -> Pixels:
    """Sample pixels at places, float32 [H, W, 2] of x and y, bilinearly; beyond the borders these are repeated."""
    whole, parts = cv2.convertMaps(places, cast(Field, None), cv2.CV_16SC2)  # a third faster than as they are
    return cast(Pixels, cv2.remap(pixels, whole, parts, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def shared_shift(flow: Field, alike: Field) -> tuple[float, float]:
    """Return the shift that most of a picture shares, right and down, in pixels of the flow; 0, 0 where none does.

    Args:
        flow: float32 [h, w, 2], in pixels of its own size, to the frame before.
        alike: float32 [h, w] in [0, 1], how surely it is right.
    """
    flow, alike = flow[::GLANCE, ::GLANCE], alike[::GLANCE, ::GLANCE]
    found = flow[alike > 0.5]
    if not found.size:
        return 0.0, 0.0
    middle = np.median(found, axis=0)
    tolerance = np.clip(np.abs(middle).max() / 2, *TOLERANCE)
    moving, still = (float((np.abs(found - each).max(axis=1) < tolerance).sum()) for each in (middle, 0))
    if moving < MOST * alike.size or moving < CLEARLY * still:
        return 0.0, 0.0
    return -float(middle[0]), -float(middle[1])


def agreement(now: Pixels, before: Pixels, flow: Field) -> Field:
    """Tell how sure it is that a pixel shows what it showed before, moved along: float32 [H, W] in [0, 1].

    What comes from beyond the borders was not shown before.

    Args:
        now: uint8 [H, W, 3] BGR.
        before: uint8 [H, W, 3] BGR.
        flow: float32 [H, W, 2], in pixels: `now` at (x, y) is `before` at (x, y) + flow.
    """
    places = flow + centres(flow.shape)
    change = cv2.absdiff(now, move(before, places))
    blue, green, red = cv2.split(cv2.blur(change, (WINDOW, WINDOW)))
    levels = np.arange(256, dtype=np.float32)
    shares = np.clip((DIFFERENT - levels) / (DIFFERENT - SAME), 0, 1)
    alike = cv2.LUT(cv2.max(cv2.max(blue, green), red), shares)
    bottom, right = flow.shape[0] - 0.5, flow.shape[1] - 0.5
    return cast(Field, np.where(cv2.inRange(places, (-0.5, -0.5, 0, 0), (right, bottom, 0, 0)), alike, 0))


def coherence(flow: Field) -> Field:
    """Tell how surely pixels and all in their reach move as one: float32 [H, W] in [0, 1], of float32 [H, W, 2]."""
    across, down = cv2.split(cv2.morphologyEx(flow, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)))
    apart = cv2.add(across, down)
    speed = cv2.blur(np.abs(flow[..., 0]) + np.abs(flow[..., 1]), (2 * REACH + 1, 2 * REACH + 1))
    torn = np.clip(apart / (APART + APART_MOVING * speed) - 1, 0, 1)
    return cast(Field, 1 - cv2.dilate(torn, np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)))
