"""Measure how well weights paint: `python -m benchmarks.quality ../shared/eval --vgg VGG [--weights FILE ...]`.

Contents and styles are cut to their middle squares and resized to 384x384. With the features of AdaIN's normalised
VGG-19 (relu1_1, 2_1, 3_1, 4_1; float32; reflection padding):

* style: sum over the four layers of the mean squared difference, painted against style, of the channels' means, plus
  that of their standard deviations;
* gram: sum over the four layers of the mean squared difference of Gram matrices over positions;
* content: mean squared difference, painted against photograph, of relu4_1;
* structure: the same after instance normalisation of both;
* ssim: structural similarity (Wang et al. 2004, Gaussian window 11, sigma 1.5) of the grey values;
* own_psnr: of the photograph painted in its own style, in dB.

A style is read as the product reads it, at 256 pixels on the short side. Every figure is the mean over all pairs (over
the contents for own_psnr). "photograph" is what not painting scores.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.machine import facts
from engines.encoder import encode_vector
from engines.networks.vgg import Vgg, load_vgg
from engines.training import losses
from engines.weights import load_network, network_card, weights_sha256
from realtime.images import find_pictures, read_picture

SIDE = 384
CONTENTS = ("Kinkaku-ji", "astronaut", "avril", "chelsea", "chicago", "coffee")
FIGURES = ("style", "gram", "content", "structure", "ssim", "own_psnr")
Painter = Callable[[Tensor, NDArray[np.uint8]], Tensor]


def read_square(path: Path) -> NDArray[np.uint8]:
    """Read a picture's middle square, uint8 [384, 384, 3] BGR."""
    pixels = read_picture(path).pixels
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    square = pixels[top : top + side, left : left + side]
    return np.asarray(cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def tensor(bgr: NDArray[np.uint8]) -> Tensor:
    """Turn pixels into RGB, float [1, 3, H, W] in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(bgr[:, :, ::-1])).permute(2, 0, 1)[None].float() / 255


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
    """Return the peak signal-to-noise ratio of pictures in [0, 1], in dB."""
    return float(-10 * (a - b).square().mean().log10())


def painter(weights: Path) -> Painter:
    """Return what paints with the default network and these weights, rounded to bytes as a viewer sees it."""
    network = load_network("pincel", weights)

    def paint(rgb: Tensor, style: NDArray[np.uint8]) -> Tensor:
        vector = torch.from_numpy(encode_vector(style, weights=weights))[None]
        nothing = torch.zeros_like(vector)
        painted: Tensor = network(rgb, vector, nothing, nothing[:, 0])[0]
        return (painted * 255).round() / 255

    return paint


class Features:
    """What is compared of a picture."""

    def __init__(self, vgg: Vgg, rgb: Tensor) -> None:
        features = vgg(rgb)
        self.moments = [losses.moments(each) for each in features]
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


@torch.inference_mode()
def measure(paint: Painter, vgg: Vgg, contents: list[Path], styles: list[Path]) -> dict[str, float]:
    """Paint every content in every style; return the mean figures."""
    pictures = [(square, Features(vgg, tensor(square))) for square in map(read_square, styles)]
    rows: list[dict[str, float]] = []
    own: list[float] = []
    for content in map(read_square, contents):
        rgb = tensor(content)
        photo = Features(vgg, rgb)
        own.append(psnr(paint(rgb, content), rgb))
        for style, wanted in pictures:
            painted = paint(rgb, style)
            rows.append(compare(Features(vgg, painted), photo, wanted) | {"ssim": ssim(painted, rgb)})
    means = {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
    return means | {"own_psnr": min(99.0, sum(own) / len(own))}


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return the results as a Markdown table."""
    lines = [f"| | {' | '.join(results)} |", "|---" * (len(results) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(f'{each[name]:.3f}' for each in results.values())} |" for name in FIGURES]
    return "\n".join(lines)


def main() -> None:
    """Measure, print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path, help="folder with content/ and style/")
    parser.add_argument("--vgg", type=Path, required=True)
    parser.add_argument("--weights", type=Path, nargs="*", default=[network_card("pincel").weights])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    vgg = load_vgg(arguments.vgg)
    contents = [path for path in find_pictures(arguments.pictures / "content") if path.stem in CONTENTS]
    styles = list(find_pictures(arguments.pictures / "style"))
    results: dict[str, dict[str, Any]] = {"photograph": {**measure(lambda rgb, _: rgb, vgg, contents, styles)}}
    for path in arguments.weights:
        results[path.stem] = measure(painter(path), vgg, contents, styles) | {"sha256": weights_sha256(path)}
    print(table(results))
    if arguments.json:
        arguments.json.write_text(json.dumps({**facts(), "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
