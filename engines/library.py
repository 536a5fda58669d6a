"""Styles by name: the built-in gallery and the ones that the user added."""

import difflib
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from engines import style as styles
from engines.encoder import encode_style
from engines.errors import WeightsError
from engines.store import data_folder
from engines.style import Style, gallery

NAME = re.compile(r"[\w][\w .-]{0,79}")


def own_folder() -> Path:
    """Return the folder of the user's own styles."""
    return data_folder() / "styles"


def own_path(name: str) -> Path:
    """Return where the user's style of that name lies.

    Raises:
        WeightsError: a style cannot be called so.
    """
    if not NAME.fullmatch(name):
        raise WeightsError(f"a style cannot be called {name!r}: use letters, digits, spaces, dots, - and _")
    return own_folder() / f"{name}.safetensors"


def own() -> dict[str, str]:
    """Return the names of the user's own styles and the id of the network that each is for.

    It is "" where that is any, the picture being kept with the style, and where the file is unreadable.
    """
    found = {}
    for path in own_folder().glob("*.safetensors"):
        try:
            with safe_open(path, framework="numpy") as file:
                bound = styles.PICTURE not in file.keys()  # noqa: SIM118 - not a dict
                found[path.stem] = (file.metadata() or {}).get("network", "") if bound else ""
        except (OSError, SafetensorError):
            found[path.stem] = ""
    return found


def names(network: str) -> list[str]:
    """List the names that `find` knows for a network; it tells what is wrong with those that cannot be read."""
    return sorted({*gallery(network), *(name for name, bound_to in own().items() if bound_to in ("", network))})


def find(name: str, *, network: str) -> Style:
    """Return the style of that name; the user's own comes before the gallery's.

    One that another network made is read again from its picture, which takes some seconds the first time.

    Raises:
        WeightsError: there is none (names the nearest), or another network made it and no picture is kept with it.
    """
    if NAME.fullmatch(name) and own_path(name).exists():
        try:
            return styles.load(own_path(name), network=network)
        except WeightsError:
            picture = styles.load_picture(own_path(name))
            if picture is None:
                raise
            return encode_style(picture, name=name, network=network.rpartition("-")[0])
    known = gallery(network)
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name.lower(), names(network), 1, 0.4)
    remedy = f"did you mean {near[0]!r}?" if near else "`pincel styles list` shows them all"
    if not known and not near:
        remedy = f"the network {network} has no built-in styles, give a picture"
    raise WeightsError(f"no style, picture or style file is called {name!r}: {remedy}")


def add(style: Style, *, picture: NDArray[np.uint8] | None = None, force: bool = False) -> Path:
    """Keep a style under its name, with the picture to read it from again for other networks, if there is one.

    Raises:
        WeightsError: the name is taken and `force` is not given, or it cannot be written.
    """
    path = own_path(style.name)
    if path.exists() and not force:
        raise WeightsError(f"there is already a style called {style.name!r}: choose another name, or use --force")
    styles.save(style, path, picture=picture)
    return path


def remove(name: str) -> None:
    """Forget one of the user's styles.

    Raises:
        WeightsError: there is none of that name, or it is built in.
    """
    path = own_path(name)
    if not path.exists():
        listed = ", ".join(sorted(own())) or "none yet"
        raise WeightsError(f"{name!r} is not one of your own styles ({listed}); built-in ones stay")
    path.unlink()
