"""A style as the encoder reads it, refined: once a picture, by optimisation, before it is cached.

The style encoder is a guess in one step. Since a style is computed once and used for ever, it may take some seconds
more: gradient descent on the style itself, for what training minimises, with dead leaves in place of photographs and
the encoder's own eyes in place of VGG-19's: its features are a student's of VGG's. Where VGG is at hand it judges
better; the built-in styles were refined so. And the picture, painted in its own style, must stay what it is.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from engines import losses
from engines.errors import Cancelled
from engines.leaves import dead_leaves
from engines.networks.pincel import Pincel
from engines.networks.statistics import moments
from engines.pixels import paint_still

SIDE, PICTURES = 144, 8
RATE = 0.0125  # larger steps leave what styles of pictures are, and paint well only what they were refined on
BROAD, OWN = 0.2, 20.0  # beside the style loss
FINE_STRUCTURE = 0.1  # of the structure's share, which is the network's

Judge = Callable[[Tensor], list[Tensor]]
Question = Callable[[], bool]


@torch.enable_grad()
def refine(
    network: Pincel,
    style: Tensor,
    rgb: Tensor,
    *,
    steps: int,
    judge: Judge | None = None,
    cancelled: Question | None = None,
) -> Tensor:
    """Refine a style for a picture.

    Args:
        network: its weights take no gradients.
        style: float32 [1, K], as `network.encode` reads it.
        rgb: the picture, float [1, 3, H, W] in [0, 1], as the encoder reads it.
        steps: of Adam.
        judge: gives the features relu1_1 .. 4_1 of pictures; the network's own encoder by default.
        cancelled: asked before each step whether to give up.

    Returns:
        float32 [1, K], the same for the same arguments but for rounding.

    Raises:
        Cancelled: `cancelled` said so.
    """
    judge = judge or network.style
    pictures = [dead_leaves(seed, side=SIDE) for seed in range(PICTURES)]
    most = 2 * min(rgb.shape[2:])  # of a long picture a part will do
    height, width = (min(length, most) // network.stride * network.stride for length in rgb.shape[2:])
    whole = rgb[:, :, :height, :width]
    with torch.no_grad():
        _, wanted = look(judge, rgb)
        seen = [structure(judge(picture)) for picture in pictures]
    refined = style.clone().requires_grad_(True)
    adam = torch.optim.Adam([refined], RATE, betas=(0.9, 0.99))
    for step in range(steps):
        if cancelled is not None and cancelled():
            raise Cancelled("the style is no longer wanted")
        adam.param_groups[0]["lr"] = RATE * (1 - 0.9 * step / steps)
        painted = paint_still(network, pictures[step % PICTURES], refined, margin=network.margin)
        features, strokes = look(judge, painted)
        fine, coarse = map(losses.content_distance, structure(features), seen[step % PICTURES])
        loss = losses.style_distance(strokes[:4], wanted[:4]) + BROAD * losses.style_distance(strokes[4:], wanted[4:])
        loss = (loss + network.structure * (coarse + FINE_STRUCTURE * fine)).sum()
        if step % 2 == 0:  # it costs as much as all the rest
            own = paint_still(network, whole, refined, margin=network.margin)
            loss = loss + 2 * OWN * (own - whole).abs().mean()
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
    return refined.detach()


def look(judge: Judge, rgb: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Return what a judge sees in pictures: its features, and their moments, then those at half the size."""
    features = judge(rgb)
    return features, [moments(each) for each in [*features, *judge(F.avg_pool2d(rgb, 2))]]


def structure(features: list[Tensor]) -> list[Tensor]:
    """Return of features what holds the structure: those of relu3_1 and relu4_1, without means and deviations."""
    return [losses.normalised(each) for each in features[2:]]
