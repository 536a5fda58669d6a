"""`pincel image --network gatys`: what it writes, and what it refuses in one line."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from engines.networks import gatys
from engines.networks.vgg import Vgg
from engines.weights import import_network
from realtime.commands.gatys import GatysBrush, Said
from realtime.commands.terminal import Terminal, UsageError
from realtime.images import read_picture
from tests.commands import names, pincel

GATYS = ("--network", "gatys", "--steps", "2")


class Eyes(Vgg):
    """A VGG-19 that has learned nothing, and tires."""

    looks = 1000

    def forward(self, rgb: Tensor) -> list[Tensor]:
        self.looks -= 1
        if not self.looks:
            raise KeyboardInterrupt
        return super().forward(rgb)


@pytest.fixture
def eyes(monkeypatch: pytest.MonkeyPatch) -> Eyes:
    torch.manual_seed(0)
    eyes = Eyes()
    monkeypatch.setattr(gatys, "find_vgg", lambda _: eyes)
    return eyes


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, Path]:
    """Return a photograph with transparency and a style."""
    pixels = np.random.default_rng(0).integers(0, 256, (48, 40, 4), np.uint8)
    cv2.imwrite(str(tmp_path / "photo.png"), pixels[:24])
    cv2.imwrite(str(tmp_path / "wave.png"), pixels[24:, :, :3])
    return tmp_path / "photo.png", tmp_path / "wave.png"


@pytest.mark.usefixtures("eyes")
def test_a_picture_is_painted_and_shown_on_the_way(tmp_path: Path, pictures: tuple[Path, Path]) -> None:
    photo, style = pictures
    said = ("--preview", tmp_path / "now.png", "--report", tmp_path / "report.json", "--optimizer", "adam")
    result = pincel("image", photo, "--style", style, *GATYS, *said)
    assert (result.code, "photo-wave.png" in result.err) == (0, True)
    assert names(tmp_path) == ["now.png", "photo-wave.png", "photo.png", "report.json", "wave.png"]
    painted, original = read_picture(tmp_path / "photo-wave.png"), read_picture(photo)
    assert painted.alpha is not None
    assert np.array_equal(painted.alpha, original.alpha)  # type: ignore[arg-type]
    assert not np.array_equal(painted.pixels, original.pixels)
    assert read_picture(tmp_path / "now.png").pixels.shape == painted.pixels.shape
    run = json.loads((tmp_path / "report.json").read_text())["runs"][0]
    assert (run["style"], run["engine"]) == ("wave", "gatys on cpu")


def test_an_interrupt_leaves_nothing_but_a_whole_preview(
    tmp_path: Path, pictures: tuple[Path, Path], eyes: Eyes
) -> None:
    eyes.looks = 4  # style, photograph, one step, and then
    result = pincel("image", pictures[0], "-s", pictures[1], *GATYS, "--preview", tmp_path / "now.png")
    assert (result.code, result.line) == (130, "interrupted")
    assert names(tmp_path) == ["now.png", "photo.png", "wave.png"]
    assert read_picture(tmp_path / "now.png").pixels.shape == (24, 40, 3)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (("-s", "irises"), "gatys looks at the style's picture itself"),
        (("-s", "WAVE", "-s", "WAVE"), "gatys paints in one style"),
        (("-s", "WAVE:0.5"), "gatys paints in one style"),
        (("-s", "WAVE", "--strength", "0.5"), "--strength means nothing to --network gatys"),
        (("-s", "WAVE", "--preserve-colour"), "--preserve-colour means nothing"),
        (("-s", "WAVE", "--engine", "torch"), "--engine means nothing"),
        (("-s", "WAVE", "--precision", "fp32"), "--precision means nothing"),
        (("-s", "WAVE", "--preview", "now.mp4"), "name it now.png"),
        (("-s", "WAVE", "--preview", "WAVE"), "is the input itself"),
        (("-s", "WAVE", "--work-size", "12x12"), "gatys does not paint 12x12 pixels"),
        (("-s", "WAVE", "--work-size", "2000x2000"), "gatys does not paint 2000x2000 pixels"),
        (("-s", "WAVE", "--steps", "0"), "--steps"),
        (("-s", "WAVE", "--network", "nonsense"), "no network is called 'nonsense': choose one of pincel"),
        (("-s", "WAVE", "--network", "pincel", "--style-weight", "3"), "--style-weight is for --network gatys"),
    ],
)
@pytest.mark.usefixtures("eyes")
def test_what_makes_no_sense_is_one_line(
    tmp_path: Path, pictures: tuple[Path, Path], said: tuple[str, ...], says: str
) -> None:
    given = [each.replace("WAVE", str(pictures[1])) for each in said]
    result = pincel("image", pictures[0], "--network", "gatys", *given)
    assert result.code == 2
    assert says in result.line
    assert names(tmp_path) == ["photo.png", "wave.png"]


def test_without_vgg_the_line_says_how_to_get_it(pictures: tuple[Path, Path], tmp_path: Path) -> None:
    result = pincel("image", pictures[0], "-s", pictures[1], *GATYS)
    assert result.code == 1
    assert "pincel networks import adain" in result.line
    assert "--vgg FILE" in result.line
    result = pincel("image", pictures[0], "-s", pictures[1], *GATYS, "--vgg", tmp_path / "none.safetensors")
    assert (result.code, "none.safetensors does not hold the VGG-19" in result.line) == (1, True)


def test_the_installed_adain_brings_its_vgg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shared: Path) -> None:
    monkeypatch.setenv("PINCEL_HOME", str(tmp_path))
    files = [shared / "weights" / f"{name}_relu4_1.fp16.safetensors" for name in ("vgg19_normalised", "adain_decoder")]
    import_network("adain", files)
    ours, given = gatys.find_vgg().state_dict(), gatys.find_vgg(files[0]).state_dict()
    assert all(torch.equal(ours[key], given[key]) for key in given)


def test_large_pictures_are_painted_at_512_unless_more_is_wanted(pictures: tuple[Path, Path]) -> None:
    def sizes(size: str, work_size: str | None) -> tuple[tuple[int, int], tuple[int, int]]:
        brush = GatysBrush(
            [str(pictures[1])], Said(), size=size, work_size=work_size, force=False, terminal=Terminal(quiet=True)
        )
        return brush.sizes((3000, 4000))

    assert sizes("native", None) == ((3000, 4000), (512, 683))
    assert sizes("300p", None) == ((300, 400), (300, 400))
    assert sizes("1080p", "900p") == ((1080, 1440), (900, 1200))
    with pytest.raises(UsageError, match="4000x3000"):
        sizes("native", "native")
