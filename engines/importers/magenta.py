"""Magenta's arbitrary image stylization, from its two TFLite files: style prediction and style transfer.

Weights are read as the files have them, int8 or float16. The int8 prediction, run as published, rounds its
activations to 8 bits, too; here they stay float.
"""

from pathlib import Path

import torch
from torch import Tensor

from engines.errors import WeightsError
from engines.importers import Shape, parameters, shapes_of, take
from engines.importers.tflite import read_convolutions
from engines.networks.magenta import EMBEDDING, RESIDUALS, STAGES, Magenta

# What each file is for, and the layer it is known by.
PARTS = {"style prediction": "MobilenetV2/Conv", "style transfer": "transformer/contract/conv1"}
BLOCKS = sum(count for _, _, count, _ in STAGES)
MODULATED = {
    **{f"residuals.{i}.{own}": f"residual/residual{i + 1}/{conv}" for i in range(RESIDUALS)
       for own, conv in (("a", "conv1"), ("b", "conv2"))},
    **{f"expand.{i}": f"expand/conv{i + 1}/conv" for i in range(3)},
}  # fmt: skip


def convert(paths: list[Path]) -> dict[str, Tensor]:
    """Make the weights of `engines.networks.magenta.Magenta` from one file of each kind, in any order.

    Raises:
        WeightsError: a file is missing, damaged or another, or ai-edge-litert is not installed.
    """
    found: dict[str, tuple[Path, dict[str, Tensor]]] = {}
    for path in paths:
        tensors = read_convolutions(path)
        part = next((part for part, layer in PARTS.items() if f"{layer}.weight" in tensors), None)
        if part is None:
            raise WeightsError(f"{path} is none of Magenta's files: give its {' and its '.join(PARTS)}")
        if part in found:
            raise WeightsError(f"{found[part][0].name} and {path.name} are both a {part}: give one of them")
        found[part] = path, tensors
    for part in PARTS:
        if part not in found:
            raise WeightsError(f"Magenta's {part} is missing: give its {' and its '.join(PARTS)}")
    prediction, transfer = (found[part] for part in PARTS)
    return convert_prediction(*prediction) | convert_transfer(*transfer)


def convert_prediction(path: Path, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename MobileNet-v2, and make the last convolution, of one pixel, a linear map."""
    layers = {"first": "MobilenetV2/Conv", "last": "MobilenetV2/Conv_1", "embed": "mobilenet_conv/Conv"}
    for i in range(BLOCKS):
        block = f"MobilenetV2/expanded_conv_{i}" if i else "MobilenetV2/expanded_conv"
        parts = ("expand", "depthwise", "project")[i == 0 :]
        layers |= {f"blocks.{i}.{part}": f"{block}/{part}" for part in parts}
    weights = take(tensors, parameters({f"predict.{own}": theirs for own, theirs in layers.items()}), path=path)
    weights["predict.embed.weight"] = weights["predict.embed.weight"].flatten(1)
    return weights


def convert_transfer(path: Path, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the transfer network, and make one linear map of what gives its layers scale (as 1 + scale) and shift."""
    contract = {f"contract.{2 * i}": f"contract/conv{i + 1}" for i in range(3)}
    layers = {own: f"transformer/{theirs}" for own, theirs in {**contract, **MODULATED}.items()}
    maps = {
        f"{which}.{own}": f"style_params/transformer/{theirs}/StyleNorm/{conv}"
        for which, conv in (("scale", "Conv_1"), ("shift", "Conv"))
        for own, theirs in MODULATED.items()
    }
    known = shapes_of(Magenta)
    shapes: dict[str, Shape] = {}
    for name in maps:
        bias = known[f"{name.partition('.')[2]}.bias"]
        shapes |= {f"{name}.weight": (*bias, EMBEDDING, 1, 1), f"{name}.bias": bias}
    found = take(tensors, parameters(maps), path=path, shapes=shapes)
    scales = [found[f"scale.{own}.bias"] - 1 for own in MODULATED]
    shifts = [found[f"shift.{own}.bias"] for own in MODULATED]
    rows = [found[f"{which}.{own}.weight"].flatten(1) for which in ("scale", "shift") for own in MODULATED]
    mapping = {"hyper.weight": torch.cat(rows), "hyper.bias": torch.cat(scales + shifts)}
    return take(tensors, parameters(layers), path=path) | mapping
