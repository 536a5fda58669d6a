"""Weights into networks: read, checked, identified."""

import importlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from engines.errors import WeightsError
from engines.networks import NETWORKS, NetworkCard
from engines.store import file_sha256

if TYPE_CHECKING:
    from torch import nn


def network_card(name: str) -> NetworkCard:
    """Find a network by name.

    Raises:
        WeightsError: there is none of that name.
    """
    if name not in NETWORKS:
        raise WeightsError(f"no network is called {name!r}: choose one of {', '.join(NETWORKS)}")
    return NETWORKS[name]


@cache
def weights_sha256(path: Path) -> str:
    """Return the sha256 of a file of weights.

    Raises:
        WeightsError: it cannot be read.
    """
    try:
        return file_sha256(path)
    except OSError as error:
        raise WeightsError(f"cannot read the weights {path}: {error.strerror}") from error


def network_id(name: str, weights: Path | None = None) -> str:
    """Return what ties a style to the weights that made it: the network's name and its weights' sha256, shortened."""
    return f"{name}-{weights_sha256(weights or network_card(name).weights)[:16]}"


def load_network(name: str, weights: Path | None = None) -> "nn.Module":
    """Build a network and fill it, in float32 and evaluation mode, on the CPU.

    Raises:
        WeightsError: the file is missing, damaged, or its tensors do not fit; names the tensor.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    card = network_card(name)
    path = weights or card.weights
    network: nn.Module = getattr(importlib.import_module(card.module), card.kind)()
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"cannot read the weights {path}: {error}") from error
    expected = network.state_dict()
    for key in sorted(expected.keys() | tensors.keys()):
        found, wanted = tensors.get(key), expected.get(key)
        if found is None or wanted is None:
            raise WeightsError(
                f"{path} is not for the network {name!r}: {'no' if found is None else 'unknown'} tensor {key}"
            )
        if found.shape != wanted.shape:
            raise WeightsError(
                f"{path}: {key} has shape {list(found.shape)}, the network {name!r} wants {list(wanted.shape)}"
            )
    network.load_state_dict({key: tensor.float() for key, tensor in tensors.items()})
    return network.eval().requires_grad_(False)
