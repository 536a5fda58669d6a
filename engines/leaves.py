"""Dead leaves: pictures of nothing in particular with the statistics of photographs (Lee, Mumford and Huang 2001).

Things of all sizes, shaded and grained, lie in front of each other; sizes follow a power law, so that there is detail
at every scale. They stand in for photographs where none are at hand.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

COLOURS = 6
LEAST, MOST = 60, 300  # leaves
SMALLEST, LARGEST, POWER = 0.015, 0.45, -0.7  # radii, of the side

Field = NDArray[np.float32]


def dead_leaves(seed: int, *, side: int) -> Tensor:
    """Draw a picture, float [1, 3, side, side] in [0, 1]: the same for the same seed."""
    random = np.random.default_rng(seed)
    colours = random.uniform(0, 1, (COLOURS, 3)) * random.uniform(0.3, 1)
    colours = 0.6 * colours + 0.4 * colours.mean(axis=1, keepdims=True)
    down, across = np.mgrid[0:side, 0:side].astype(np.float32) / side
    sky = (0.5 + 0.5 * colours[0])[:, None, None] * (1 - down) + colours[1][:, None, None] * down
    picture = sky + grain(random, side, coarsest=3) * random.uniform(0, 0.1)
    grains = [grain(random, side, coarsest=2**i) for i in range(3, 7)]
    count = random.integers(LEAST, MOST)
    for radius in np.sort(np.minimum(LARGEST, SMALLEST * (1 - random.random(count)) ** POWER))[::-1]:
        middle, angle = random.random(2), random.uniform(0, 2 * np.pi)
        near = tuple(
            slice(*np.clip(np.array([at - 2 * radius, at + 2 * radius]) * side, 0, side).astype(int)) for at in middle
        )
        y, x = down[near] - middle[0], across[near] - middle[1]
        mask = leaf(random, y, x, radius=radius, pixel=1 / side)
        shade = np.clip(1 + random.uniform(0, 0.25) * (x * np.cos(angle) + y * np.sin(angle)) / radius, 0.4, 1.6)
        texture = 1 + random.uniform(0, 0.18) * grains[random.integers(len(grains))][near]
        colour = colours[random.integers(COLOURS)] * random.uniform(0.5, 1.2)
        under = picture[:, *near]
        under += mask * (colour[:, None, None] * shade * texture - under)
    picture += random.normal(0, 0.006, picture.shape)
    return torch.from_numpy(picture).float().clamp(0, 1)[None]


def leaf(random: np.random.Generator, y: Field, x: Field, *, radius: float, pixel: float) -> Field:
    """Return where a leaf lies, in [0, 1]: an ellipse or a convex polygon, some out of focus."""
    angle, narrow = random.uniform(0, np.pi), random.uniform(0.3, 1)
    along, beside = x * np.cos(angle) + y * np.sin(angle), (y * np.cos(angle) - x * np.sin(angle)) / narrow
    if random.random() < 0.5:
        distance = np.hypot(along, beside) - radius
    else:
        sides = random.uniform(0, 2 * np.pi, random.integers(4, 8))
        distance = np.max([along * np.cos(side) + beside * np.sin(side) for side in sides], axis=0) - radius / 2
        distance = np.maximum(distance, np.hypot(along, beside) - radius)
    blur = pixel * (random.uniform(2, 8) if random.random() < 0.4 else 1)
    return np.asarray(np.clip(0.5 - distance / blur, 0, 1), np.float32)


def grain(random: np.random.Generator, side: int, *, coarsest: int) -> Field:
    """Return smooth noise of three octaves, float32 [side, side]."""
    sum_ = np.zeros((side, side), np.float32)
    for octave in range(3):
        cells = min(side, coarsest * 2**octave)
        noise = torch.from_numpy(random.normal(0, 0.5**octave, (1, 1, cells, cells)).astype(np.float32))
        sum_ += F.interpolate(noise, size=(side, side), mode="bicubic")[0, 0].numpy()
    return sum_
