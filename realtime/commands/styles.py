"""`pincel styles`: the gallery and the user's own styles."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from engines import library, network_id
from engines import style as style_files
from engines.style import Style
from realtime.commands import options
from realtime.commands.image import EngineBrush, check_suffix
from realtime.commands.outputs import choose_target, may_write
from realtime.commands.painting import (
    NETWORK,
    Painter,
    engine_opener,
    picture_style,
    read_style_picture,
    resolve_style,
    resolve_styles,
)
from realtime.commands.terminal import Terminal, UsageError, page, put
from realtime.images import Picture, read_picture, write_picture
from realtime.media import Pixels
from realtime.pattern import Pattern
from realtime.sizes import short_side, to_size

KEPT_SIDE = 512  # the most that any network reads

styles = typer.Typer(no_args_is_help=True, help="List, try, add and blend styles.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="As `pincel styles list` shows it.")]


@styles.command("list")
def list_styles(network: options.Network = NETWORK) -> None:
    """List the styles that can be named."""
    table = Table("name", "picture", "", box=None)
    made_by = network_id(network)
    own, built_in = library.own(), style_files.gallery(made_by)
    for name in sorted({*own, *built_in}):
        whose = "" if name not in own else "your own" if own[name] in ("", made_by) else f"your own, for {own[name]}"
        table.add_row(name, "" if name in own else built_in[name].title, whose)
    put(page(), table)


@styles.command()
def show(
    style: Annotated[str, typer.Argument(metavar="NAME|PICTURE|FILE", help="The style to try.")],
    on: Annotated[
        Path | None, typer.Option(metavar="PICTURE", help="What to paint; a test picture by default.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE.png", help="In this folder by default.")
    ] = None,
    network: options.Network = NETWORK,
    engine: options.EngineName = "auto",
    precision: options.Precision = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a PNG of a style applied to a picture."""
    terminal = Terminal(quiet=quiet)
    opener = engine_opener(terminal, backend=engine, precision=precision, network=network)
    chosen = resolve_style(style, terminal=terminal, network=network)
    seen = Path(on.name if on else "pattern")
    target = choose_target(seen, output, label=chosen.name, suffix=".png", many=False)
    check_suffix(target)
    may_write(target, [Path(style), *([on] if on else [])], force=force, terminal=terminal)
    picture = read_picture(on) if on else Picture(Pattern((540, 960)).paint(60))
    write_picture(target, EngineBrush(Painter(opener, chosen)).paint(picture))
    terminal.say(str(target))


@styles.command()
def add(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="A painting, a texture, a drawing.")],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="The file's name by default.")] = None,
    network: options.Network = NETWORK,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Keep a picture's style under a name."""
    if name is None and not library.NAME.fullmatch(picture.stem):
        raise UsageError(f"{picture.name} makes no name for a style: give one with --name")
    library.own_path(name or picture.stem)
    terminal = Terminal(quiet=quiet)
    made = picture_style(picture, name=name or picture.stem, terminal=terminal, network=network)
    pixels = read_style_picture(picture)
    small = to_size(pixels, short_side(pixels.shape, min(KEPT_SIDE, *pixels.shape[:2])))
    keep(made, picture=small, force=force, terminal=terminal)


@styles.command()
def remove(name: Name, quiet: options.Quiet = False) -> None:
    """Forget one of your own styles."""
    library.remove(name)
    Terminal(quiet=quiet).say(f"removed {name}")


@styles.command()
def blend(
    parts: Annotated[list[str], typer.Argument(metavar="STYLE[:WEIGHT]...", help="Names, pictures or style files.")],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Keep it under this name.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.safetensors", help="Or write it to a file.")
    ] = None,
    network: options.Network = NETWORK,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Blend styles into a new one."""
    if (name is None) == (output is None):
        raise UsageError("where should the blend go? give either --name NAME or -o FILE.safetensors")
    terminal = Terminal(quiet=quiet)
    if output is not None:
        if output.suffix != ".safetensors":
            raise UsageError(f"{output}: style files end in .safetensors")
        may_write(output, [], force=force, terminal=terminal)
    mixed = resolve_styles(parts, terminal=terminal, network=network)
    made = Style(mixed.vector, mixed.network, name or mixed.name)
    if output is None:
        keep(made, force=force, terminal=terminal)
        return
    style_files.save(made, output)
    terminal.say(str(output))


def keep(style: Style, *, picture: Pixels | None = None, force: bool, terminal: Terminal) -> None:
    """Put a style into the user's library."""
    library.add(style, picture=picture, force=force)
    painter = style.network.rpartition("-")[0]
    also = "" if painter == NETWORK else f" --network {painter}"
    terminal.say(f"added: use it with --style {style.name!r}{also}")
