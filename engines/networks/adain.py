"""AdaIN (Huang and Belongie 2017, arXiv 1703.06868): VGG-19 up to relu4_1, its statistics replaced, and a decoder.

With published weights it is the reference of its field; of the networks here it is the slowest.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.networks.statistics import EPSILON, Modulation
from engines.networks.vgg import LAYERS, Vgg

FEATURES = LAYERS["conv4_1"][1]
DECODER = {name.replace("conv", "dec"): (outputs, inputs) for name, (inputs, outputs) in reversed(LAYERS.items())}


class AdaIN(nn.Module):
    """VGG-19's encoder and the decoder that mirrors it: 7.0 M parameters paint a frame, 3.5 M of them read a style."""

    stride = 8
    style_size = 2 * FEATURES

    def __init__(self) -> None:
        super().__init__()
        self.vgg = Vgg()
        for name, (inputs, outputs) in DECODER.items():
            self.add_module(name, nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect"))

    def forward(self, rgb: Tensor, style: Tensor, scene: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Paint frames.

        Args:
            rgb: float [N, 3, H, W] in [0, 1], H and W multiples of `stride`, at least 16.
            style: float [N, K], the deviations of relu4_1 less 1, then its means.
            scene: float32 [N, K], the previous frame's statistics at relu4_1: means, then variances.
            memory: float32 [N] in [0, 1), the weight of the previous statistics.

        Returns:
            painted float [N, 3, H, W] in [0, 1], and the scene float32 [N, K] it was painted with.
        """
        adain = Modulation(style, scene, memory, [self.style_size // 2])
        x = adain(self.vgg(rgb)[-1])
        for name in DECODER:
            x = self.get_submodule(name)(x)
            if name != "dec1_1":
                x = F.relu(x)
                if name.endswith("_1"):
                    x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return x.clamp(0, 1), adain.scene()

    def encode(self, rgb: Tensor) -> Tensor:
        """Read the style of pictures.

        Args:
            rgb: float [N, 3, H, W] in [0, 1], at least 16x16; published results have 512 pixels on the short side.

        Returns:
            float [N, K], the style that `forward` takes.
        """
        mean, deviation = statistics(self.vgg(rgb)[-1])
        return torch.cat([deviation - 1, mean], 1)


def statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the means and deviations float [N, C] of the channels of float [N, C, H, W], as published."""
    return x.mean((2, 3)), (x.var((2, 3)) + EPSILON).sqrt()
