"""A Neural Algorithm of Artistic Style (Gatys, Ecker and Bethge 2016, arXiv 1508.06576): the pixels are optimised.

It takes minutes for a picture, so it is for stills and no network of the frame contract. Coarse scales come first, as
Gatys et al. 2017 (arXiv 1611.07865) found best: broad shapes are settled where they cost little.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engines import losses
from engines.engine import Pixels
from engines.errors import WeightsError
from engines.machine import accelerator
from engines.networks.vgg import Vgg, load_vgg
from engines.weights import load_network

Optimizer = Literal["lbfgs", "adam"]
Size = tuple[int, int]

SMALLEST = 16  # relu4_1 of it has two positions a side, the fewest that reflection padding takes
COARSEST = 64
HISTORY = 20
ADAM_RATE = 0.02
FIRST_STEP = 0.01  # of L-BFGS, mean over pixels: PyTorch's own, 1 in the sum, would cost many evaluations to outgrow
LIMITS_WEIGHT = 100.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How to paint.

    Attributes:
        steps: evaluations of the loss on each scale.
        content_weight: of the mean squared difference of relu4_1 (eq. 1, over its number of values).
        style_weight: of the mean squared differences of the Gram matrices of relu1_1, 2_1, 3_1 and 4_1 (eq. 4 and 5).
        smoothness: weight of the total variation.
        optimizer: L-BFGS, as in the paper, or Adam.
    """

    steps: int = 60
    content_weight: float = 1.0
    style_weight: float = 2.0
    smoothness: float = 3.0
    optimizer: Optimizer = "lbfgs"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the optimisation is.

    Attributes:
        share: of the work that is done, in [0, 1].
        size: height and width of the scale.
        content, style: the losses, unweighted.
        painting: makes the picture as it is now, uint8 [H, W, 3] BGR.
    """

    share: float
    size: Size
    content: float
    style: float
    painting: Callable[[], Pixels]


def paint(
    photo: Pixels,
    style: Pixels,
    *,
    vgg: Vgg,
    settings: Settings | None = None,
    report: Callable[[Progress], None] = lambda _: None,
) -> Pixels:
    """Paint a photograph in the style of a picture, on the device of `vgg`.

    Args:
        photo: uint8 [H, W, 3] BGR, at least 16x16.
        style: likewise, of any size; it is made smaller where it has more pixels than the painting.
        vgg: in float32.
        settings: the defaults where None.
        report: called after each evaluation; what it raises ends the painting.

    Returns:
        uint8 [H, W, 3] BGR.

    Raises:
        ValueError: a picture is not as said.
    """
    settings = settings or Settings()
    for name, picture in (("photograph", photo), ("style", style)):
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or min(picture.shape) < 3:
            raise ValueError(f"a {name} is uint8 [H, W, 3], not {picture.dtype} {list(picture.shape)}")
        if min(picture.shape[:2]) < SMALLEST:
            raise ValueError(f"a {name} has {SMALLEST} pixels or more a side, not {list(picture.shape[:2])}")
    like = next(vgg.parameters())
    wanted, look = (as_tensor(picture).to(like) for picture in (photo, style))
    sizes = scales((photo.shape[0], photo.shape[1]))
    areas = [height * width for height, width in sizes]
    painting = resized(wanted, sizes[0])
    for index, (size, area) in enumerate(zip(sizes, areas, strict=True)):
        goal = Goal(vgg, resized(wanted, size), resized(look, fitting(look, area)), settings)
        painting = F.interpolate(painting, size, mode="bicubic").clamp(0, 1)
        span = sum(areas[:index]) / sum(areas), sum(areas[: index + 1]) / sum(areas)
        painting = optimise(painting, goal, report, span=span)
    return as_pixels(painting)


class Goal:
    """The loss on one scale."""

    def __init__(self, vgg: Vgg, photo: Tensor, style: Tensor, settings: Settings) -> None:
        self.vgg = vgg
        self.settings = settings
        with torch.no_grad():
            self.content = vgg(photo)[3]
            self.grams = [losses.gram(each) for each in vgg(style)]

    def __call__(self, rgb: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss, and of it content and style, unweighted."""
        features = self.vgg(rgb)
        content = losses.content_distance(features[3], self.content)[0]
        pairs = zip(features, self.grams, strict=True)
        style = torch.stack([(losses.gram(each) - gram).square().mean() for each, gram in pairs]).sum()
        weights = self.settings
        loss = weights.content_weight * content + weights.style_weight * style
        loss = loss + weights.smoothness * losses.total_variation(rgb)
        return loss + LIMITS_WEIGHT * (rgb - rgb.clamp(0, 1)).square().mean(), content, style


def optimise(rgb: Tensor, goal: Goal, report: Callable[[Progress], None], *, span: tuple[float, float]) -> Tensor:
    """Move pixels, float [1, 3, H, W], towards a goal; `span` is where this lies in the whole work."""
    settings, size = goal.settings, (rgb.shape[2], rgb.shape[3])
    evaluations = 0
    optimizer: torch.optim.Optimizer
    if settings.optimizer == "adam":
        unit = 1.0
        variable = rgb.clone().requires_grad_()
        optimizer, turns = torch.optim.Adam([variable], lr=ADAM_RATE), settings.steps
    else:  # counts its own steps
        unit = FIRST_STEP * rgb.numel()
        variable = (rgb / unit).requires_grad_()
        optimizer, turns = lbfgs(variable, settings.steps), 1

    def closure() -> float:
        nonlocal evaluations
        optimizer.zero_grad()
        loss, content, style = goal(variable * unit)
        torch.autograd.backward(loss)
        evaluations += 1
        share = span[0] + (span[1] - span[0]) * min(1.0, evaluations / settings.steps)
        report(Progress(share, size, content.item(), style.item(), lambda: as_pixels(variable.detach() * unit)))
        return loss.item()

    for _ in range(turns):
        optimizer.step(closure)  # type: ignore[no-untyped-call]
    return variable.detach() * unit


def lbfgs(rgb: Tensor, steps: int) -> torch.optim.LBFGS:
    """Return L-BFGS that ends after so many evaluations; its own tolerances are absolute and would end it earlier."""
    return torch.optim.LBFGS(
        [rgb],
        max_iter=steps,
        max_eval=steps,
        tolerance_grad=0,
        tolerance_change=0,
        history_size=HISTORY,
        line_search_fn="strong_wolfe",
    )


def find_vgg(path: Path | None = None) -> Vgg:
    """Load what Gatys' method looks through: a file as of `load_vgg`, or else the encoder of the installed AdaIN.

    Raises:
        WeightsError: it is not installed, or the file holds something else.
    """
    if path is not None:
        vgg = load_vgg(path)
    else:
        try:
            vgg = load_network("adain").get_submodule("vgg")  # type: ignore[assignment]
        except WeightsError as error:
            raise WeightsError(f"gatys looks through adain's VGG-19: {error}; or give --vgg FILE") from error
    return vgg.to(accelerator()).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def scales(size: Size) -> list[Size]:
    """Return the sizes to paint at, coarse to fine: halves, as long as the short side has 64 pixels."""
    sizes = [size]
    while min(sizes[0]) >= 2 * COARSEST:
        sizes.insert(0, (round(size[0] / 2 ** len(sizes)), round(size[1] / 2 ** len(sizes))))
    return sizes


def fitting(picture: Tensor, area: int) -> Size:
    """Return the size at which a picture has at most so many pixels."""
    height, width = picture.shape[2:]
    factor = min(1.0, (area / (height * width)) ** 0.5)
    return max(SMALLEST, round(height * factor)), max(SMALLEST, round(width * factor))


def resized(rgb: Tensor, size: Size) -> Tensor:
    """Scale a picture down."""
    return F.interpolate(rgb, size, mode="bilinear", antialias=True) if rgb.shape[2:] != size else rgb


def as_tensor(bgr: Pixels) -> Tensor:
    """Turn pixels into RGB, float [1, 3, H, W] in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(bgr[:, :, ::-1])).permute(2, 0, 1)[None].float() / 255


def as_pixels(rgb: Tensor) -> Pixels:
    """Turn RGB into pixels, rounded."""
    rounded = (rgb.detach()[0].clamp(0, 1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(rounded.permute(1, 2, 0).cpu().numpy()[:, :, ::-1])
