"""What training minimises and quality is measured by, in the features of VGG-19."""

import torch
from torch import Tensor

EPSILON = 1e-5


def mean_and_variance(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return both of every channel, [N, C, 1, 1]; on a CPU with channels last far faster than `torch.var_mean`."""
    mean = features.mean((2, 3), keepdim=True)
    return mean, (features - mean).square().mean((2, 3), keepdim=True)


def moments(features: Tensor) -> Tensor:
    """Return mean and deviation of every channel, float32 [N, 2, C]."""
    mean, variance = mean_and_variance(features.float())
    return torch.stack([mean, (variance + EPSILON).sqrt()], 1).flatten(2)


def normalised(features: Tensor) -> Tensor:
    """Take mean and deviation out of every channel, float32."""
    features = features.float()
    mean, variance = mean_and_variance(features)
    return (features - mean) * torch.rsqrt(variance + EPSILON)


def style_distance(painted: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Compare lists of `moments`, layer by layer: the sum of mean squared differences, float [N].

    The style loss of Huang and Belongie 2017 (eq. 13) with squares in place of norms.
    """
    return torch.stack([2 * (a - b).square().mean((1, 2)) for a, b in zip(painted, wanted, strict=True)]).sum(0)


def content_distance(painted: Tensor, photo: Tensor) -> Tensor:
    """Return the mean squared difference of features, float [N]."""
    return (painted.float() - photo.float()).square().mean((1, 2, 3))


def gram(features: Tensor) -> Tensor:
    """Return the Gram matrix of Gatys et al. 2016 over the number of positions, float32 [N, C, C]."""
    flat = features.float().flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def total_variation(rgb: Tensor) -> Tensor:
    """Return the mean absolute difference of neighbours."""
    down, right = rgb[:, :, 1:] - rgb[:, :, :-1], rgb[:, :, :, 1:] - rgb[:, :, :, :-1]
    return down.abs().mean() + right.abs().mean()


def overlap_distance(painted: Tensor, shifted: Tensor, offset: tuple[int, int]) -> Tensor:
    """Return the mean absolute difference of two pictures [3, H, W] where they show the same.

    Args:
        painted: a picture.
        shifted: another one, of the same size.
        offset: where the corner of `painted` lies in `shifted`, (down, right).
    """
    down, right = offset
    height, width = painted.shape[1] - abs(down), painted.shape[2] - abs(right)
    ours = painted[:, max(0, -down) :, max(0, -right) :][:, :height, :width]
    theirs = shifted[:, max(0, down) :, max(0, right) :][:, :height, :width]
    return (ours - theirs).abs().mean()
