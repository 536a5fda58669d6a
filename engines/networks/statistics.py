"""A frame's statistics, taken and given: what every network of styles does."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

EPSILON = 1e-5


def statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance of every channel of [N, C, H, W], float32 [N, C] each, reduced in float32.

    The mean of squared differences: torch.var_mean does not convert to TensorRT with dynamic shapes, and is slow on a
    CPU with channels last.
    """
    wide = x.float()
    mean = wide.mean((2, 3))
    return mean, (wide - over(mean)).square().mean((2, 3))


class Statistics(torch.autograd.Function):
    """`statistics` for training: its gradient in one pass over x, where that of each operation takes seven."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, variance = statistics(x)
        ctx.save_for_backward(x, mean)
        return mean, variance

    @staticmethod
    def backward(ctx: Any, by_mean: Tensor, by_variance: Tensor) -> Tensor:
        x, mean = ctx.saved_tensors
        count = x.shape[2] * x.shape[3]
        scale = 2 / count * by_variance
        offset = by_mean / count - scale * mean
        return torch.addcmul(over(offset).to(x.dtype), x, over(scale).to(x.dtype))


def mean_and_variance(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance of every channel of [N, C, H, W], float32 [N, C] each."""
    if not (torch.is_grad_enabled() and x.requires_grad):
        return statistics(x)  # a traced graph is made of operations alone
    both: tuple[Tensor, Tensor] = Statistics.apply(x)  # type: ignore[no-untyped-call]
    return both


def moments(features: Tensor) -> Tensor:
    """Return mean and deviation of every channel of [N, C, H, W], float32 [N, 2, C]."""
    mean, variance = mean_and_variance(features)
    return torch.stack([mean, (variance + EPSILON).sqrt()], 1)


def over(each: Tensor) -> Tensor:
    """Lay numbers of channels, [N, C], over their planes: [N, C, 1, 1]."""
    return each.unsqueeze(2).unsqueeze(3)  # indexing with None slices too, in a traced graph


class Modulation:
    """Adaptive instance normalisation of one frame, layer after layer (Huang and Belongie 2017, eq. 8).

    Normalises with the content's statistics, as remembered, and gives the style's scale and shift. Vectors hold all
    scales (means) first, then all shifts (variances), each in the order in which the layers are called.
    """

    def __init__(self, style: Tensor, scene: Tensor, memory: Tensor, widths: Sequence[int]) -> None:
        """Take style and scene [N, K] and memory [N]; `widths` are the channels of the layers."""
        scales, shifts = style.float().chunk(2, 1)
        # Of all layers at once: a graph of few operations compiles sooner.
        parts = (1 + scales, over(shifts), *scene.chunk(2, 1))
        self.layers: Iterator[tuple[Tensor, ...]] = zip(
            *(torch.split(part, list(widths), 1) for part in parts), strict=True
        )
        self.old, self.memory = scene, memory[:, None]
        self.means: list[Tensor] = []
        self.variances: list[Tensor] = []

    def __call__(self, x: Tensor) -> Tensor:
        """Normalise and modulate float [N, C, H, W]; statistics are reduced in float32 whatever the dtype of x."""
        scale, shift, old_mean, old_variance = next(self.layers)
        current, spread = mean_and_variance(x)
        self.means.append(current)
        self.variances.append(spread)
        mean = torch.lerp(current, old_mean, self.memory)
        variance = torch.lerp(spread, old_variance, self.memory)
        # What is done to [N, C] stays so until here: OpenVINO would do it anew for every pixel.
        scale = over(scale * torch.rsqrt(variance + EPSILON))
        # The mean goes first: folded into the shift, its rounding is what a flat frame would show in 16 bits.
        return (x - over(mean).to(x.dtype)) * scale.to(x.dtype) + shift.to(x.dtype)

    def scene(self) -> Tensor:
        """Return the statistics used, float32 [N, K]."""
        return torch.lerp(torch.cat(self.means + self.variances, 1), self.old, self.memory)


def centre(network: Any, rgb: Tensor) -> None:
    """Move the biases of a network's `normalised` convolutions so that they have zero mean on a sample frame.

    AdaIN cancels whatever a bias adds, so the painting stays; 16-bit numbers are finest around zero (a fifth less error
    in bfloat16 with the default network, a tenth with Magenta's).

    Args:
        network: follows the contract of `engines.networks.pincel.Pincel`.
        rgb: float32 [1, 3, H, W] in [0, 1].
    """
    style = network.encode(rgb)
    _, scene = network(rgb, style, torch.zeros_like(style), torch.zeros(1))
    means = scene[0].chunk(2)[0].split([conv.out_channels for conv in network.normalised])
    for conv, mean in zip(network.normalised, means, strict=True):
        conv.bias.sub_(mean)
