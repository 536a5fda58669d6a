"""Painting by optimising pixels: what it promises with any VGG, and with the real one."""

import numpy as np
import pytest
import torch

from engines.engine import Pixels
from engines.networks import gatys
from engines.networks.gatys import Progress, Settings
from engines.networks.vgg import Vgg, load_vgg
from tests.conftest import SHARED

FILE = SHARED / "weights" / "vgg19_normalised_relu4_1.fp16.safetensors"
real = pytest.mark.skipif(not FILE.is_file(), reason=f"no VGG-19 weights at {FILE}: set PINCEL_SHARED")


@pytest.fixture(scope="module")
def vgg() -> Vgg:
    """Return a VGG-19 that has learned nothing; features keep their size from layer to layer."""
    torch.manual_seed(0)
    network = Vgg()
    for name, weight in network.named_parameters():
        torch.nn.init.kaiming_normal_(weight) if name.endswith("weight") else torch.nn.init.zeros_(weight)
    return network


def picture(seed: int, height: int = 24, width: int = 32) -> Pixels:
    """Return blobs of colour."""
    noise = np.random.default_rng(seed).random((height // 8, width // 8, 3))
    return (np.kron(noise, np.ones((8, 8, 1))) * 255).astype(np.uint8)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_the_losses_fall(vgg: Vgg, optimizer: gatys.Optimizer) -> None:
    seen: list[Progress] = []
    settings = Settings(steps=15, content_weight=0.01, smoothness=0, optimizer=optimizer)
    painted = gatys.paint(picture(1), picture(2), vgg=vgg, settings=settings, report=seen.append)
    assert painted.shape == (24, 32, 3)
    assert painted.dtype == np.uint8
    assert seen[-1].style < seen[0].style / 3
    assert np.array_equal(seen[-1].painting(), painted)


def test_a_picture_in_its_own_style_stays(vgg: Vgg) -> None:
    painted = gatys.paint(picture(1), picture(1), vgg=vgg, settings=Settings(steps=5, smoothness=0))
    assert np.abs(painted.astype(int) - picture(1)).max() <= 1


def test_a_heavier_content_keeps_more_of_the_photograph(vgg: Vgg) -> None:
    contents = []
    for weight in (0.01, 1.0):
        seen: list[Progress] = []
        settings = Settings(steps=10, content_weight=weight, smoothness=0)
        gatys.paint(picture(1), picture(2), vgg=vgg, settings=settings, report=seen.append)
        contents.append(seen[-1].content)
    assert contents[1] < contents[0] / 2


def test_the_same_twice_is_the_same(vgg: Vgg) -> None:
    first, second = (gatys.paint(picture(1), picture(2), vgg=vgg, settings=Settings(steps=4)) for _ in range(2))
    assert np.array_equal(first, second)


def test_coarse_scales_come_first_and_progress_goes_to_one(vgg: Vgg) -> None:
    assert gatys.scales((384, 512)) == [(96, 128), (192, 256), (384, 512)]
    assert gatys.scales((100, 900)) == [(100, 900)]
    seen: list[Progress] = []
    gatys.paint(picture(1, 128, 136), picture(2), vgg=vgg, settings=Settings(steps=2), report=seen.append)
    assert [each.size for each in seen[:2]] == [(64, 68)] * 2
    assert seen[-1].size == (128, 136)
    shares = [each.share for each in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_what_the_report_raises_ends_the_painting(vgg: Vgg) -> None:
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gatys.paint(picture(1), picture(2), vgg=vgg, report=stop)
    assert len(seen) == 1


def test_a_large_style_costs_no_more_than_the_painting() -> None:
    large = torch.zeros(1, 3, 300, 1200)
    assert gatys.fitting(large, 100 * 100) == (50, 200)
    assert gatys.fitting(large, 10**9) == (300, 1200)
    assert gatys.fitting(torch.zeros(1, 3, 16, 4000), 4096)[0] == gatys.SMALLEST


@pytest.mark.parametrize(
    ("photo", "says"),
    [
        (np.zeros((40, 40), np.uint8), "photograph is uint8"),
        (np.zeros((40, 40, 3), np.float32), "photograph is uint8"),
        (np.zeros((8, 40, 3), np.uint8), "photograph has 16 pixels or more a side"),
    ],
)
def test_what_is_no_picture_is_refused(vgg: Vgg, photo: Pixels, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        gatys.paint(photo, picture(2), vgg=vgg)


@real
def test_the_real_features_take_on_the_style() -> None:
    seen: list[Progress] = []
    settings = Settings(steps=15)
    gatys.paint(picture(1, 48, 48), picture(2, 48, 48), vgg=load_vgg(FILE), settings=settings, report=seen.append)
    assert seen[-1].style < seen[0].style / 4
    assert seen[-1].content < 3
