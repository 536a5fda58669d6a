"""What training minimises, styles are refined for and quality is measured by: distances of feature maps."""

import torch
import torch.nn.functional as F
from torch import Tensor

from engines.networks.statistics import EPSILON, mean_and_variance, over

CELL = 8  # the stride of the default network
CALM = 0.02  # how much neighbours differ where a mesh is seen
STROKE, STRENGTH = 0.02, 2.0  # how far colours of neighbouring cells may differ, in themselves and for what is there


def normalised(features: Tensor) -> Tensor:
    """Take mean and deviation out of every channel, float32."""
    mean, variance = mean_and_variance(features)
    return (features.float() - over(mean)) * over(torch.rsqrt(variance + EPSILON))


def style_distance(painted: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Compare lists of `moments`, layer by layer: the sum of mean squared differences, float [N].

    The style loss of Huang and Belongie 2017 (eq. 13) with squares in place of norms.
    """
    return torch.stack([2 * (a - b).square().mean((1, 2)) for a, b in zip(painted, wanted, strict=True)]).sum(0)


def content_distance(painted: Tensor, photo: Tensor) -> Tensor:
    """Return the mean squared difference of features, float [N]."""
    return (painted.float() - photo.float()).square().mean((1, 2, 3))


def fidelity(painted: Tensor, photo: Tensor) -> Tensor:
    """Return the root mean square difference of pictures, float [N]: what PSNR measures."""
    return (content_distance(painted, photo) + EPSILON**2).sqrt()


def relative_distance(features: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Compare lists of feature maps, place by place: the sum of mean squared differences, each over its map's power."""
    pairs = zip(features, wanted, strict=True)
    return torch.stack([content_distance(a, b).mean() / b.float().square().mean() for a, b in pairs]).sum()


def gram(features: Tensor) -> Tensor:
    """Return the Gram matrix of Gatys et al. 2016 over the number of positions, float32 [N, C, C]."""
    flat = features.float().flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def total_variation(rgb: Tensor) -> Tensor:
    """Return the mean absolute difference of neighbours."""
    down, right = rgb[:, :, 1:] - rgb[:, :, :-1], rgb[:, :, :, 1:] - rgb[:, :, :, :-1]
    return down.abs().mean() + right.abs().mean()


def overlap_distance(painted: Tensor, shifted: Tensor, offset: tuple[int, int]) -> Tensor:
    """Return the root mean square difference of two pictures [3, H, W] where they show the same, float [].

    Squared, as in the warped error of Lai et al. 2018: what is seen to flicker is the few strokes that jump.

    Args:
        painted: a picture.
        shifted: another one, of the same size.
        offset: where the corner of `painted` lies in `shifted`, (down, right).
    """
    down, right = offset
    height, width = painted.shape[1] - abs(down), painted.shape[2] - abs(right)
    ours = painted[:, max(0, -down) :, max(0, -right) :][:, :height, :width]
    theirs = shifted[:, max(0, down) :, max(0, right) :][:, :height, :width]
    return fidelity(ours[None], theirs[None])[0]


def mesh(painted: Tensor, photo: Tensor) -> Tensor:
    """Return how much of the same there is in each 8x8 cell of paintings, as a network's strides leave it.

    The mean over cells of a painting's fine detail, mean absolute, flat parts of the photograph counting most: what a
    painting has of its own differs from cell to cell and averages out.

    Args:
        painted: float [N, 3, H, W] in [0, 1], H and W multiples of 8.
        photo: what was painted, of the same shape.
    """
    detail, contrast = (each - F.avg_pool2d(each, 3, 1, 1, count_include_pad=False) for each in (painted, photo))
    calm = torch.exp(-F.avg_pool2d(contrast.abs().mean(1, keepdim=True), CELL) / CALM)[:, :, :, None, :, None]
    count, colours, height, width = detail.shape
    cells = detail.reshape(count, colours, height // CELL, CELL, width // CELL, CELL)
    mean: Tensor = (cells * calm).sum((2, 4)) / calm.sum((2, 4))
    return mean.abs().mean()


def halo(painted: Tensor, photo: Tensor) -> Tensor:
    """Return how much paintings step from one 8x8 cell to the next where the photograph is even.

    So far as a network sees a bright cloud it may paint the sky darker, up to a straight edge. A step may be twice as
    high as what lies between the darkest and the lightest pixel of both cells, and a stroke.

    Args:
        painted: float [N, 3, H, W] in [0, 1], H and W multiples of 8, at least 16.
        photo: what was painted, of the same shape.
    """
    smooth, mean = F.avg_pool2d(photo, 3, 1, 1, count_include_pad=False), F.avg_pool2d(painted, CELL)
    steps = []
    for across, pair in ((2, (2 * CELL, CELL)), (3, (CELL, 2 * CELL))):
        there = F.max_pool2d(smooth, pair, CELL) + F.max_pool2d(-smooth, pair, CELL)  # from darkest to lightest
        allowed = STROKE + STRENGTH * there.amax(1, keepdim=True)
        steps.append(F.relu(mean.diff(dim=across).abs() - allowed).mean())
    return torch.stack(steps).sum()
