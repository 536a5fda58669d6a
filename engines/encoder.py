"""Pictures into styles, once."""

import logging
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engines import style as styles
from engines.errors import WeightsError
from engines.store import cache_folder
from engines.style import Style, Vector
from engines.weights import load_network, network_card, network_id

if TYPE_CHECKING:
    from torch import nn

    from engines.refine import Judge, Question

LONGEST = 4  # times the short side; what lies beyond is cropped away
SMALLEST = 16
REFINEMENT = 30  # steps, some seconds
RECIPE = 5  # counts up when `engines.refine` makes other styles: what is cached is then read again

log = logging.getLogger(__name__)


def encode_style(
    picture: NDArray[np.uint8],
    *,
    name: str,
    network: str = "pincel",
    weights: Path | None = None,
    cancelled: "Question | None" = None,
) -> Style:
    """Read the style of a picture, refined where the network can, from the user's cache when it was read before.

    Args:
        picture: uint8 [H, W, 3] BGR, at least 16x16.
        name: what to call it.
        network: which network is to paint with it.
        weights: its weights, the bundled ones by default.
        cancelled: asked from time to time whether to give up.

    Raises:
        ValueError: the array is no such picture.
        Cancelled: `cancelled` said so; nothing is cached.
        WeightsError: the weights cannot be used.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or min(picture.shape[:2]) < SMALLEST:
        raise ValueError(
            f"a style picture is uint8 [H, W, 3], at least {SMALLEST}x{SMALLEST}, not {picture.dtype} {picture.shape}"
        )
    made_by = network_id(network, weights)
    digest = styles.picture_sha256(picture)
    cached = cache_folder() / "styles" / made_by / f"{digest}-{RECIPE}.safetensors"
    if cached.exists():
        try:
            return Style(styles.load(cached, network=made_by).vector, made_by, name, digest)
        except WeightsError as error:
            log.warning("%s; encoding it again", error)
    vector = encode_vector(picture, network=network, weights=weights, refinement=REFINEMENT, cancelled=cancelled)
    style = Style(vector, made_by, name, digest)
    styles.save(style, cached)
    return style


def encode_vector(
    picture: NDArray[np.uint8],
    *,
    network: str = "pincel",
    weights: Path | None = None,
    refinement: int = 0,
    judge: "Judge | None" = None,
    cancelled: "Question | None" = None,
) -> Vector:
    """Read a style vector on the CPU, past the cache.

    Args:
        picture: uint8 [H, W, 3] BGR.
        network: which network is to paint with it.
        weights: its weights, the bundled ones by default.
        refinement: steps of `engines.refine`, which other networks than the default one do not take.
        judge: as `engines.refine` says.
        cancelled: as `engines.refine` says.

    Returns:
        float32 [K].
    """
    import torch
    import torch.nn.functional as F

    from engines.networks.pincel import Pincel
    from engines.refine import refine

    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = max(0, height - LONGEST * side) // 2, max(0, width - LONGEST * side) // 2
    part = np.ascontiguousarray(picture[top : top + LONGEST * side, left : left + LONGEST * side, ::-1])
    wanted = network_card(network).style_picture
    size = [round(length * wanted / side) for length in part.shape[:2]] if isinstance(wanted, int) else list(wanted)
    reader = encoder(network, weights, network_id(network, weights))
    with torch.no_grad():
        bytes_in = torch.from_numpy(part).permute(2, 0, 1)[None]
        rgb = F.interpolate(bytes_in, size=size, mode="bilinear", antialias=True).float() / 255
        vector: torch.Tensor = reader.encode(rgb)  # type: ignore[operator]
    if refinement and isinstance(reader, Pincel):
        vector = refine(reader, vector, rgb, steps=refinement, judge=judge, cancelled=cancelled)
    return np.asarray(vector[0].numpy(), np.float32)


@cache
def encoder(network: str, weights: Path | None, made_by: str) -> "nn.Module":
    """Return the network that reads styles, loaded once a process and id."""
    return load_network(network, weights)
