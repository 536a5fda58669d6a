"""`--network NAME`: other networks behind the same commands."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engines.networks import NETWORKS
from engines.networks.microast import MicroAST
from realtime.images import read_picture
from tests.clips import write_clip
from tests.commands import frame_count, pincel

MICROAST = ("--network", "microast", "--engine", "torch")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the tests a folder and MicroAST with random weights, which reads styles at 64 pixels to save time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PINCEL_HOME", str(tmp_path / "home"))
    card = replace(NETWORKS["microast"], style_picture=64)
    monkeypatch.setitem(NETWORKS, "microast", card)
    card.weights.parent.mkdir(parents=True)
    torch.manual_seed(0)
    save_file(MicroAST().state_dict(), card.weights)
    return iter(())


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "texture.png"
    cv2.imwrite(str(path), np.random.default_rng(7).integers(0, 255, (48, 64, 3), np.uint8))
    return path


def test_a_picture_is_painted_in_the_style_of_a_picture(picture: Path) -> None:
    result = pincel("image", picture, "-s", picture, *MICROAST, "-o", "o.png")
    assert (result.code, "torch fp32" in result.err) == (0, True)
    painted = read_picture("o.png").pixels
    assert painted.shape == (48, 64, 3)
    assert (painted != read_picture(picture).pixels).any()


def test_videos_are_converted_with_half_the_strength_and_blended_styles(picture: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", size=(96, 96), ticks=range(0, 96, 24))
    other = tmp_path / "other.png"
    cv2.imwrite(str(other), 255 - read_picture(picture).pixels)
    styles = ("-s", f"{picture}:1", "-s", f"{other}:2")
    assert pincel("convert", clip, *styles, *MICROAST, "--strength", "0.5", "-o", "o.mp4").code == 0
    assert frame_count(tmp_path / "o.mp4") == frame_count(clip)


def test_the_webcam_paints_with_it(picture: Path) -> None:
    result = pincel(
        "webcam",
        "-c",
        "test",
        "--size",
        "64x48",
        "-s",
        picture,
        *MICROAST,
        "--no-window",
        "--seconds",
        "0.5",
        "--size",
        "64x48",
    )
    assert result.code == 0
    nothing = pincel("webcam", "-c", "test", *MICROAST, "--no-window", "--seconds", "1")
    assert (nothing.code, nothing.line) == (
        2, "the network 'microast' has no built-in styles: give a picture with --style"
    )  # fmt: skip


def test_own_styles_are_read_again_for_another_network_and_blends_are_not(picture: Path, tmp_path: Path) -> None:
    added = pincel("styles", "add", picture, "--name", "mine", "--network", "microast")
    assert (added.code, "--style 'mine' --network microast" in added.err) == (0, True)
    assert pincel("styles", "show", "mine", *MICROAST, "--on", picture, "-o", "o.png").code == 0
    assert pincel("styles", "blend", "mine", f"{picture}:0.5", "--network", "microast", "-o", "b.safetensors").code == 0
    assert pincel("image", picture, "-s", "b.safetensors", *MICROAST, "-o", "b.png").code == 0
    listed = {line.split()[0]: line for line in pincel("styles", "list").out.splitlines() if line.strip()}
    assert listed["mine"].rstrip().endswith("your own")
    listed = {line.split()[0]: line for line in pincel("styles", "list", "--network", "microast").out.splitlines()[1:]}
    assert set(listed) == {"mine"}
    refused = pincel("image", picture, "-s", "b.safetensors", "-o", "x.png")
    assert (refused.code, "microast-" in refused.line) == (1, True)
    assert "paint with that one (--network microast), or encode the picture again" in refused.line
    assert not (tmp_path / "x.png").exists()
    assert pincel("image", picture, "-s", "mine", "-o", "x.png").code == 0


def test_what_it_does_not_have_is_said_in_one_line(picture: Path) -> None:
    built_in = pincel("image", picture, "-s", "irises", *MICROAST)
    assert (built_in.code, "has no built-in styles, give a picture" in built_in.line) == (2, True)
    for command in (("convert", picture), ("webcam",), ("styles", "add", picture)):
        style = () if command[0] == "styles" else ("-s", picture)
        assert "choose one of pincel" in pincel(*command, *style, "--network", "nonsense").line
        assert "use it with `pincel image`" in pincel(*command, *style, "--network", "gatys").line
    missing = pincel("image", picture, "-s", picture, "--network", "adain")
    assert (missing.code, "pincel networks import adain vgg_normalised.pth decoder.pth" in missing.line) == (1, True)
