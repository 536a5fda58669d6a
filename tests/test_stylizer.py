from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from engines import Engine, library, open_engine
from realtime.grid import bordered
from realtime.media import Frame
from realtime.pattern import Pattern
from realtime.sizes import to_size
from realtime.stylizer import Stylizer
from tests.fakes import fake_engine, fake_style

Vector = NDArray[np.float32]
Pixels = NDArray[np.uint8]
PATTERN = Pattern((64, 96))


@pytest.fixture(scope="module")
def engine() -> Engine:
    return open_engine(backend="openvino", precision="fp32")


@pytest.fixture(scope="module")
def night(engine: Engine) -> Vector:
    return library.find("starry_night", network=engine.network).vector


@pytest.fixture(scope="module")
def scream(engine: Engine) -> Vector:
    return library.find("the_scream", network=engine.network).vector


def frame(index: int, pixels: Pixels | None = None) -> Frame:
    return Frame(PATTERN.paint(index) if pixels is None else pixels, index / 30, index, alpha=None)


def noisy(index: int, sigma: float = 2.0) -> Frame:
    noise = np.random.default_rng(index).normal(0, sigma, (64, 96, 3))
    return frame(index, (PATTERN.paint(0) + noise).clip(0, 255).round().astype(np.uint8))


def test_no_strength_passes_the_frame_through(engine: Engine, night: Vector) -> None:
    given = frame(3)
    painted = Stylizer(engine, night, strength=0.0, colour=0.5).paint(given)
    assert (painted.pixels == given.pixels).all()


def test_times_index_and_alpha_stay(engine: Engine, night: Vector) -> None:
    alpha = np.arange(64 * 96, dtype=np.uint8).reshape(64, 96)
    given = Frame(PATTERN.paint(0), 1.25, 7, duration_seconds=0.04, alpha=alpha)
    painted = Stylizer(engine, night).paint(given)
    assert (painted.pts_seconds, painted.index, painted.duration_seconds) == (1.25, 7, 0.04)
    assert painted.alpha is not None
    assert (painted.alpha == alpha).all()
    assert painted.read_at == given.read_at


def test_less_strength_is_nearer_to_the_frame(engine: Engine, night: Vector) -> None:
    given = frame(0)
    distances = [
        np.abs(Stylizer(engine, night, strength=strength).paint(given).pixels.astype(int) - given.pixels).mean()
        for strength in (0.25, 0.5, 1.0)
    ]
    assert distances == sorted(distances)


def test_a_style_is_changed_between_two_frames_without_building(engine: Engine, night: Vector, scream: Vector) -> None:
    stylizer = Stylizer(engine, night, steadiness=0.0)
    first = stylizer.paint(frame(0)).pixels
    programs = dict(engine.programs)
    stylizer.style = scream
    second = stylizer.paint(frame(0)).pixels
    assert engine.programs == programs
    assert np.abs(first.astype(int) - second).mean() > 10
    assert (second == Stylizer(engine, scream, steadiness=0.0).paint(frame(0)).pixels).all()


def test_a_steady_stream_of_a_still_picture_flickers_less(engine: Engine, night: Vector) -> None:
    def flicker(steadiness: float) -> float:
        stylizer = Stylizer(engine, night, steadiness=steadiness)
        painted = [stylizer.paint(noisy(i)).pixels.astype(int) for i in range(25)]
        return float(np.mean([np.abs(a - b).mean() for a, b in pairwise(painted[12:])]))

    assert flicker(1.0) < 0.35 * flicker(0.0)


def test_what_moves_is_painted_where_it_is(engine: Engine, night: Vector) -> None:
    def crossing(i: int) -> Frame:
        pixels = noisy(i).pixels.copy()
        pixels[20:44, 4 + 4 * i : 24 + 4 * i] = (40, 60, 220)
        return frame(i, pixels)

    steady, plain = Stylizer(engine, night, steadiness=1.0), Stylizer(engine, night, steadiness=0.0)
    pairs = [(steady.paint(crossing(i)).pixels.astype(int), plain.paint(crossing(i)).pixels) for i in range(16)]
    difference = np.abs(pairs[-1][0] - pairs[-1][1]).mean(2)
    trail = difference[20:44, 24:60].mean()
    assert trail < 1.5 * difference.mean() + 1


def test_a_cut_forgets_the_past(engine: Engine, night: Vector) -> None:
    other = to_size(np.ascontiguousarray(255 - PATTERN.paint(0)[::-1, ::-1]), (64, 96))
    stylizer = Stylizer(engine, night, steadiness=1.0)
    for i in range(6):
        stylizer.paint(noisy(i))
    after = stylizer.paint(frame(6, other)).pixels
    assert stylizer.cuts == 1
    assert (after == Stylizer(engine, night, steadiness=1.0).paint(frame(6, other)).pixels).all()


def test_successive_frames_are_painted_as_one_by_one_is(engine: Engine, night: Vector) -> None:
    other = np.ascontiguousarray(255 - PATTERN.paint(0)[::-1, ::-1])
    frames = [*(frame(i) for i in range(5)), *(frame(5 + i, other) for i in range(3))]
    alone, together = Stylizer(engine, night), Stylizer(engine, night)
    painted = list(together.paint_all(frames))
    assert together.cuts == 1
    for given, expected, ours in zip(frames, map(alone.paint, frames), painted, strict=True):
        assert ours.index == given.index
        assert (ours.pixels == expected.pixels).all()


def test_the_next_frame_is_begun_before_one_is_fetched() -> None:
    engine = fake_engine(overlapping=True)
    paintings = Stylizer(engine, fake_style(80)).paint_all(frame(i) for i in range(3))
    assert [painting.index for painting in paintings] == [0, 1, 2]
    (program,) = engine.programs.values()
    assert program.log == ["begin 0", "begin 1", "fetch 0", "begin 2", "fetch 1", "fetch 2"]  # type: ignore[attr-defined]


def test_the_result_has_the_size_asked_for(engine: Engine, night: Vector) -> None:
    stylizer = Stylizer(engine, night, size=(48, 72), work_size=(24, 36))
    alpha = np.full((64, 96), 255, np.uint8)
    painted = stylizer.paint(Frame(PATTERN.paint(0), 0.0, 0, alpha=alpha))
    assert painted.pixels.shape == (48, 72, 3)
    assert painted.alpha is not None
    assert painted.alpha.shape == (48, 72)
    assert (1, *bordered((24, 36))) in engine.programs


def test_preserved_colour_keeps_the_frames_hue(engine: Engine, scream: Vector) -> None:
    given = frame(0)
    kept = Stylizer(engine, scream, colour=1.0).paint(given).pixels.astype(int)
    painted = Stylizer(engine, scream).paint(given).pixels.astype(int)

    def tint(pixels: NDArray[np.int_]) -> NDArray[np.int_]:
        return pixels[..., 2] - pixels[..., 0]

    source = given.pixels.astype(int)
    assert np.abs(tint(kept) - tint(source)).mean() < 0.3 * np.abs(tint(painted) - tint(source)).mean()


@pytest.mark.parametrize("rate", [Fraction(5), Fraction(30), Fraction(120)], ids=str)
def test_steadying_lasts_as_long_at_any_frame_rate(engine: Engine, night: Vector, rate: Fraction) -> None:
    gain, memory, _, keep = Stylizer(engine, night, rate=rate)._steadying(PATTERN.paint(0))
    assert gain ** float(rate / 30) == pytest.approx(0.85)
    assert memory ** float(rate / 30) == pytest.approx(0.8)
    assert keep ** float(rate / 30) == pytest.approx(0.65)
