"""A network's grid follows what most of a picture does: what moves as one is painted with the same strokes."""

import itertools

import cv2
import numpy as np
import pytest

from engines import library, open_engine
from realtime.grid import REST, STRIDE, Grid, bordered, inside
from realtime.media import Frame, Pixels
from realtime.motion import Motion, MotionMeter, shared_shift
from realtime.stylizer import Stylizer

SIZE = (128, 192)
NOISE = np.random.default_rng(0).normal(0, 1, (300, 500, 3))
PICTURE = np.clip(128 + 700 * cv2.GaussianBlur(NOISE, (0, 0), 4), 0, 255).astype(np.uint8)


def view(right: int, down: int = 0) -> Pixels:
    return np.ascontiguousarray(PICTURE[down : down + SIZE[0], right : right + SIZE[1]])


def moved(right: float, down: float) -> Motion:
    flat = np.zeros((4, 4, 2), np.float32)
    return Motion(flat, 4, flat[..., 0], (right, down))


def strokes_that_change(steadiness: float) -> float:
    """Return the difference of successive paintings of a pan, each moved back, without what else steadying does."""
    engine = open_engine("pincel-16", backend="openvino", precision="fp32")
    stylizer = Stylizer(engine, library.find("starry_night", network=engine.network).vector, steadiness=steadiness)
    stylizer._steadying = lambda pixels: (0.0, 0.0, 0.0, 0.001 * steadiness)  # type: ignore[method-assign]
    painted = [stylizer.paint(Frame(view(3 * i), i / 30, i)).pixels.astype(int) for i in range(6)]
    pairs = [(now[16:-16, 16:-19], before[16:-16, 19:-16]) for before, now in itertools.pairwise(painted)]
    return float(np.mean([np.abs(now - before).mean() for now, before in pairs[1:]]))


def test_what_moves_as_one_keeps_its_strokes() -> None:
    assert strokes_that_change(1.0) < 0.3 * strokes_that_change(0.0)


def test_a_still_picture_lies_still() -> None:
    meter, grid = MotionMeter(), Grid()
    for index in range(8):
        noise = np.random.default_rng(index).normal(0, 2, (*SIZE, 3))
        motion = meter.update(np.clip(view(0) + noise, 0, 255).astype(np.uint8))
        grid.follow(motion)
    assert motion is not None
    assert motion.shift == (0, 0)
    assert grid.corner == (REST, REST)


@pytest.mark.parametrize(("right", "down"), [(3, 0), (0, -2), (5, 4)])
def test_the_shift_of_a_pan_is_found(right: int, down: int) -> None:
    meter = MotionMeter()
    assert meter.update(view(50, 50)) is None
    motion = meter.update(view(50 - right, 50 - down))
    assert motion is not None
    assert motion.shift == pytest.approx((right, down), abs=0.3)
    meter.reset()
    assert meter.update(view(50, 50)) is None


def test_a_thing_that_crosses_a_still_picture_moves_nothing() -> None:
    meter, first, second = MotionMeter(), view(0), view(0)
    first[30:90, 20:80] = PICTURE[200:260, 20:80]
    second[30:90, 26:86] = PICTURE[200:260, 20:80]
    meter.update(first)
    motion = meter.update(second)
    assert motion is not None
    assert motion.shift == (0, 0)
    still = np.zeros((6, 8, 2), np.float32)
    assert shared_shift(still, np.zeros((6, 8), np.float32)) == (0, 0)


def test_a_place_on_the_grid_stays_while_its_content_moves() -> None:
    grid, place = Grid(), np.zeros(2)
    start = np.array(grid.corner)
    for right, down in [(2.4, 0.0), (2.4, -1.0), (0.4, 0.5), (-7.0, 3.3), (0.1, 0.0)]:
        grid.follow(moved(right, down))
        place += (down, right)
        assert all(0 <= side < STRIDE for side in grid.corner)
        off = (place + grid.corner - start + STRIDE / 2) % STRIDE - STRIDE / 2
        assert np.abs(off).max() <= 0.6 + 1e-6
    grid.follow(None)
    assert grid.corner == (REST, REST)


def test_a_jump_by_a_stride_is_told() -> None:
    grid = Grid()
    told = [grid.follow(moved(2, 0)) for _ in range(8)]
    assert told == [False, False, True, False, False, False, True, False]


def test_the_border_is_taken_away_where_it_was() -> None:
    grid, picture = Grid(), view(0)
    for shift in ((0.0, 0.0), (3.0, -3.0), (2.0, 9.0)):
        grid.follow(moved(*shift))
        around = grid.around(picture)
        assert around.shape[:2] == bordered(SIZE)
        assert (inside(around, grid.corner) == picture).all()
        assert (around[0] == around[grid.corner[0]]).all()
