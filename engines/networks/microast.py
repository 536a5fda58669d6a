"""MicroAST (Wang et al. 2023, arXiv 2211.15313): a light network without VGG, made for very large pictures.

A style gives statistics at two depths (AdaIN) and, through depthwise convolutions of its features, the weights and
biases that modulate the filters of the decoder (section 3.3 of the paper).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.networks.adain import statistics
from engines.networks.statistics import Modulation

LOW, MIDDLE, HIGH = 16, 32, 64
SIGNALS = ("weight1", "bias1", "weight2", "bias2")


def convolution(inputs: int, outputs: int, size: int, *, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """Return a convolution that keeps the size, or divides it by the stride; the borders are mirrored."""
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, padding_mode="reflect")


class Residual(nn.Module):
    """Residual block, its filters modulated where there are signals for them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = convolution(HIGH, HIGH, 3)
        self.conv2 = convolution(HIGH, HIGH, 3)

    def forward(self, x: Tensor) -> Tensor:
        inner: Tensor = self.conv2(F.relu(self.conv1(x)))
        return x + inner

    def modulated(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Give every convolution y of x the form `weight y + bias x`; both signals are float [N, C, 1, 1]."""
        inner = F.relu(weight * self.conv1(x) + bias * x)
        outer: Tensor = weight * self.conv2(inner) + bias * inner
        return x + outer


class Encoder(nn.Module):
    """A picture's features at two depths, both at a quarter of its size."""

    def __init__(self) -> None:
        super().__init__()
        self.enc1 = nn.Sequential(
            convolution(3, LOW, 9),
            nn.ReLU(),
            convolution(LOW, MIDDLE, 3, stride=2, groups=LOW),
            nn.ReLU(),
            convolution(MIDDLE, MIDDLE, 1),
            nn.ReLU(),
            convolution(MIDDLE, HIGH, 3, stride=2, groups=MIDDLE),
            nn.ReLU(),
            convolution(HIGH, HIGH, 1),
            nn.ReLU(),
            Residual(),
        )
        self.enc2 = nn.Sequential(Residual())

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        shallow = self.enc1(rgb)
        return shallow, self.enc2(shallow)


class Modulator(nn.Module):
    """Depthwise convolutions of a style's features, the mean of which modulates filters."""

    def __init__(self) -> None:
        super().__init__()
        for name in SIGNALS:
            self.add_module(name, nn.Sequential(convolution(HIGH, HIGH, 3, groups=HIGH)))

    def forward(self, shallow: Tensor, deep: Tensor) -> list[Tensor]:
        """Return the four signals, float [N, C] each, those of the shallow features first."""
        return [self.get_submodule(name)(deep if "2" in name else shallow).mean((2, 3)) for name in SIGNALS]


class Decoder(nn.Module):
    """Two modulated residual blocks, and what makes pixels of them."""

    def __init__(self) -> None:
        super().__init__()
        self.dec1 = Residual()
        self.dec2 = Residual()
        self.dec3 = nn.Sequential(
            nn.Upsample(scale_factor=2.0, mode="bilinear"),
            convolution(HIGH, MIDDLE, 3, groups=MIDDLE),
            nn.ReLU(),
            convolution(MIDDLE, MIDDLE, 1),
            nn.ReLU(),
            nn.Upsample(scale_factor=2.0, mode="bilinear"),
            convolution(MIDDLE, LOW, 3, groups=LOW),
            nn.ReLU(),
            convolution(LOW, LOW, 1),
            nn.ReLU(),
            convolution(LOW, 3, 9),
        )


class MicroAST(nn.Module):
    """MicroAST: 0.32 M parameters paint a frame, 0.16 M read a style. Parameter names are nearly those published."""

    stride = 4
    style_size = 8 * HIGH

    def __init__(self) -> None:
        super().__init__()
        self.content_encoder = Encoder()
        self.style_encoder = Encoder()
        self.modulator = Modulator()
        self.decoder = Decoder()

    def forward(self, rgb: Tensor, style: Tensor, scene: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Paint frames.

        Args:
            rgb: float [N, 3, H, W] in [0, 1], H and W multiples of `stride`, at least 8.
            style: float [N, K], the deep and shallow features' deviations less 1, then their means, then what modulates
                the filters of the second and first residual block: weight and bias of each.
            scene: float32 [N, K], the previous frame's statistics where the style has deviations and means: means, then
                variances; 0 after them.
            memory: float32 [N] in [0, 1), the weight of the previous statistics.

        Returns:
            painted float [N, 3, H, W] in [0, 1], and the scene float32 [N, K] it was painted with.
        """
        half = self.style_size // 2
        adain = Modulation(style[:, :half], scene[:, :half], memory, [HIGH, HIGH])
        _, x = self.content_encoder(rgb)
        weight1, bias1, weight2, bias2 = style[:, half:, None, None].to(x.dtype).chunk(4, 1)
        x = self.decoder.dec1.modulated(adain(x), weight2, bias2)
        x = self.decoder.dec2.modulated(adain(x), weight1, bias1)
        painted = self.decoder.dec3(x).clamp(0, 1)
        return painted, F.pad(adain.scene(), (0, half))

    def encode(self, rgb: Tensor) -> Tensor:
        """Read the style of pictures.

        Args:
            rgb: float [N, 3, H, W] in [0, 1], at least 16x16; published results have 512 pixels on the short side.

        Returns:
            float [N, K], the style that `forward` takes.
        """
        features = self.style_encoder(rgb)
        means, deviations = zip(*(statistics(each) for each in reversed(features)), strict=True)
        scales = [deviation - 1 for deviation in deviations]
        return torch.cat([*scales, *means, *self.modulator(*features)], 1)
