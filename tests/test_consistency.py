"""The consistency filter: what moves is followed, what is new is shown at once, detail is kept."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from realtime.consistency import ConsistencyFilter, bands, blend, detail
from realtime.media import Pixels
from realtime.motion import MotionMeter, agreement, centres, coherence, halved, shrink
from realtime.pattern import Pattern

SIZE = (120, 168)
KEEP = 0.75


def texture(seed: int, size: tuple[int, int], *, blur: float) -> Pixels:
    """Make a random picture, uint8 [H, W, 3], stretched over the whole range."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, (*size, 3)), (0, 0), blur)
    low, high = noise.min(), noise.max()
    return np.asarray((noise - low) / (high - low) * 255, np.uint8)


def view(picture: Pixels, x: int, y: int = 0) -> Pixels:
    return np.ascontiguousarray(picture[y : y + SIZE[0], x : x + SIZE[1]])


def flickering(source: Pixels, index: int) -> Pixels:
    """Paint as a network that is not equivariant does: each frame with strokes of its own."""
    strokes = texture(1000 + index, SIZE, blur=1.5).astype(np.float32) - 128
    return np.clip(source + 0.3 * strokes, 0, 255).astype(np.uint8)


class Steadier:
    """A consistency filter and what finds the motion for it."""

    def __init__(self) -> None:
        self.meter, self.consistency = MotionMeter(), ConsistencyFilter()

    def apply(self, source: Pixels, painted: Pixels, keep: float) -> Pixels:
        return self.consistency.apply(self.meter.update(source), painted, keep)


def error(now: Pixels, before: Pixels, step: int) -> float:
    """Root mean square difference of two paintings of a picture that moved left by `step`."""
    if step:
        now, before = now[:, :-step], before[:, step:]
    return float(np.sqrt(np.square(now.astype(np.float32) - before).mean()))


@pytest.mark.parametrize("step", [0, 3])
def test_paintings_of_a_picture_at_rest_or_moving_agree(step: int) -> None:
    picture, consistency = texture(0, (SIZE[0], 400), blur=6), Steadier()
    plain = [flickering(view(picture, step * i), i) for i in range(12)]
    steady = [consistency.apply(view(picture, step * i), painted.copy(), KEEP) for i, painted in enumerate(plain)]
    assert error(steady[-1], steady[-2], step) < 0.6 * error(plain[-1], plain[-2], step)


def test_a_constant_painting_stays_as_it_is() -> None:
    source, painted, consistency = texture(0, SIZE, blur=6), texture(1, SIZE, blur=2), Steadier()
    for _ in range(8):
        result = consistency.apply(source, painted.copy(), KEEP)
    assert (result == painted).all()


def test_a_picture_unlike_the_last_is_shown_at_once() -> None:
    first, second = texture(0, SIZE, blur=6), texture(1, SIZE, blur=6)
    consistency = Steadier()
    consistency.apply(first, first.copy(), KEEP)
    shown = consistency.apply(second, second.copy(), KEEP)
    assert np.abs(shown.astype(int) - second).mean() < 3


def test_what_comes_into_the_picture_is_shown_at_once() -> None:
    picture, consistency = texture(0, (SIZE[0], 400), blur=6), Steadier()
    for i in range(8):
        shown = consistency.apply(view(picture, 8 * i), np.full((*SIZE, 3), 20 * i, np.uint8), KEEP)
    assert shown[:, -3:].min() > 139
    assert shown[:, SIZE[1] // 2].max() < 130


def test_beside_what_moves_by_itself_the_new_painting_counts_alone() -> None:
    background, thing = texture(0, SIZE, blur=6), texture(1, (60, 60), blur=6)
    consistency = Steadier()
    for i in range(10):
        source = background.copy()
        left = 10 + 6 * i
        source[30:90, left : left + 60] = thing
        painted = flickering(source, i)
        shown = consistency.apply(source, painted.copy(), KEEP)
    difference = np.abs(shown.astype(int) - painted).mean(axis=2)
    beside, far = difference[36:84, left - 12 : left].mean(), difference[:, -24:].mean()
    assert beside < 0.3 * far


def test_what_blending_softens_is_sharpened() -> None:
    picture, consistency = texture(0, (SIZE[0], 400), blur=6), Steadier()
    for i in range(10):
        painted = flickering(view(picture, 3 * i), i)
        shown = consistency.apply(view(picture, 3 * i), painted.copy(), KEEP)
    assert detail(shown) > 0.65 * detail(painted)


@pytest.mark.parametrize("size", [(64, 64), (65, 67), (121, 163), (540, 961)])
def test_any_size_is_taken_and_given_back(size: tuple[int, int]) -> None:
    pattern, consistency = Pattern(size), Steadier()
    for i in range(3):
        source = pattern.paint(i)
        shown = consistency.apply(source, source.copy(), KEEP)
        assert shown.shape == source.shape
        assert shown.dtype == np.uint8
        assert np.abs(shown.astype(int) - source).mean() < 2


def test_frames_too_small_to_find_motion_in_pass_through() -> None:
    consistency = Steadier()
    for i in range(3):
        painted = texture(i, (63, 200), blur=2)
        assert (consistency.apply(painted, painted.copy(), KEEP) == painted).all()


def test_after_a_reset_or_another_size_the_painting_is_taken_as_it_is() -> None:
    source, consistency = texture(0, SIZE, blur=6), Steadier()
    consistency.apply(source, flickering(source, 0), KEEP)
    consistency.meter.reset()
    assert (consistency.apply(source, flickering(source, 1), KEEP) == flickering(source, 1)).all()
    smaller = np.ascontiguousarray(source[:100, :100])
    assert (consistency.apply(smaller, smaller.copy(), KEEP) == smaller).all()


def test_what_is_remembered_is_not_the_callers_array() -> None:
    source, consistency = texture(0, SIZE, blur=6), Steadier()
    for i in range(3):
        shown = consistency.apply(source, source.copy(), KEEP)
        if i < 2:
            shown[:] = 0
    assert (shown == source).all()


def test_a_flow_is_halved_with_its_pixels() -> None:
    rows, columns = np.indices((7, 9), np.float32)
    flow = np.stack((columns, 3 - rows), axis=2)
    half = halved(flow, (4, 5, 3))
    assert half.shape == (4, 5, 2)
    assert np.allclose(half[:3, :4, 0], np.arange(4) + 0.25)
    assert np.allclose(half[:3, :4, 1], 1.25 - np.arange(3)[:, None])
    assert (half[3, :, 1] == -1.5).all()


def test_bands_enlarge_as_a_whole_does() -> None:
    random, factor, shape = np.random.default_rng(0), 4, (150, 123)
    flow = random.normal(0, 2, (38, 31, 2)).astype(np.float32)
    shares = random.integers(0, 128, (38, 31)).astype(np.uint8)
    large = cv2.resize(flow, (31 * factor, 38 * factor))[: shape[0], : shape[1]] * factor
    parts = list(bands(flow, shares, factor, shape))
    assert [rows.start for rows, _, _ in parts][1:] == [rows.stop for rows, _, _ in parts][:-1]
    places = np.concatenate([places for _, places, _ in parts])
    assert np.abs(places - centres(shape) - large).max() < 1e-3
    whole = cv2.resize(shares, (31 * factor, 38 * factor))[: shape[0], : shape[1]]
    assert np.abs(np.concatenate([share for _, _, share in parts]).astype(int) - whole).max() <= 1


def test_a_blend_is_rounded_not_cut() -> None:
    moved, painted = texture(0, SIZE, blur=2), texture(1, SIZE, blur=2)
    share, result = np.full(SIZE, 96, np.uint8), np.empty_like(painted)
    blend(moved, painted, share, result)
    exact = painted + 0.75 * (moved.astype(np.float32) - painted)
    assert np.abs(result - exact).max() <= 0.5


def test_agreement_and_coherence_of_one_motion_are_full() -> None:
    picture = shrink(texture(0, (400, 640), blur=12), 4)
    before, now = picture[:80, :120], picture[:80, 2:122]
    flow = np.zeros((80, 120, 2), np.float32)
    flow[..., 0] = 2
    assert agreement(np.ascontiguousarray(now), np.ascontiguousarray(before), flow)[:, :-4].min() == 1
    assert coherence(flow).min() == 1
    torn: NDArray[np.float32] = flow.copy()
    torn[:, 60:] = 0
    assert coherence(torn)[:, 58:62].max() == 0
    assert coherence(torn)[:, :40].min() == 1
