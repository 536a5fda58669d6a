"""A style is K numbers: blend, save, load, and the built-in gallery."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from engines.errors import WeightsError
from engines.networks import DATA
from engines.store import write_whole

VECTOR, PICTURE = "style", "picture"

Vector = NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Style:
    """What a painting network needs to know of a picture.

    Attributes:
        vector: float32 [K].
        network: id of the network that made it, from `engines.weights.network_id`.
        name: for people.
        picture_sha256: of the picture's pixels, "" where there was no single picture.
        title: the picture's title, painter and year, "" where unknown.
    """

    vector: Vector
    network: str
    name: str
    picture_sha256: str = ""
    title: str = ""


def blend(parts: Sequence[tuple[Style, float]]) -> Style:
    """Return the weighted mean of styles.

    Args:
        parts: styles of one network with their weights, which need not sum to 1.

    Raises:
        ValueError: no parts, a negative or non-finite weight, or weights that sum to 0.
        WeightsError: the styles were made by different networks.
    """
    weights = np.array([weight for _, weight in parts], np.float64)
    if not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() <= 0:
        raise ValueError(f"cannot blend with the weights {weights.tolist()}: give numbers from 0 up, one above 0")
    first = parts[0][0]
    for style, _ in parts:
        if style.network != first.network:
            raise WeightsError(
                f"cannot blend {first.name} with {style.name}: the networks {first.network} and {style.network} "
                "made them; encode the pictures again"
            )
    if len(parts) == 1:
        return first
    share = weights / weights.sum()
    vector = (np.stack([style.vector for style, _ in parts]) * share[:, None]).sum(0).astype(np.float32)
    name = "+".join(f"{style.name}:{part:.2g}" for (style, _), part in zip(parts, share, strict=True))
    return Style(vector, first.network, name)


def save(style: Style, path: Path, *, picture: NDArray[np.uint8] | None = None) -> None:
    """Write a style as safetensors, whole or not at all.

    Args:
        style: what to write.
        path: where to.
        picture: what to read it from again for another network, uint8 [H, W, 3] BGR.

    Raises:
        WeightsError: the file cannot be written.
    """
    metadata = {
        "network": style.network, "name": style.name, "picture_sha256": style.picture_sha256, "title": style.title
    }  # fmt: skip
    try:
        write_whole(path, to_bytes({VECTOR: style.vector} | ({} if picture is None else {PICTURE: picture}), metadata))
    except OSError as error:
        raise WeightsError(f"cannot write the style {path}: {error.strerror}") from error


def load(path: Path, *, network: str) -> Style:
    """Read a style.

    Args:
        path: a file written by `save`.
        network: id of the network that is to paint with it.

    Raises:
        WeightsError: the file is missing or damaged, is no style, or was made by another network.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            vector = file.get_tensor(VECTOR) if VECTOR in file.keys() else None  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"cannot read the style {path}: {error}") from error
    if vector is None or vector.ndim != 1 or "network" not in metadata:
        raise WeightsError(f"{path} is a safetensors file but no Pincel style: make one with `pincel styles add`")
    if metadata["network"] != network:
        raise WeightsError(
            f"{path} was made by the network {metadata['network']}, this one is {network}: "
            f"paint with that one (--network {metadata['network'].rpartition('-')[0]}), or encode the picture again"
        )
    if not np.isfinite(vector).all():
        raise WeightsError(f"{path} holds numbers that are not finite: encode the picture again")
    return Style(
        vector.astype(np.float32), network, metadata.get("name", path.stem),
        metadata.get("picture_sha256", ""), metadata.get("title", ""),
    )  # fmt: skip


def load_picture(path: Path) -> NDArray[np.uint8] | None:
    """Return the picture that a style was saved with, uint8 [H, W, 3] BGR, if it was and can be read."""
    try:
        with safe_open(path, framework="numpy") as file:
            return np.asarray(file.get_tensor(PICTURE)) if PICTURE in file.keys() else None  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError):
        return None


def gallery_path(name: str) -> Path:
    """Return where the built-in styles of the network of that name lie, if it has any."""
    return DATA / f"{name}.gallery.safetensors"


@cache
def gallery(network: str) -> dict[str, Style]:
    """Return the built-in styles by name; empty for a network that they were not made with."""
    path, styles = gallery_path(network.rpartition("-")[0]), {}
    if not path.exists():
        return {}
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata() or {}
        if metadata.get("network") != network:
            return {}
        for name in sorted(file.keys()):
            title, digest = metadata.get(f"{name}.title", ""), metadata.get(f"{name}.picture_sha256", "")
            styles[name] = Style(file.get_tensor(name), network, name, digest, title)
    return styles


def picture_sha256(picture: NDArray[np.uint8]) -> str:
    """Return the sha256 of a picture's size and pixels, uint8 [H, W, 3] BGR."""
    digest = hashlib.sha256(repr(picture.shape).encode())
    digest.update(np.ascontiguousarray(picture).data)
    return digest.hexdigest()
