"""The default network: painting network and style encoder.

An AdaIN network (Huang and Belongie 2017, arXiv 1703.06868) in the form of Dumoulin et al. 2017 (arXiv 1610.07629) and
Ghiasi et al. 2017 (arXiv 1705.06830): every normalisation of the painting network takes its scale and shift from the
style vector, which a style encoder predicts once per picture.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.networks.statistics import EPSILON, Modulation

WIDTHS = (32, 64, 128)
TRUNK_BLOCKS = 3
EMBEDDING = 100
HIDDEN = 512


class Residual(nn.Module):
    """Residual block: convolution, AdaIN, ReLU, convolution, AdaIN, sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a = nn.Conv2d(channels, channels, 3, padding=1)
        self.b = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, adain: Modulation) -> Tensor:
        return x + adain(self.b(F.relu(adain(self.a(x)))))


class StyleEncoder(nn.Module):
    """What a picture's style is: mean and deviation of four strided stages and of the picture, through a small MLP."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 64, 128, 256)
        for i in range(4):
            self.add_module(f"c{i}", nn.Conv2d(widths[i], widths[i + 1], 3, stride=2, padding=1))
            self.add_module(f"r{i}", nn.Conv2d(widths[i + 1], widths[i + 1], 3, padding=1))
        self.o0 = nn.Linear(2 * sum(widths), HIDDEN)
        self.o1 = nn.Linear(HIDDEN, EMBEDDING)

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """Return the MLP's hidden layer, [N, HIDDEN], and the embedding, [N, EMBEDDING]."""
        x = rgb * 4 - 2
        pooled = [*self.pool(x)]
        for i in range(4):
            x = F.relu(self.get_submodule(f"c{i}")(x))
            x = F.relu(x + self.get_submodule(f"r{i}")(x))
            pooled += self.pool(x)
        hidden = F.leaky_relu(self.o0(torch.cat(pooled, 1)), 0.1)
        return hidden, self.o1(hidden)

    @staticmethod
    def pool(x: Tensor) -> tuple[Tensor, Tensor]:
        return x.mean((2, 3)), (x.var((2, 3)) + EPSILON).sqrt()


class Pincel(nn.Module):
    """The default network: 1.16 M parameters paint a frame, 3.7 M read a style.

    Parameter names are those of the weights file.
    """

    stride = 8
    style_size = 2 * (2 * WIDTHS[0] + 4 * WIDTHS[1] + (1 + 2 * TRUNK_BLOCKS) * WIDTHS[2])

    def __init__(self) -> None:
        super().__init__()
        low, middle, high = WIDTHS
        self.e1 = nn.Conv2d(12, low, 3, padding=1)
        self.e2 = nn.Conv2d(low, middle, 3, stride=2, padding=1)
        self.e3 = nn.Conv2d(middle, high, 3, stride=2, padding=1)
        for i in range(TRUNK_BLOCKS):
            self.add_module(f"t{i}", Residual(high))
        self.d1 = nn.Conv2d(high, middle, 3, padding=1)
        self.skip = nn.Conv2d(middle, middle, 1)
        self.r0 = Residual(middle)
        self.d2 = nn.Conv2d(middle, low, 3, padding=1)
        self.out = nn.Conv2d(low, 12, 3, padding=1)
        self.style = StyleEncoder()
        sizes = (EMBEDDING, 256, 256, self.style_size)
        self.hyper = nn.ModuleList(nn.Linear(sizes[i], sizes[i + 1]) for i in range(3))
        self.direct = nn.Linear(HIDDEN, self.style_size, bias=False)

    def forward(self, rgb: Tensor, style: Tensor, scene: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Paint frames.

        Args:
            rgb: float [N, 3, H, W] in [0, 1], H and W multiples of `stride`.
            style: float [N, K], all scales (applied as 1 + scale), then all shifts, in layer order.
            scene: float32 [N, K], the previous frame's statistics: all means, then all variances, in layer order.
            memory: float32 [N] in [0, 1), the weight of the previous statistics.

        Returns:
            painted float [N, 3, H, W] in [0, 1], and the scene float32 [N, K] it was painted with.
        """
        adain = Modulation(style, scene, memory)
        x = F.relu(adain(self.e1(F.pixel_unshuffle(rgb, 2))))
        x = half = F.relu(adain(self.e2(x)))
        x = F.relu(adain(self.e3(x)))
        for i in range(TRUNK_BLOCKS):
            x = self.get_submodule(f"t{i}")(x, adain)
        x = F.relu(adain(self.d1(enlarge(x)) + self.skip(half)))
        x = self.r0(x, adain)
        x = F.relu(adain(self.d2(enlarge(x))))
        return torch.sigmoid(F.pixel_shuffle(self.out(x), 2)), adain.scene()

    @property
    def normalised(self) -> list[Any]:
        """Return the convolutions whose biases a normalisation cancels, in layer order."""
        blocks = [self.get_submodule(f"t{i}.{conv}") for i in range(TRUNK_BLOCKS) for conv in "ab"]
        return [self.e1, self.e2, self.e3, *blocks, self.d1, self.r0.a, self.r0.b, self.d2]

    def encode(self, rgb: Tensor) -> Tensor:
        """Read the style of pictures.

        Args:
            rgb: float [N, 3, H, W] in [0, 1], at least 16x16; trained at 256 pixels on the short side.

        Returns:
            float [N, K], the style that `forward` takes.
        """
        hidden, x = self.style(rgb)
        x = F.leaky_relu(self.hyper[0](x), 0.1)
        x = F.leaky_relu(self.hyper[1](x), 0.1)
        vector: Tensor = self.hyper[2](x) + self.direct(hidden)
        return vector


def enlarge(x: Tensor) -> Tensor:
    """Double height and width, nearest neighbour."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
