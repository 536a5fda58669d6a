"""AdaIN: its forward as published, and its files."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import WeightsError
from engines.importers.adain import convert
from engines.weights import fill_network

NAMES = ("vgg_normalised.pth", "decoder.pth")


def convolutions(*widths: tuple[int, int] | str) -> list[nn.Module]:
    """Return reflection padding, 3x3 convolution and ReLU for each pair of widths, other modules by name."""
    others = {"pool": nn.MaxPool2d(2, ceil_mode=True), "up": nn.UpsamplingNearest2d(scale_factor=2)}
    modules: list[nn.Module] = []
    for each in widths:
        modules += [others[each]] if isinstance(each, str) else [nn.ReflectionPad2d(1), nn.Conv2d(*each, 3), nn.ReLU()]
    return modules


def published_networks() -> tuple[nn.Sequential, nn.Sequential]:
    """Build VGG-19, as far as relu4_2, and the decoder as pytorch-AdaIN's files number them, with random weights."""
    torch.manual_seed(0)
    vgg = nn.Sequential(
        nn.Conv2d(3, 3, 1),
        *convolutions((3, 64), (64, 64), "pool", (64, 128), (128, 128), "pool"),
        *convolutions((128, 256), (256, 256), (256, 256), (256, 256), "pool", (256, 512), (512, 512)),
    )
    decoder = nn.Sequential(
        *convolutions((512, 256), "up", (256, 256), (256, 256), (256, 256), (256, 128), "up"),
        *convolutions((128, 128), (128, 64), "up", (64, 64), (64, 3))[:-1],
    )
    for module in (*vgg, *decoder):
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    vgg.requires_grad_(False)
    decoder.requires_grad_(False)
    last = decoder[-1]
    assert isinstance(last, nn.Conv2d)
    last.weight /= 10
    return vgg, decoder


@pytest.fixture(scope="module")
def networks() -> tuple[nn.Sequential, nn.Sequential]:
    return published_networks()


@pytest.fixture
def paths(tmp_path: Path, networks: tuple[nn.Sequential, nn.Sequential]) -> list[Path]:
    """Write both files."""
    for name, network in zip(NAMES, networks, strict=True):
        torch.save(network.state_dict(), tmp_path / name)
    return [tmp_path / name for name in NAMES]


def paint(content: Tensor, style: Tensor, vgg: nn.Module, decoder: nn.Module) -> Tensor:
    """Paint as pytorch-AdaIN does with alpha 1."""
    x, y = (vgg(each) for each in (content, style))
    (mean, deviation), (style_mean, style_deviation) = (
        (each.mean((2, 3), keepdim=True), (each.var((2, 3), keepdim=True) + 1e-5).sqrt()) for each in (x, y)
    )
    painted: Tensor = decoder((x - mean) / deviation * style_deviation + style_mean)
    return painted


def test_published_files_paint_as_published(paths: list[Path], networks: tuple[nn.Sequential, nn.Sequential]) -> None:
    network = fill_network("adain", convert(paths[::-1]), origin="test")
    vgg, decoder = networks
    torch.manual_seed(1)
    content, style = (F.interpolate(torch.rand(1, 3, 16, 16), (128, 128), mode="bicubic") for _ in range(2))
    with torch.inference_mode():
        vector = network.encode(style)  # type: ignore[operator]
        painted, scene = network(content, vector, torch.zeros_like(vector), torch.zeros(1))
        expected = paint(content, style, vgg[:31], decoder)
    assert vector.shape == scene.shape == (1, 1024)
    assert 0.02 < expected.std() < 0.5
    # Ours divides the frame's variance by n, theirs by n - 1: 1 in 500 at relu4_1.
    assert (painted - expected.clamp(0, 1)).abs().max() < 5e-3


def test_the_shared_weights_give_a_picture_back_in_its_own_style(shared: Path) -> None:
    folder = shared / "weights"
    files = [folder / f"{name}.fp16.safetensors" for name in ("adain_decoder_relu4_1", "vgg19_normalised_relu4_1")]
    network = fill_network("adain", convert(files), origin="test")
    y, x = torch.meshgrid(torch.linspace(0, 1, 128), torch.linspace(0, 1, 128), indexing="ij")
    picture = torch.stack([x, y, (x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.1])[None]
    with torch.inference_mode():
        vector = network.encode(picture)  # type: ignore[operator]
        painted, _ = network(picture, vector, torch.zeros_like(vector), torch.zeros(1))
    assert (painted - picture).abs().mean() < 0.1


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("cut", r"decoder\.pth is damaged"),
        ("missing", r"decoder\.pth holds no tensor 14\.weight"),
        ("shape", r"decoder\.pth: 14\.weight has shape \[3, 3\], not \[128, 256, 3, 3\] as published"),
        ("other", r"decoder\.pth is none of AdaIN's files: give those of its VGG-19 and its decoder"),
        ("alone", r"AdaIN's decoder is missing"),
        ("twice", r"second\.pth is a second file with AdaIN's VGG-19"),
    ],
)
def test_files_that_do_not_fit_are_named(paths: list[Path], damage: str, says: str) -> None:
    vgg, decoder = paths
    tensors = torch.load(decoder, weights_only=True)
    changed = {
        "missing": {name: tensor for name, tensor in tensors.items() if name != "14.weight"},
        "shape": tensors | {"14.weight": torch.zeros(3, 3)},
        "other": {"c0.weight": torch.zeros(3, 3)},
    }
    if damage in changed:
        torch.save(changed[damage], decoder)
    elif damage == "cut":
        decoder.write_bytes(decoder.read_bytes()[:5000])
    elif damage == "alone":
        paths = [vgg]
    elif damage == "twice":
        paths.append(vgg.with_name("second.pth"))
        paths[2].write_bytes(vgg.read_bytes())
    with pytest.raises(WeightsError, match=says):
        convert(paths)


def test_a_tensor_of_the_first_convolutions_is_named(paths: list[Path]) -> None:
    tensors = torch.load(paths[0], weights_only=True)
    torch.save(tensors | {"0.weight": torch.zeros(3, 3)}, paths[0])
    with pytest.raises(WeightsError, match=r"vgg_normalised\.pth: 0\.weight has shape \[3, 3\], not \[3, 3, 1, 1\]"):
        convert(paths)
