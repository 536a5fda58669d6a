"""`pincel styles`, `pincel demo`, `pincel doctor`."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.images import read_picture
from tests.clips import stamped
from tests.commands import frame_count, names, pincel


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "texture.png"
    cv2.imwrite(str(path), np.random.default_rng(7).integers(0, 255, (64, 64, 3), np.uint8))
    return path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_gallery_is_listed_by_name_and_title() -> None:
    result = pincel("styles", "list")
    assert result.code == 0
    assert any("starry_night" in line and "Vincent van Gogh" in line for line in result.out.splitlines())


def test_an_own_style_is_added_used_and_removed(picture: Path) -> None:
    assert pincel("styles", "add", picture, "--name", "mi estilo").code == 0
    assert "mi estilo" in pincel("styles", "list").out
    again = pincel("styles", "add", picture, "--name", "mi estilo")
    assert (again.code, "--force" in again.line) == (1, True)
    assert pincel("image", picture, "-s", "mi estilo", "-o", "o.png").code == 0
    assert pincel("styles", "remove", "mi estilo").code == 0
    assert "mi estilo" not in pincel("styles", "list").out
    assert pincel("styles", "remove", "mi estilo").code == 1
    assert "built-in ones stay" in pincel("styles", "remove", "irises").line


def test_an_own_style_is_for_every_network(picture: Path) -> None:
    assert pincel("styles", "add", picture, "--name", "mine").code == 0
    for network in ("pincel", "pincel-16"):
        assert pincel("image", picture, "-s", "mine", "--network", network, "-o", f"{network}.png").code == 0
        assert pincel("image", picture, "-s", picture, "--network", network, "-o", f"{network}-now.png").code == 0
        own, now = (read_picture(f"{network}{end}.png").pixels for end in ("", "-now"))
        assert abs(own.astype(int) - now).mean() < 1
        line = next(line for line in pincel("styles", "list", "--network", network).out.splitlines() if "mine" in line)
        assert line.rstrip().endswith("your own")
    assert pincel("styles", "blend", "mine", "irises", "--name", "mixed").code == 0
    refused = pincel("image", picture, "-s", "mixed", "--network", "pincel-16", "-o", "o.png")
    assert (refused.code, "paint with that one" in refused.line) == (1, True)
    assert "your own, for pincel-" in pincel("styles", "list", "--network", "pincel-16").out


def test_a_file_name_that_makes_no_style_name_asks_for_one(picture: Path) -> None:
    odd = picture.rename("photo (1).png")
    result = pincel("styles", "add", odd)
    assert (result.code, "--name" in result.line) == (2, True)


def test_a_blend_is_kept_by_name_or_in_a_file(picture: Path, tmp_path: Path) -> None:
    parts = ("irises:0.3", "the_scream:0.7")
    assert pincel("styles", "blend", *parts, "-o", "m.safetensors").code == 0
    assert pincel("styles", "blend", *parts, "--name", "mezcla").code == 0
    for number, style in enumerate(("m.safetensors", "mezcla")):
        assert pincel("image", picture, "-s", style, "-o", f"{number}.png").code == 0
    assert (read_picture("0.png").pixels == read_picture("1.png").pixels).all()
    assert pincel("styles", "blend", *parts).code == 2
    assert pincel("styles", "blend", *parts, "-o", "m.png").code == 2
    result = pincel("styles", "blend", *parts, "-o", "m.safetensors")
    assert (result.code, "--force" in result.line) == (2, True)
    assert pincel("styles", "remove", "mezcla").code == 0


def test_show_writes_a_painted_picture(tmp_path: Path) -> None:
    cv2.imwrite("photo.jpg", stamped(1))
    assert pincel("styles", "show", "irises", "--on", "photo.jpg").code == 0
    assert read_picture("photo-irises.png").pixels.shape == (64, 96, 3)
    assert pincel("styles", "show", "irises", "--on", "photo.jpg").code == 2


def test_show_never_overwrites_the_style_itself(picture: Path) -> None:
    result = pincel("styles", "show", picture, "-o", picture, "--force")
    assert (result.code, "is the input itself" in result.line) == (2, True)


def test_the_demo_paints_a_video_and_a_sheet(tmp_path: Path) -> None:
    result = pincel("demo", "--seconds", "0.5")
    assert result.code == 0
    assert names(tmp_path) == ["pincel-demo.mp4", "pincel-demo.png"]
    assert frame_count(Path("pincel-demo.mp4")) == 12
    assert "frames a second" in result.err


def test_the_doctor_tells_what_would_be_used() -> None:
    result = pincel("doctor")
    assert result.code == 0
    for words in ("openvino", "torch", "auto", "because", "h264", "libx264", "cameras", "cache", "21 built-in styles"):
        assert words in result.out
