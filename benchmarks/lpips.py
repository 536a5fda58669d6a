"""Learned perceptual similarity (Zhang et al. 2018, arXiv 1801.03924), version 0.1 over SqueezeNet 1.1."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from engines import WeightsError
from engines.importers import read_checkpoint

BACKBONE, HEADS = "squeezenet1_1_fp16.pth", "lpips_v0.1_squeeze_heads.pth"
MEAN, DEVIATION = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of colours in [-1, 1], as the heads were trained
FIRES = (3, 4, 6, 7, 9, 10, 11, 12)  # torchvision's numbers
POOLED = (3, 6, 9)  # a 3x3 maximum goes before
COMPARED = (4, 7, 9, 10, 11, 12)


class Lpips:
    """The distance of pictures."""

    def __init__(self, backbone: dict[str, Tensor], heads: dict[str, Tensor]) -> None:
        self.weights = {name: each.float() for name, each in backbone.items()}
        self.heads = [heads[f"lin{number}.model.1.weight"].float() for number in range(len(COMPARED) + 1)]

    def features(self, rgb: Tensor) -> list[Tensor]:
        """Return seven feature maps, each place's of unit length."""
        mean, deviation = (torch.tensor(each).view(1, 3, 1, 1) for each in (MEAN, DEVIATION))
        x = F.relu(self.convolve((2 * rgb - 1 - mean) / deviation, "features.0", stride=2))
        found = [x]
        for number in FIRES:
            if number in POOLED:
                x = F.max_pool2d(x, 3, 2, ceil_mode=True)
            x = F.relu(self.convolve(x, f"features.{number}.squeeze"))
            small = self.convolve(x, f"features.{number}.expand1x1")
            x = F.relu(torch.cat([small, self.convolve(x, f"features.{number}.expand3x3", padding=1)], 1))
            if number in COMPARED:
                found.append(x)
        return [each / (each.square().sum(1, keepdim=True).sqrt() + 1e-10) for each in found]

    def convolve(self, x: Tensor, name: str, *, stride: int = 1, padding: int = 0) -> Tensor:
        """Apply the convolution of that name."""
        return F.conv2d(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], stride, padding)

    def __call__(self, a: list[Tensor], b: list[Tensor]) -> float:
        """Return the distance of the `features` of two pictures (eq. 1); 0 for equal ones."""
        pairs = zip(a, b, self.heads, strict=True)
        return sum(float(F.conv2d((x - y).square(), head).mean()) for x, y, head in pairs)


def load_lpips(folder: Path) -> Lpips:
    """Read the weights.

    Raises:
        WeightsError: a file is missing, damaged or holds something else.
    """
    try:
        return Lpips(read_checkpoint(folder / BACKBONE), read_checkpoint(folder / HEADS))
    except KeyError as error:
        raise WeightsError(f"{folder / HEADS} holds no tensor {error}") from error
