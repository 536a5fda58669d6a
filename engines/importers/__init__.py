"""Published files into weights: a module a network, with `convert(paths) -> {name: tensor}`."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from engines.errors import WeightsError
from engines.weights import read_tensors

Shape = tuple[int, ...]


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Read a published file of named tensors, safetensors or PyTorch's own; nothing in it is run.

    Raises:
        WeightsError: it is missing, damaged or holds something else.
    """
    if path.suffix == ".safetensors":
        return read_tensors(path)
    try:
        data = io.BytesIO(path.read_bytes())
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        tensors = torch.load(data, map_location="cpu", weights_only=True)
    except Exception as error:
        raise WeightsError(f"{path} is damaged, or no file of PyTorch tensors: download it again") from error
    if not isinstance(tensors, dict) or not all(isinstance(each, Tensor) for each in tensors.values()):
        raise WeightsError(f"{path} holds no named tensors: give the files as published")
    return tensors


def take(
    tensors: Mapping[str, Tensor], names: Mapping[str, str], *, path: Path, shapes: Mapping[str, Shape] | None = None
) -> dict[str, Tensor]:
    """Pick tensors and rename them, {wanted: found}; others are left out.

    Raises:
        WeightsError: one is missing, or has another shape than is wanted.
    """
    for wanted, found in names.items():
        if found not in tensors:
            raise WeightsError(f"{path} holds no tensor {found}: is it the file as published?")
        shape = tuple(tensors[found].shape)
        if shapes is not None and shape != shapes[wanted]:
            raise WeightsError(f"{path}: {found} has shape {list(shape)}, not {list(shapes[wanted])} as published")
    return {wanted: tensors[found] for wanted, found in names.items()}


def parameters(layers: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the weights and biases of renamed layers."""
    return {f"{ours}.{kind}": f"{theirs}.{kind}" for ours, theirs in layers.items() for kind in ("weight", "bias")}


def shapes_of(network: Callable[[], nn.Module]) -> dict[str, Shape]:
    """Return the shapes of a network's tensors by name."""
    with torch.device("meta"):
        return {key: tuple(tensor.shape) for key, tensor in network().state_dict().items()}
