"""Weights into networks: read, checked, identified, installed."""

import importlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from engines import store
from engines.errors import WeightsError
from engines.networks import NETWORKS, NetworkCard

if TYPE_CHECKING:
    from torch import Tensor, nn


def network_card(name: str) -> NetworkCard:
    """Find a network by name.

    Raises:
        WeightsError: there is none of that name.
    """
    if name not in NETWORKS:
        raise WeightsError(f"no network is called {name!r}: choose one of {', '.join(NETWORKS)}")
    return NETWORKS[name]


def weights_path(name: str, weights: Path | None = None) -> Path:
    """Return the weights to use: those given, else the bundled or installed ones.

    Raises:
        WeightsError: the network is not installed, or there is none of that name.
    """
    card = network_card(name)
    if weights is None and not card.weights.exists():
        raise WeightsError(f"the network {name!r} is not installed: {card.remedy}")
    return weights or card.weights


def weights_sha256(path: Path) -> str:
    """Return the sha256 of a file of weights, reckoned once for as long as the file does not change.

    Raises:
        WeightsError: it cannot be read.
    """
    try:
        found = path.stat()
        return _file_sha256(path, found.st_size, found.st_mtime_ns)
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror}") from error


@cache
def _file_sha256(path: Path, size: int, changed_ns: int) -> str:
    return store.file_sha256(path)


def network_id(name: str, weights: Path | None = None) -> str:
    """Return what ties a style to the weights that made it: the network's name and its weights' sha256, shortened."""
    return f"{name}-{weights_sha256(weights_path(name, weights))[:16]}"


def load_network(name: str, weights: Path | None = None) -> "nn.Module":
    """Build a network and fill it, in float32 and evaluation mode, on the CPU.

    Raises:
        WeightsError: the file is missing, damaged, or its tensors do not fit; names the tensor.
    """
    path = weights_path(name, weights)
    return fill_network(name, read_tensors(path), origin=str(path))


def read_tensors(path: Path) -> "dict[str, Tensor]":
    """Read a safetensors file.

    Raises:
        WeightsError: it is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"cannot read the weights {path}: {error}") from error


def fill_network(name: str, tensors: "Mapping[str, Tensor]", *, origin: str) -> "nn.Module":
    """Build a network of these tensors, as `load_network` does; `origin` is what an error says they come from.

    Raises:
        WeightsError: they do not fit; names the tensor.
    """
    import torch

    from engines.compact import restore

    card, tensors = network_card(name), restore(tensors)
    with torch.device("meta"):  # nothing is drawn at random that is replaced at once
        network: nn.Module = getattr(importlib.import_module(card.module), card.kind)()
    expected = network.state_dict()
    for key in sorted(expected.keys() | tensors.keys()):
        found, wanted = tensors.get(key), expected.get(key)
        if found is None or wanted is None:
            raise WeightsError(
                f"{origin} is not for the network {name!r}: {'no' if found is None else 'unknown'} tensor {key}"
            )
        if found.shape != wanted.shape:
            raise WeightsError(
                f"{origin}: {key} has shape {list(found.shape)}, the network {name!r} wants {list(wanted.shape)}"
            )
        if not found.is_floating_point():
            raise WeightsError(f"{origin}: {key} holds whole numbers without the scales that belong to them")
        if not found.isfinite().all():
            raise WeightsError(f"{origin}: {key} holds numbers that are not finite")
    network.load_state_dict(tensors, assign=True)
    return network.eval().requires_grad_(False)


def import_network(name: str, files: list[Path]) -> Path:
    """Make a network's weights from published files, and install them, whole or not at all, in place of older ones.

    Args:
        name: of the network.
        files: as published, in any order.

    Returns:
        The installed file.

    Raises:
        WeightsError: there is no such network, it needs no files, the files do not fit, or nothing can be written.
    """
    from safetensors.torch import save

    card = network_card(name)
    if not card.importer:
        raise WeightsError(f"the network {name!r} comes with Pincel: there is nothing to import")
    tensors: dict[str, Tensor] = importlib.import_module(card.importer).convert(files)
    fill_network(name, tensors, origin=", ".join(path.name for path in files))
    try:
        store.write_whole(card.weights, save({key: tensor.contiguous() for key, tensor in tensors.items()}))
    except OSError as error:
        raise WeightsError(f"cannot write the weights {card.weights}: {error.strerror}") from error
    return card.weights
