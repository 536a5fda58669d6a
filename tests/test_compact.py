"""Weights in fewer bytes."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from engines.compact import BLOCK, SCALE, compact, restore
from engines.errors import WeightsError
from engines.networks.pincel import Pincel
from engines.weights import load_network


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        "paint.weight": torch.randn(4, 3, 3, 3),
        "read.weight": torch.randn(4, 3, 3, 3) * torch.logspace(-4, 2, 4)[:, None, None, None],
        "read.linear": torch.randn(3, 3 * BLOCK) * torch.logspace(-3, 0, 3 * BLOCK),
        "read.nothing": torch.zeros(2, BLOCK),
        "read.odd": torch.randn(2, 30),
        "read.bias": torch.randn(5),
    }


def test_what_is_restored_is_near_in_every_channel_and_block(tensors: dict[str, torch.Tensor]) -> None:
    small = compact(tensors, reading=["read."])
    again = restore(small)
    assert again.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert (again[name].dtype, again[name].shape) == (torch.float32, tensor.shape)
        eight = name.startswith("read.") and name != "read.bias"
        assert small[name].dtype == (torch.int8 if eight else torch.float16)
        assert (name + SCALE in small) == eight
    channels = (again["read.weight"] - tensors["read.weight"]).abs().amax((1, 2, 3))
    assert (channels <= tensors["read.weight"].abs().amax((1, 2, 3)) / 250).all()
    blocks = [each["read.linear"].reshape(3, 3, BLOCK) for each in (again, tensors)]
    assert ((blocks[0] - blocks[1]).abs().amax(2) <= blocks[1].abs().amax(2) / 250).all()
    assert not again["read.nothing"].any()


def test_bundled_weights_lose_nothing_by_being_compacted_again() -> None:
    network = load_network("pincel")
    assert isinstance(network, Pincel)
    state = network.state_dict()
    again = restore(compact(state, reading=network.reading))
    assert all((again[name] - tensor).abs().max() <= 1e-3 * tensor.abs().max() for name, tensor in state.items())


@pytest.mark.parametrize("damage", ["numbers gone", "scales gone", "scales too few", "scales flat"])
def test_scales_that_do_not_fit_are_named(damage: str, tmp_path: Path) -> None:
    tensors = compact(load_network("pincel").state_dict(), reading=Pincel.reading)
    scale = "hyper.widen.weight" + SCALE
    found = tensors.pop(scale)
    if damage == "numbers gone":
        tensors[scale] = found
        del tensors["hyper.widen.weight"]
    elif damage != "scales gone":
        tensors[scale] = found[1:] if damage == "scales too few" else found.flatten()
    save_file(tensors, tmp_path / "damaged.safetensors")
    with pytest.raises(WeightsError, match=r"hyper\.widen\.weight"):
        load_network("pincel", tmp_path / "damaged.safetensors")
