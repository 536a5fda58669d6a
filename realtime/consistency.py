"""Temporal consistency: paintings of successive frames agree where their sources do, also where these move."""

from collections.abc import Iterator
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.media import Pixels

LEAST_SIDE = 64  # smaller frames are left alone
# Motion is judged at a quarter of the size or less, near this short side, and found at twice that.
FINEST, FLOW_SIDE = 4, 135
SEARCHED = 1  # down to which scale of that: half of it
SAME, DIFFERENT = 8.0, 20.0  # grey levels between a source and the one before, moved along
WINDOW = 5
# Beside what moves by itself the painting changes though its source does not: the network sees this far, in pixels of
# the flow. There neighbours' motions differ by this much, more where all moves, by perspective.
REACH, APART, APART_MOVING = 4, 0.45, 0.25
BAND = 16  # rows of the flow enlarged at a time, so that what lies between stays in the processor's cache
STRIP, STRIPS = 12, 8  # rows in which detail is measured
LEAST_LOST, MOST_DETAIL = 0.01, 1.0
SHARPER = 1.5  # more fine detail than was lost stands for the coarser that stays lost

Field = NDArray[np.float32]


class ConsistencyFilter:
    """Blends each painting with the one before, moved along with the source, where the two sources agree.

    A network that is not exactly equivariant to shifts paints what moves a little differently in each frame. After
    blind video temporal consistency (Bonneel et al. 2015; Lai et al. 2018), as a recursive filter: motion is found in
    the sources by dense inverse search (Kroeger et al. 2016); what was hidden, has changed, was not found or lies
    beside what moves by itself is taken from the new painting alone. Blending strokes that differ softens them: the
    detail lost is given back each time, before it is blended again.
    """

    def __init__(self) -> None:
        self._motion = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._motion.setFinestScale(SEARCHED)
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next painting is taken as it is."""
        self._last: tuple[Pixels, Pixels, Pixels] | None = None

    def apply(self, source: Pixels, painted: Pixels, keep: float) -> Pixels:
        """Return a painting made consistent with those before.

        Args:
            source: uint8 [H, W, 3] BGR.
            painted: its painting, of the same shape; may be written to.
            keep: the share of the painting before, in [0, 1), where the sources agree.
        """
        if min(source.shape[:2]) < LEAST_SIDE or keep == 0:
            self.reset()
            return painted
        factor = max(FINEST, 2 * round(min(source.shape[:2]) / FLOW_SIDE / 2))
        small = shrink(source, factor // 2)
        fine, small = grey(small), shrink(small, 2)
        if self._last is None or self._last[2].shape != painted.shape:
            self._last = fine, small, painted.copy()
            return painted
        last_fine, last_small, last_painted = self._last
        flow = halved(cast(Field, self._motion.calc(fine, last_fine, cast(Field, None))), small.shape)
        shares = np.rint(127 * keep * agreement(small, last_small, flow) * coherence(flow)).astype(np.uint8)
        kept = np.empty_like(painted)
        for rows, places, share in bands(flow, shares, factor, painted.shape):
            blend(move(last_painted, places), painted[rows], share, kept[rows])
        kept = with_detail_of(painted, kept)
        self._last = fine, small, kept
        return kept.copy()


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


def bands(flow: Field, shares: Pixels, factor: int, shape: tuple[int, ...]) -> Iterator[tuple[slice, Field, Pixels]]:
    """Enlarge a flow and its shares, some rows at a time.

    Args:
        flow: float32 [h, w, 2], in pixels of its own size.
        shares: uint8 [h, w].
        factor: to enlarge by.
        shape: H, W of the result, up to factor * h and factor * w.

    Yields:
        The rows, where their pixels were, float32 [rows, W, 2] of x and y, and their shares, uint8 [rows, W].
    """
    height, width = shape[:2]
    # A ring around, so that each band has neighbours to interpolate with and the outermost go on as the inner ones do.
    flow = cast(Field, cv2.copyMakeBorder(flow, 1, 1, 1, 1, cv2.BORDER_REPLICATE))
    shares = cast(Pixels, cv2.copyMakeBorder(shares, 1, 1, 1, 1, cv2.BORDER_REPLICATE))
    places = (flow + centres(flow.shape) - np.float32(0.5)) * np.float32(factor) - np.float32(0.5)
    for top in range(0, height, BAND * factor):
        rows = slice(top, min(top + BAND * factor, height))
        near = slice(top // factor, -(-rows.stop // factor) + 2)
        large = (flow.shape[1] * factor, (near.stop - near.start) * factor)
        inner = (slice(factor, factor + rows.stop - top), slice(factor, factor + width))
        yield (
            rows,
            cast(Field, cv2.resize(places[near], large))[inner],
            cast(Pixels, cv2.resize(shares[near], large))[inner],
        )


def blend(moved: Pixels, painted: Pixels, share: Pixels, result: Pixels) -> None:
    """Write `painted + share (moved - painted)`, share in 1/128 and up to 127; twice as fast as cv2.blendLinear."""
    difference = np.subtract(moved, painted, dtype=np.int16)
    difference *= cast(Pixels, cv2.merge((share, share, share)))
    difference += 64
    difference >>= 7
    np.add(painted, difference, out=result, casting="unsafe")


def with_detail_of(painted: Pixels, kept: Pixels) -> Pixels:
    """Sharpen `kept` by `SHARPER` times what gives it as much detail as `painted`, which is overwritten."""
    lost = detail(painted) / max(detail(kept), 1.0) - 1
    if lost < LEAST_LOST:
        return kept
    gain = min(SHARPER * lost, MOST_DETAIL)
    return cast(Pixels, cv2.addWeighted(kept, 1 + gain, cv2.blur(kept, (3, 3)), -gain, 0, painted))


def detail(pixels: Pixels) -> float:
    """Sum the differences of pixels from the means of their neighbourhoods, in strips spread over the picture."""
    tops = range(0, pixels.shape[0], max(STRIP, pixels.shape[0] // STRIPS))
    strips = [pixels[top : top + STRIP] for top in tops]
    return sum(cv2.norm(strip, cv2.blur(strip, (3, 3)), cv2.NORM_L1) for strip in strips)
