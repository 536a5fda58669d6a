"""Weights in fewer bytes: sixteen bits for what paints, eight for what reads a style, once a picture.

Eight bits are whole numbers and a scale for every 64 of them, as in GGML's Q8_0, for every output channel of a
convolution. They are made float32 again when they are read: nothing is computed in eight bits.
"""

from collections.abc import Iterable, Mapping
from math import gcd

import torch
from torch import Tensor

SCALE = ".scale"
BLOCK, STEPS = 64, 127
LEAST = 2.0**-24  # the smallest number of 16 bits: a block of zeros has a scale, too


def compact(tensors: Mapping[str, Tensor], *, reading: Iterable[str]) -> dict[str, Tensor]:
    """Make weights small.

    Args:
        tensors: a network's state.
        reading: how the names of those begin that take eight bits, vectors apart.

    Returns:
        float16, and int8 with float16 scales [rows, blocks] under the same name and ".scale".
    """
    small = {}
    for name, tensor in tensors.items():
        if tensor.dim() < 2 or not name.startswith(tuple(reading)):
            small[name] = tensor.half().contiguous()
            continue
        rows = tensor.flatten(1)
        block = gcd(rows.shape[1], BLOCK) if tensor.dim() == 2 else rows.shape[1]
        blocks = rows.reshape(len(rows), -1, block).float()
        scale = (blocks.abs().amax(2) / STEPS).half().clamp(min=LEAST)
        whole = (blocks / scale.float()[..., None]).round().clamp(-STEPS, STEPS)
        small[name] = whole.to(torch.int8).reshape(tensor.shape).contiguous()
        small[name + SCALE] = scale
    return small


def restore(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what `compact` was given, float32; whole numbers without scales that fit stay as they are."""
    whole = dict(tensors)
    for name, tensor in tensors.items():
        scale = tensors.get(name + SCALE)
        if scale is None or tensor.dtype != torch.int8 or scale.dim() != 2 or tensor.numel() % scale.numel():
            continue
        blocks = tensor.reshape(*scale.shape, -1).float() * scale.float()[..., None]
        whole[name] = blocks.reshape(tensor.shape)
        del whole[name + SCALE]
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in whole.items()}
