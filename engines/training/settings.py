"""How to train: what is minimised, for how long, how fast."""

import math
from dataclasses import dataclass, field

from engines.training.data import Sizes


@dataclass(frozen=True, slots=True)
class Shares:
    """How much every loss weighs.

    Attributes:
        style: mean and deviation of relu1_1 .. 4_1.
        broad_style: the same at half the size, for broad strokes.
        structure, fine_structure: relu4_1 and relu3_1, instance-normalised.
        content: relu4_1 as it is.
        variation: total variation.
        stability: the shifted, re-exposed, noisy copy must be painted alike, root mean square.
        own: painted in its own style a photograph must stay what it is, root mean square.
        mesh: what is the same in each 8x8 cell, as the strides leave it.
        halo: steps of colour between 8x8 cells where the photograph has none.
        reading: the moments of relu2_1 .. 4_1 that the style encoder sees, against those that VGG-19 sees.
        places: the encoder's feature maps of relu3_1 and relu4_1, against VGG's.
        copy, broad_copy, copied_style, copied_structure: what `engines.training.teaching.copying` returns.
    """

    style: float = 4.5
    broad_style: float = 1.2
    structure: float = 2.5
    fine_structure: float = 0.6
    content: float = 0.1
    variation: float = 0.3
    stability: float = 16.0
    own: float = 28.0
    mesh: float = 50.0
    halo: float = 400.0
    reading: float = 1.5
    places: float = 1.0
    copy: float = 10.0
    broad_copy: float = 10.0
    copied_style: float = 2.0
    copied_structure: float = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train.

    Attributes:
        seed: of the data's order and augmentation.
        steps, minutes: where to stop, whichever comes first; minutes count over all resumed parts.
        rate: Adam's learning rate after `warm_up` steps; it falls to nothing over the last two thirds.
        average: decay of the averaged weights, which are the ones exported.
        save_every: seconds between checkpoints.
        reading: the share of the training that teaches the style encoder, which stays as it is for the rest.
        copying: where there is a teacher, the share of the training, in place of `reading`, in which it is copied.
        parts: batches a step, on a CPU side by side: many small operations fill its cores better so.
        precision: what features and network are computed in, "bf16" or "fp32".
    """

    seed: int = 0
    steps: int = 100_000
    minutes: float = math.inf
    rate: float = 4e-4
    warm_up: int = 50
    average: float = 0.996
    save_every: float = 180.0
    reading: float = 0.3
    copying: float = 0.4
    parts: int = 2
    precision: str = "bf16"
    sizes: Sizes = field(default_factory=Sizes)
    shares: Shares = field(default_factory=Shares)
