"""`pincel styles`: the gallery and the user's own styles."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from engines import encode_style, library, network_id
from engines import style as style_files
from engines.style import Style
from realtime.commands import options
from realtime.commands.image import Painter
from realtime.commands.painting import NETWORK, may_write, open_for, resolve_style, resolve_styles
from realtime.commands.terminal import Terminal, UsageError
from realtime.images import Picture, read_picture, write_picture
from realtime.pattern import Pattern

styles = typer.Typer(no_args_is_help=True, help="List, try, add and blend styles.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="As `pincel styles list` shows it.")]


@styles.command("list")
def list_styles() -> None:
    """List the styles that can be named."""
    table = Table("name", "picture", "", box=None)
    network = network_id(NETWORK)
    built_in = style_files.gallery(network)
    for name in library.names(network):
        own = library.own_path(name).exists()
        table.add_row(name, "" if own else built_in[name].title, "your own" if own else "")
    Console().print(table)


@styles.command()
def show(
    style: Annotated[str, typer.Argument(metavar="NAME|PICTURE|FILE", help="The style to try.")],
    on: Annotated[Path | None, typer.Option(help="The picture to paint; the test picture by default.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to; NAME.png by default.")] = None,
    engine: options.EngineName = "auto",
    precision: options.Precision = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a PNG of a style applied to a picture."""
    terminal = Terminal(quiet=quiet)
    chosen = resolve_style(style)
    target = output or Path(f"{chosen.name}.png")
    may_write(target, on, force=force)
    picture = read_picture(on) if on else Picture(Pattern((540, 960)).paint(60))
    painter = Painter(open_for(terminal, backend=engine, precision=precision), chosen)
    write_picture(target, painter.paint(picture))
    terminal.say(str(target))


@styles.command()
def add(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="Any picture: a painting, a texture, a drawing.")],
    name: Annotated[str | None, typer.Option(help="What to call it; the file's name by default.")] = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Keep a picture's style under a name."""
    pixels = read_picture(picture).pixels
    if min(pixels.shape[:2]) < 16:
        raise UsageError(f"{picture} is {pixels.shape[1]}x{pixels.shape[0]} pixels: a style needs 16x16 or more")
    style = encode_style(pixels, name=name or picture.stem, network=NETWORK)
    library.add(style, force=force)
    Terminal(quiet=quiet).say(f"added: use it with --style {style.name!r}")


@styles.command()
def remove(name: Name, quiet: options.Quiet = False) -> None:
    """Forget one of your own styles."""
    library.remove(name)
    Terminal(quiet=quiet).say(f"removed {name}")


@styles.command()
def blend(
    parts: Annotated[list[str], typer.Argument(metavar="STYLE[:WEIGHT]...", help="Names, pictures or style files.")],
    name: Annotated[str | None, typer.Option(help="Keep the blend under this name.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to a .safetensors file.")] = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Blend styles into a new one."""
    if (name is None) == (output is None):
        raise UsageError("where should the blend go? give either --name NAME or -o FILE.safetensors")
    mixed = resolve_styles(parts)
    made = Style(mixed.vector, mixed.network, name or mixed.name)
    if output is None:
        library.add(made, force=force)
        Terminal(quiet=quiet).say(f"added: use it with --style {made.name!r}")
        return
    if output.suffix != ".safetensors":
        raise UsageError(f"{output}: style files end in .safetensors")
    may_write(output, None, force=force)
    style_files.save(made, output)
    Terminal(quiet=quiet).say(str(output))
