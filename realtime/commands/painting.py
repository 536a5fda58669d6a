"""What the painting commands share: styles as people name them, outputs, reports."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from engines import Engine, Style, blend, encode_style, library, network_id, open_engine
from engines import style as styles
from realtime.commands.terminal import Terminal, UsageError
from realtime.images import READ_SUFFIXES, read_picture
from realtime.media import SinkError

NETWORK = "pincel"


def open_for(terminal: Terminal, *, backend: str, precision: str) -> Engine:
    """Open an engine and say which."""
    engine = open_engine(NETWORK, backend=backend, precision=precision)
    terminal.say(f"engine: {engine.backend.reason}")
    return engine


def resolve_styles(texts: Sequence[str]) -> Style:
    """Find the styles that a person named, each with an optional ":weight", and blend them.

    Raises:
        UsageError: none is named, or a weight is impossible.
        WeightsError: a name or a style file leads to no style.
        SourceError: a picture cannot be read.
    """
    if not texts:
        raise UsageError(
            "which style? --style starry_night, a picture or a style file; `pincel styles list` shows names"
        )
    parts = [split_weight(text) for text in texts]
    try:
        return blend([(resolve_style(name), weight) for name, weight in parts])
    except ValueError as error:
        raise UsageError(str(error)) from error


def split_weight(text: str) -> tuple[str, float]:
    """Split "name:0.3"; the weight is 1 where there is none."""
    name, colon, number = text.rpartition(":")
    if not colon or Path(text).exists():
        return text, 1.0
    try:
        return name, float(number)
    except ValueError:
        return text, 1.0


def resolve_style(text: str) -> Style:
    """Find a style by name, read it from a style file, or encode a picture."""
    path = Path(text)
    network = network_id(NETWORK)
    if path.suffix == ".safetensors" and path.exists():
        return styles.load(path, network=network)
    if text not in library.names(network) and (
        path.exists() or path.suffix.lower() in (*READ_SUFFIXES, ".safetensors")
    ):
        picture = read_picture(path).pixels
        if min(picture.shape[:2]) < 16:
            raise UsageError(f"{path} is {picture.shape[1]}x{picture.shape[0]} pixels: a style needs 16x16 or more")
        return encode_style(picture, name=path.stem, network=NETWORK)
    return library.find(text, network=network)


def choose_output(source: Path, output: Path | None, *, style: Style, suffix: str, many: bool) -> Path:
    """Return where the painting of a source goes.

    Args:
        source: the input.
        output: what the person said: a file, a folder, or nothing.
        style: names the result where the person did not.
        suffix: of the result, likewise.
        many: whether there are several inputs, so that the output must be a folder.
    """
    label = "".join(letter if letter.isalnum() or letter in "-_+" else "_" for letter in style.name)
    name = f"{source.stem.replace('%', '') or source.name}-{label}{suffix}"
    if output is None:
        return source.parent / name
    if many or output.is_dir() or str(output).endswith(("/", "\\")):
        if output.exists() and not output.is_dir():
            raise UsageError(f"{output} is a file, and there are several inputs: name a folder")
        make_folder(output)
        return output / name
    return output


def make_folder(folder: Path) -> None:
    """Make a folder where it is missing.

    Raises:
        SinkError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SinkError(f"cannot make the folder {folder}: {error.strerror}") from error


def may_write(output: Path, source: Path | None, *, force: bool) -> None:
    """Make sure that writing loses nothing: ask, or refuse where nobody can answer.

    Raises:
        UsageError: the output is the input, or exists and the person does not want to lose it.
    """
    if not output.exists():
        return
    if source is not None and source.exists() and output.samefile(source):
        raise UsageError(f"{output} is the input itself: name another output with -o")
    if force:
        return
    if not sys.stdin.isatty() or not typer.confirm(f"{output} exists. Overwrite it?", err=True):
        raise UsageError(f"{output} exists: name another output, or use --force")


def write_report(path: Path | None, runs: list[dict[str, object]]) -> None:
    """Write what the runs were as JSON.

    Raises:
        SinkError: it cannot be written.
    """
    if path is None:
        return
    try:
        path.write_text(json.dumps({"runs": runs}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise SinkError(f"cannot write the report {path}: {error.strerror}") from error
