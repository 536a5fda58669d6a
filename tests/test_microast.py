"""MicroAST: its forward as published, and its files."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import WeightsError
from engines.importers.microast import PARTS, convert
from engines.networks.microast import MicroAST
from engines.weights import fill_network

Tensors = dict[str, Tensor]


def files(folder: Path) -> list[Path]:
    return [folder / f"{part}_iter_160000.pth.tar" for part in PARTS]


def publish(folder: Path) -> dict[str, Tensors]:
    """Write random weights as MicroAST's authors published theirs."""
    torch.manual_seed(0)
    parts: dict[str, Tensors] = {part: {} for part in PARTS}
    for key, tensor in MicroAST().state_dict().items():
        part, _, rest = key.partition(".")
        layer, _, parameter = rest.rpartition(".")
        parts[part][f"{layer}.conv_layer.{parameter}"] = tensor
    for path, tensors in zip(files(folder), parts.values(), strict=True):
        torch.save(tensors, path)
    return parts


@pytest.fixture
def published(tmp_path: Path) -> dict[str, Tensors]:
    return publish(tmp_path)


def layer(x: Tensor, tensors: Tensors, name: str, *, stride: int = 1) -> Tensor:
    weight, bias = (tensors[f"{name}.conv_layer.{kind}"] for kind in ("weight", "bias"))
    pad = weight.shape[2] // 2
    x = nn.ReflectionPad2d(pad)(x)
    return F.conv2d(x, weight, bias, stride, groups=x.shape[1] // weight.shape[1])


def encode(x: Tensor, tensors: Tensors) -> list[Tensor]:
    for place, stride in (("0", 1), ("2", 2), ("4", 1), ("6", 2), ("8", 1)):
        x = F.relu(layer(x, tensors, f"enc1.{place}", stride=stride))
    features = []
    for block in ("enc1.10", "enc2.0"):
        x = x + layer(F.relu(layer(x, tensors, f"{block}.conv1")), tensors, f"{block}.conv2")
        features.append(x)
    return features


def adain(x: Tensor, style: Tensor) -> Tensor:
    mean, deviation = x.mean((2, 3), keepdim=True), (x.var((2, 3), keepdim=True) + 1e-5).sqrt()
    style_mean, style_deviation = style.mean((2, 3), keepdim=True), (style.var((2, 3), keepdim=True) + 1e-5).sqrt()
    return (x - mean) / deviation * style_deviation + style_mean


def paint(content: Tensor, style: Tensor, parts: dict[str, Tensors]) -> Tensor:
    """Paint as the authors' test network does with alpha 1."""
    content_encoder, style_encoder, modulator, decoder = (parts[part] for part in PARTS)
    shallow, deep = encode(style, style_encoder)
    signals = {
        name: layer(shallow if "1" in name else deep, modulator, f"{name}.0").mean((2, 3), keepdim=True)
        for name in ("weight1", "bias1", "weight2", "bias2")
    }
    x = encode(content, content_encoder)[1]
    for block, features, number in (("dec1", deep, 2), ("dec2", shallow, 1)):
        x = adain(x, features)
        weight, bias = signals[f"weight{number}"], signals[f"bias{number}"]
        inner = F.relu(weight * layer(x, decoder, f"{block}.conv1") + bias * x)
        x = x + weight * layer(inner, decoder, f"{block}.conv2") + bias * inner
    for place in ("1", "3", "6", "8"):
        if place in "16":
            x = nn.Upsample(scale_factor=2, mode="bilinear")(x)
        x = F.relu(layer(x, decoder, f"dec3.{place}"))
    return layer(x, decoder, "dec3.10")


def difference(parts: dict[str, Tensors], network: nn.Module) -> float:
    """Compare on a quarter of a megapixel: ours divides the frame's variance by n, theirs by n - 1."""
    torch.manual_seed(1)
    content, style = (F.interpolate(torch.rand(1, 3, 32, 32), (side, side), mode="bicubic") for side in (512, 256))
    with torch.inference_mode():
        vector = network.encode(style)  # type: ignore[operator]
        painted, scene = network(content, vector, torch.zeros_like(vector), torch.zeros(1))
        assert vector.shape == scene.shape == (1, 512)
        return float((painted - paint(content, style, parts).clamp(0, 1)).abs().max())


def test_random_weights_paint_as_published(tmp_path: Path, published: dict[str, Tensors]) -> None:
    network = fill_network("microast", convert(files(tmp_path)[::-1]), origin="test")
    assert difference(published, network) < 1e-4


def test_the_authors_weights_paint_as_published(shared: Path) -> None:
    paths = files(shared / "weights/microast")
    parts = {part: torch.load(path, weights_only=True) for part, path in zip(PARTS, paths, strict=True)}
    assert difference(parts, fill_network("microast", convert(paths), origin="test")) < 1e-4


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("cut", "decoder_iter_160000.pth.tar is damaged"),
        ("missing", r"decoder_iter.* holds no tensor dec3\.8\.conv_layer\.weight"),
        ("shape", r"decoder_iter.*: dec3\.8\.conv_layer\.weight has shape \[3, 3\], not \[16, 16, 1, 1\]"),
        ("file", r"of MicroAST's four files give one called decoder\*, not 0"),
        ("name", r"mine\.pth is none of MicroAST's files: they are called content_encoder\*, style_encoder\*"),
    ],
)
def test_files_that_do_not_fit_are_named(tmp_path: Path, published: dict[str, Tensors], damage: str, says: str) -> None:
    paths = files(tmp_path)
    key = "dec3.8.conv_layer.weight"
    if damage == "cut":
        paths[3].write_bytes(paths[3].read_bytes()[:5000])
    elif damage == "missing":
        torch.save({name: tensor for name, tensor in published["decoder"].items() if name != key}, paths[3])
    elif damage == "shape":
        torch.save(published["decoder"] | {key: torch.zeros(3, 3)}, paths[3])
    else:
        paths = [*paths[:3], *([paths[3].rename(tmp_path / "mine.pth")] if damage == "name" else [])]
    with pytest.raises(WeightsError, match=says):
        convert(paths)
