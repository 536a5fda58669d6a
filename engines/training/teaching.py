"""The half learns from the whole: it begins as half of its teacher's channels, and copies what that paints.

Distillation (Hinton et al. 2015, arXiv 1503.02531). A step costs half of one with VGG-19's losses on a CPU, most of it
for reading paintings, each once. What is left to learn, a training with those losses teaches afterwards.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import losses
from engines.networks.pincel import TRUNK_BLOCKS, Pincel, Pincel16
from engines.networks.statistics import moments

LOUDER = 1.4  # about the root of two: half as many channels add up to a value that is normalised
BROAD = 8  # pixels a side of what colours are compared in, beside single pixels
FINE_STRUCTURE = 0.3


def halve(teacher: Pincel, styles: Tensor) -> Pincel16:
    """Return a network of those channels of its teacher that matter most, to begin with.

    What a channel holds has, after AdaIN, the mean square (1 + scale)^2 + shift^2; how much it adds is that times the
    squares of the weights that read it (as in pruning: Molchanov et al. 2019, arXiv 1906.10771, without gradients).

    Args:
        teacher: what it is made from.
        styles: float32 [N, K], some styles that the teacher paints in.
    """
    scales, shifts = styles.chunk(2, 1)
    layers = [conv.out_channels for conv in teacher.normalised]
    loudness = torch.split(((1 + scales).square() + shifts.square()).mean(0), layers)
    half, quarter, coarse, *inner, joined, inner_fine, fine, last = range(len(layers))
    readers = {
        half: ["e2", "fine"],
        quarter: ["e3", "skip"],
        coarse: ["d1", *(f"t{i}.a" for i in range(TRUNK_BLOCKS))],
        **{inner[2 * i]: [f"t{i}.b"] for i in range(TRUNK_BLOCKS)},
        joined: ["d2", "r0.a"],
        inner_fine: ["r0.b"],
        last: ["out"],
    }
    # What residual blocks add to has the channels that it had before.
    same = {**{inner[2 * i + 1]: coarse for i in range(TRUNK_BLOCKS)}, fine: joined}
    state, student, kept = teacher.state_dict(), Pincel16(), {}
    for layer, names in readers.items():
        streams = [layer, *(other for other, first in same.items() if first == layer)]
        read = sum(state[f"{name}.weight"].square().sum(dims_but(inputs_of(teacher, name))) for name in names)
        loud = torch.stack([loudness[stream] for stream in streams]).sum(0) * read
        kept[layer] = loud.topk(layers[layer] // 2).indices.sort().values
    kept |= {other: kept[first] for other, first in same.items()}

    def take(name: str, outputs: int | None, inputs: int | None) -> None:
        weight, dim = state[f"{name}.weight"], inputs_of(teacher, name)
        if inputs is not None:
            weight = weight.index_select(dim, kept[inputs]) * LOUDER
        if outputs is not None:
            weight = weight.index_select(1 - dim, kept[outputs])
            state[f"{name}.bias"] = state[f"{name}.bias"][kept[outputs]]
        state[f"{name}.weight"] = weight

    take("e1", half, None)
    take("e2", quarter, half)
    take("e3", coarse, quarter)
    for i in range(TRUNK_BLOCKS):
        take(f"t{i}.a", inner[2 * i], coarse)
        take(f"t{i}.b", coarse, inner[2 * i])
    take("d1", joined, coarse)
    take("skip", joined, quarter)
    take("r0.a", inner_fine, joined)
    take("r0.b", joined, inner_fine)
    take("d2", last, joined)
    take("fine", last, half)
    take("out", None, last)
    starts = [sum(layers[:i]) for i in range(len(layers))]
    channels = torch.cat([kept[i] + start for i, start in enumerate(starts)])
    rows = torch.cat([channels, channels + sum(layers)])
    for name in ("hyper.widen.weight", "hyper.widen.bias"):
        state[name] = state[name][rows]
    student.load_state_dict(state)
    return student


def inputs_of(network: nn.Module, name: str) -> int:
    """Return which dimension of a convolution's weights its inputs are."""
    return 0 if isinstance(network.get_submodule(name), nn.ConvTranspose2d) else 1


def dims_but(dim: int) -> list[int]:
    """Return the dimensions of a convolution's weights but one."""
    return [each for each in range(4) if each != dim]


def copying(teacher: Pincel, painted: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """Return how far paintings are from those of the teacher, whose style encoder judges in VGG-19's place.

    Args:
        teacher: whose eyes to use.
        painted: float [N, 3, H, W].
        wanted: what the teacher paints, of the same shape.
    """
    seen, features = teacher.style(wanted), teacher.style(painted)
    coarse, fine = (
        losses.content_distance(*map(losses.normalised, pair)).mean()
        for pair in ((features[3], seen[3]), (features[2], seen[2]))
    )
    strokes = losses.style_distance([moments(each) for each in features], [moments(each) for each in seen])
    return {
        "copy": (painted - wanted).abs().mean(),
        "broad_copy": (F.avg_pool2d(painted, BROAD) - F.avg_pool2d(wanted, BROAD)).abs().mean(),
        "copied_style": strokes.mean(),
        "copied_structure": coarse + FINE_STRUCTURE * fine,
    }
