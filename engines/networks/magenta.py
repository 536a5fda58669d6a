"""Magenta's arbitrary image stylization (Ghiasi et al. 2017, arXiv 1705.06830), the small one made for phones.

A MobileNet-v2 (Sandler et al. 2018, arXiv 1801.04381) predicts from a picture an embedding of 100 numbers, a linear map
makes of it the scale and shift of every normalisation of the transfer network, which is that of Dumoulin et al. 2017
(arXiv 1610.07629, table 1) with a quarter of the channels.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.networks.statistics import Modulation

EMBEDDING = 100
WIDTHS = (8, 16, 32)
RESIDUALS = 5
# Expansion, output channels, repetitions and first stride: Sandler et al. 2018, table 2.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


class Convolution(nn.Conv2d):
    """A convolution that keeps the size, or divides it by the stride; the borders are mirrored."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, *, stride: int = 1) -> None:
        super().__init__(inputs, outputs, size, stride=stride, padding=size // 2, padding_mode="reflect")


class Residual(nn.Module):
    """Residual block: convolution, AdaIN, ReLU, convolution, AdaIN, sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a = Convolution(channels, channels)
        self.b = Convolution(channels, channels)

    def forward(self, x: Tensor, adain: Modulation) -> Tensor:
        return x + adain(self.b(F.relu(adain(self.a(x)))))


class Padded(nn.Conv2d):
    """A 3x3 convolution with TensorFlow's SAME padding, all of the odd row and column after the picture."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, 3, stride=stride, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        top, left = (1 if self.stride[0] == 1 else length % 2 for length in (height, width))
        return super().forward(F.pad(x, (left, 1, top, 1)))


class Bottleneck(nn.Module):
    """MobileNet-v2's inverted residual, its batch normalisation folded into the convolutions."""

    def __init__(self, inputs: int, outputs: int, *, expansion: int, stride: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = nn.Conv2d(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = Padded(inner, inner, stride=stride, groups=inner)
        self.project = nn.Conv2d(inner, outputs, 1)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        inner = x if self.expand is None else F.relu6(self.expand(x))
        projected: Tensor = self.project(F.relu6(self.depthwise(inner)))
        return x + projected if self.adds else projected


class StylePrediction(nn.Module):
    """A picture's embedding: MobileNet-v2, the mean over the picture, and a linear map."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Padded(3, 32, stride=2)
        blocks, inputs = [], 32
        for expansion, outputs, count, stride in STAGES:
            for i in range(count):
                blocks.append(Bottleneck(inputs, outputs, expansion=expansion, stride=1 if i else stride))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Conv2d(inputs, 1280, 1)
        self.embed = nn.Linear(1280, EMBEDDING)

    def forward(self, rgb: Tensor) -> Tensor:
        x = F.relu6(self.last(self.blocks(F.relu6(self.first(rgb)))))
        embedding: Tensor = self.embed(x.mean((2, 3)))
        return embedding


class Magenta(nn.Module):
    """Magenta's network: 0.11 M parameters paint a frame, 2.4 M read a style."""

    stride = 4
    style_size = 2 * (2 * RESIDUALS * WIDTHS[2] + WIDTHS[1] + WIDTHS[0] + 3)

    def __init__(self) -> None:
        super().__init__()
        low, middle, high = WIDTHS
        self.contract = nn.Sequential(
            Convolution(3, low, 9),
            nn.ReLU(),
            Convolution(low, middle, stride=2),
            nn.ReLU(),
            Convolution(middle, high, stride=2),
            nn.ReLU(),
        )
        self.residuals = nn.ModuleList(Residual(high) for _ in range(RESIDUALS))
        self.expand = nn.ModuleList((Convolution(high, middle), Convolution(middle, low), Convolution(low, 3, 9)))
        self.predict = StylePrediction()
        self.hyper = nn.Linear(EMBEDDING, self.style_size)

    def forward(self, rgb: Tensor, style: Tensor, scene: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Paint frames.

        Args:
            rgb: float [N, 3, H, W] in [0, 1], H and W multiples of `stride`, at least 8.
            style: float [N, K], all scales (applied as 1 + scale), then all shifts, in layer order.
            scene: float32 [N, K], the previous frame's statistics: all means, then all variances, in layer order.
            memory: float32 [N] in [0, 1), the weight of the previous statistics.

        Returns:
            painted float [N, 3, H, W] in [0, 1], and the scene float32 [N, K] it was painted with.
        """
        adain = Modulation(style, scene, memory, [conv.out_channels for conv in self.normalised])
        x = self.contract(rgb)
        for block in self.residuals:
            x = block(x, adain)
        x = F.relu(adain(self.expand[0](F.interpolate(x, scale_factor=2.0))))
        x = F.relu(adain(self.expand[1](F.interpolate(x, scale_factor=2.0))))
        return torch.sigmoid(adain(self.expand[2](x))), adain.scene()

    @property
    def normalised(self) -> list[Any]:
        """Return the convolutions whose biases a normalisation cancels, in layer order."""
        return [conv for block in self.residuals for conv in (block.a, block.b)] + list(self.expand)

    def encode(self, rgb: Tensor) -> Tensor:
        """Read the style of pictures.

        Args:
            rgb: float [N, 3, H, W] in [0, 1]; trained at 256x256.

        Returns:
            float [N, K], the style that `forward` takes.
        """
        vector: Tensor = self.hyper(self.predict(rgb))
        return vector
