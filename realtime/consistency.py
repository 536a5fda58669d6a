"""Temporal consistency: paintings of successive frames agree where their sources do, also where these move."""

from collections.abc import Iterator
from typing import cast

import cv2
import numpy as np

from realtime.media import Pixels
from realtime.motion import Field, Motion, centres, move

BAND = 16  # rows of the flow enlarged at a time, so that what lies between stays in the processor's cache
STRIP, STRIPS = 12, 8  # rows in which detail is measured
LEAST_LOST, MOST_DETAIL = 0.01, 1.0
SHARPER = 2.1  # more fine detail than was lost stands for the coarser that stays lost


class ConsistencyFilter:
    """Blends each painting with the one before, moved along with the source, where the two sources agree.

    A network that is not exactly equivariant to shifts paints what moves a little differently in each frame. After
    blind video temporal consistency (Bonneel et al. 2015; Lai et al. 2018), as a recursive filter: what was hidden,
    has changed, was not found or lies beside what moves by itself is taken from the new painting alone. Blending
    strokes that differ softens them: the detail lost is given back each time, before it is blended again.
    """

    def __init__(self) -> None:
        self._last: Pixels | None = None

    def apply(self, motion: Motion | None, painted: Pixels, keep: float) -> Pixels:
        """Return a painting made consistent with those before.

        Args:
            motion: of its source; None where it has no past: the painting is taken as it is.
            painted: uint8 [H, W, 3] BGR; may be written to.
            keep: the share of the painting before, in [0, 1), where the sources agree; after 0 nothing is remembered.
        """
        last, self._last = self._last, None
        if keep == 0:
            return painted
        if motion is None or last is None or last.shape != painted.shape:
            self._last = painted.copy()
            return painted
        shares = np.rint(127 * keep * motion.sure).astype(np.uint8)
        kept = np.empty_like(painted)
        for rows, places, share in bands(motion.flow, shares, motion.factor, painted.shape):
            blend(move(last, places), painted[rows], share, kept[rows])
        self._last = with_detail_of(painted, kept)
        return self._last.copy()


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
