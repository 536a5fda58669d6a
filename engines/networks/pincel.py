"""The default network: painting network and style encoder.

An AdaIN network (Huang and Belongie 2017, arXiv 1703.06868) in the form of Dumoulin et al. 2017 (arXiv 1610.07629) and
Ghiasi et al. 2017 (arXiv 1705.06830): every normalisation of the painting network takes its scale and shift from the
style vector, which is read once per picture. What is read are the means and deviations of the channels of VGG-19, by
which paintings are judged in training (`StyleEncoder`); a small network makes them into the style (`Hyper`).
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.networks.statistics import Modulation, moments
from engines.networks.vgg import WIDTHS as VGG_WIDTHS

TRUNK_BLOCKS = 3
MOMENTS = 2 * sum(VGG_WIDTHS)
RANK, HIDDEN = 512, 256


def convolution(inputs: int, outputs: int, *, stride: int = 1) -> nn.Conv2d:
    """Return a convolution 3x3 that repeats the border.

    Zeros around would be all that varies in a flat frame, and normalisation makes a coloured frame of that.
    """
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, padding_mode="replicate")


class Residual(nn.Module):
    """Residual block: convolution, AdaIN, ReLU, convolution, AdaIN, sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a = convolution(channels, channels)
        self.b = convolution(channels, channels)

    def forward(self, x: Tensor, adain: Modulation) -> Tensor:
        return x + adain(self.b(F.relu(adain(self.a(x)))))


class Doubling(nn.ConvTranspose2d):
    """Transposed convolution to twice the size: four taps for each pixel.

    Nearest-neighbour enlargement and a convolution 3x3, as which it was trained first, is the special case in which its
    weights are sums of nine, and takes nine. The border is repeated.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, stride=2, padding=3)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(F.pad(x, (1, 1, 1, 1), mode="replicate"))


def level(weight: Tensor, *, taps: tuple[int, ...], phases: tuple[int, ...]) -> None:
    """Give all phases of an enlargement the same sum of taps, in place, by as little as will do."""
    sums = weight.sum(taps, keepdim=True)
    weight += (sums.mean(phases, keepdim=True) - sums) * sums.numel() / weight.numel()


class StyleEncoder(nn.Module):
    """What VGG-19 sees in a picture, at a quarter of its cost: a student of its relu1_1, 2_1, 3_1 and 4_1."""

    widths = (64, 64, 128, 256)
    blocks = (0, 1, 1, 2)

    def __init__(self) -> None:
        super().__init__()
        for i, (width, blocks) in enumerate(zip(self.widths, self.blocks, strict=True)):
            before, stride = (self.widths[i - 1], 2) if i else (3, 1)
            self.add_module(f"c{i}", nn.Conv2d(before, width, 3, stride=stride, padding=1))
            for j in range(blocks):
                self.add_module(f"r{i}{j}", nn.Conv2d(width, width, 3, padding=1))
            self.add_module(f"f{i}", nn.Conv2d(width, VGG_WIDTHS[i], 1) if i else nn.Identity())

    def forward(self, rgb: Tensor) -> list[Tensor]:
        """Return features of float [N, 3, H, W] in [0, 1], at 1, 1/2, 1/4 and 1/8 of its size, as `Vgg` does."""
        x, features = rgb * 4 - 2, []
        for i, blocks in enumerate(self.blocks):
            x = F.relu(self.get_submodule(f"c{i}")(x))
            for j in range(blocks):
                x = x + F.relu(self.get_submodule(f"r{i}{j}")(x))
            features.append(F.relu(self.get_submodule(f"f{i}")(x)))
        return features


class Hyper(nn.Module):
    """Means and deviations of VGG's channels into a style: a linear map of low rank, and a correction."""

    centre: Tensor
    spread: Tensor

    def __init__(self, style_size: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(MOMENTS))
        self.register_buffer("spread", torch.ones(MOMENTS))
        self.narrow = nn.Linear(MOMENTS, RANK)
        self.a = nn.Linear(RANK, HIDDEN)
        self.b = nn.Linear(HIDDEN, RANK)
        self.widen = nn.Linear(RANK, style_size)

    def forward(self, moments: Tensor) -> Tensor:
        """Turn float [N, MOMENTS], layer after layer means, then deviations, into styles, float [N, K]."""
        x = self.narrow((moments - self.centre) / self.spread)
        x = x + self.b(F.leaky_relu(self.a(x), 0.1))
        style: Tensor = self.widen(x)
        return style


class Pincel(nn.Module):
    """The default network: 1.23 M parameters paint a frame, 4.4 M read a style.

    Parameter names are those of the weights file.
    """

    stride = 8
    margin = 0  # borders are painted well
    structure = 2.1  # the share in refining a style that keeps as much of the content as AdaIN does
    reading = ("style.", "hyper.")  # how the names of the weights begin that read styles
    width = 32  # channels at half a frame's size; twice and four times as many at a quarter and an eighth

    def __init__(self) -> None:
        super().__init__()
        low, middle, high = self.width, 2 * self.width, 4 * self.width
        self.style_size = 2 * (2 * low + 4 * middle + (1 + 2 * TRUNK_BLOCKS) * high)
        self.e1 = convolution(12, low)
        self.e2 = convolution(low, middle, stride=2)
        self.e3 = convolution(middle, high, stride=2)
        for i in range(TRUNK_BLOCKS):
            self.add_module(f"t{i}", Residual(high))
        self.d1 = Doubling(high, middle)
        self.skip = nn.Conv2d(middle, middle, 1)
        self.r0 = Residual(middle)
        self.d2 = Doubling(middle, low)
        self.fine = nn.Conv2d(low, low, 1)
        self.out = convolution(low, 12)
        self.style = StyleEncoder()
        self.hyper = Hyper(self.style_size)

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
        adain = Modulation(style, scene, memory, [conv.out_channels for conv in self.normalised])
        half = F.relu(adain(self.e1(F.pixel_unshuffle(rgb, 2))))
        quarter = F.relu(adain(self.e2(half)))
        x = F.relu(adain(self.e3(quarter)))
        for i in range(TRUNK_BLOCKS):
            x = self.get_submodule(f"t{i}")(x, adain)
        x = F.relu(adain(self.d1(x) + self.skip(quarter)))
        x = self.r0(x, adain)
        x = F.relu(adain(self.d2(x) + self.fine(half)))
        return torch.sigmoid(F.pixel_shuffle(self.out(x), 2)), adain.scene()

    @property
    def normalised(self) -> list[Any]:
        """Return the convolutions whose biases a normalisation cancels, in layer order."""
        blocks = [self.get_submodule(f"t{i}.{conv}") for i in range(TRUNK_BLOCKS) for conv in "ab"]
        return [self.e1, self.e2, self.e3, *blocks, self.d1, self.r0.a, self.r0.b, self.d2]

    @torch.no_grad()
    def level(self) -> None:
        """Make what is flat be painted flat: project the weights of every enlargement.

        The pixels of a cell are painted by different taps; where those of a constant do not add up to the same for all
        of them, it is painted as a mesh (Sugawara, Shiota and Kiya 2019, "Checkerboard artifacts free convolutional
        neural networks").
        """
        for doubling in (self.d1, self.d2):
            weight = doubling.weight
            level(weight.view(*weight.shape[:2], 2, 2, 2, 2), taps=(2, 4), phases=(3, 5))
        level(self.out.weight.view(3, 4, *self.out.weight.shape[1:]), taps=(3, 4), phases=(1,))
        level(self.out.get_parameter("bias").view(3, 4, 1), taps=(2,), phases=(1,))

    def encode(self, rgb: Tensor) -> Tensor:
        """Read the style of pictures.

        Args:
            rgb: float [N, 3, H, W] in [0, 1], at least 16x16.

        Returns:
            float [N, K], the style that `forward` takes.
        """
        vector: Tensor = self.hyper(self.read(rgb))
        return vector

    def read(self, rgb: Tensor) -> Tensor:
        """Predict means and deviations of the channels of VGG-19, float32 [N, MOMENTS]."""
        return torch.cat([moments(each).flatten(1) for each in self.style(rgb)], 1)


class Pincel16(Pincel):
    """The default network at half its width: 0.31 M parameters paint a frame."""

    width = 16
