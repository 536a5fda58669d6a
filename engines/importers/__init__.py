"""Published files into weights: a module a network, with `convert(paths) -> {name: tensor}`."""

from pathlib import Path

import torch
from torch import Tensor

from engines.errors import WeightsError
from engines.weights import read_tensors


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """Read a published file of named tensors, safetensors or PyTorch's own; nothing in it is run.

    Raises:
        WeightsError: it is missing, damaged or holds something else.
    """
    if path.suffix == ".safetensors":
        return read_tensors(path)
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:
        raise WeightsError(f"{path} is damaged, or no file of PyTorch tensors: download it again") from error
    if not isinstance(tensors, dict) or not all(isinstance(each, Tensor) for each in tensors.values()):
        raise WeightsError(f"{path} holds no named tensors: give the files as published")
    return tensors


def take(tensors: dict[str, Tensor], names: dict[str, str], *, path: Path) -> dict[str, Tensor]:
    """Pick tensors and rename them, {wanted: found}; others are left out.

    Raises:
        WeightsError: one is missing.
    """
    for found in names.values():
        if found not in tensors:
            raise WeightsError(f"{path} holds no tensor {found}: is it the file as published?")
    return {wanted: tensors[found] for wanted, found in names.items()}
