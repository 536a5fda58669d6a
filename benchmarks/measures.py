"""What pictures are compared by; the definitions are those of `benchmarks.quality`."""

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engines import losses
from engines.networks.statistics import moments
from engines.networks.vgg import Vgg
from realtime.images import read_picture
from realtime.media import Pixels

SIDE = 384


def read_square(path: Path) -> Pixels:
    """Read a picture's middle square, uint8 [384, 384, 3] BGR."""
    pixels = read_picture(path).pixels
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    square = pixels[top : top + side, left : left + side]
    return np.asarray(cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def tensor(bgr: Pixels) -> Tensor:
    """Turn pixels into RGB, float [1, 3, H, W] in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(bgr[:, :, ::-1])).permute(2, 0, 1)[None].float() / 255


def as_pixels(rgb: Tensor) -> Pixels:
    """Turn RGB, float [1, 3, H, W] in [0, 1], back."""
    return np.ascontiguousarray((rgb[0] * 255).round().permute(1, 2, 0).numpy()[:, :, ::-1].astype(np.uint8))


def ssim(a: Tensor, b: Tensor) -> float:
    """Return the structural similarity of the grey values of two pictures, float [1, 3, H, W] in [0, 1]."""

    def grey(rgb: Tensor) -> NDArray[np.float64]:
        return np.asarray(cv2.cvtColor(rgb[0].permute(1, 2, 0).numpy(), cv2.COLOR_RGB2GRAY), np.float64)

    def blur(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(cv2.GaussianBlur(x, (11, 11), 1.5)[5:-5, 5:-5], np.float64)

    x, y = grey(a), grey(b)
    mean_x, mean_y = blur(x), blur(y)
    variances = blur(x * x) - mean_x**2 + blur(y * y) - mean_y**2
    covariance = blur(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return float((luminance * (2 * covariance + c2) / (variances + c2)).mean())


def psnr(a: Tensor, b: Tensor) -> float:
    """Return the peak signal-to-noise ratio of pictures in [0, 1], in dB, at most 99."""
    return min(99.0, float(-10 * (a - b).square().mean().log10()))


class Features:
    """What is compared of a picture."""

    def __init__(self, vgg: Vgg, rgb: Tensor) -> None:
        features = vgg(rgb)
        self.moments = [moments(each) for each in features]
        self.grams = [losses.gram(each) for each in features]
        self.content, self.structure = features[3], losses.normalised(features[3])


def compare(painted: Features, photo: Features, style: Features) -> dict[str, float]:
    """Return the figures that need features."""
    grams = zip(painted.grams, style.grams, strict=True)
    return {
        "style": float(losses.style_distance(painted.moments, style.moments)),
        "gram": sum(float((a - b).square().mean()) for a, b in grams),
        "content": float(losses.content_distance(painted.content, photo.content)),
        "structure": float(losses.content_distance(painted.structure, photo.structure)),
    }
