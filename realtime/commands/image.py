"""`pincel image`: still pictures."""

import time
from pathlib import Path
from typing import Annotated

import typer

from engines import Engine, EngineError, Style
from realtime.commands import options
from realtime.commands.painting import choose_output, may_write, open_for, resolve_styles, write_report
from realtime.commands.terminal import Terminal, UsageError, error
from realtime.images import WRITE_SUFFIXES, Picture, find_pictures, read_picture, write_picture
from realtime.media import Frame, MediaError
from realtime.sizes import parse_size
from realtime.stylizer import Stylizer

MOST_PIXELS = 50_000_000


def image(
    inputs: Annotated[list[Path], typer.Argument(metavar="PICTURE...", help="Pictures, folders or patterns.")],
    style: options.Style,
    output: options.Output = None,
    strength: options.Strength = 1.0,
    preserve_colour: options.PreserveColour = False,
    engine: options.EngineName = "auto",
    precision: options.Precision = "auto",
    size: options.Size = "native",
    work_size: options.WorkSize = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    report_file: options.ReportFile = None,
) -> int:
    """Paint pictures."""
    terminal = Terminal(quiet=quiet)
    pictures = [path for given in inputs for path in find_pictures(given)]
    many = len(pictures) > 1 or inputs[0].is_dir()
    blended = resolve_styles(style)
    painter = Painter(
        open_for(terminal, backend=engine, precision=precision),
        blended,
        strength=strength,
        colour=float(preserve_colour),
        size=size,
        work_size=work_size,
    )
    worst, runs = 0, []
    for path in pictures:
        entry: dict[str, object] = {"input": str(path), "style": blended.name, "engine": painter.engine.name}
        runs.append(entry)
        try:
            suffix = path.suffix.lower() if path.suffix.lower() in WRITE_SUFFIXES else ".png"
            target = choose_output(path, output, style=blended, suffix=suffix, many=many)
            may_write(target, path, force=force)
            started = time.perf_counter()
            write_picture(target, painter.paint(read_picture(path)))
        except (UsageError, MediaError, EngineError) as wrong:
            error(str(wrong))
            entry["error"] = str(wrong)
            worst = max(worst, 2 if isinstance(wrong, UsageError) else 1)
            continue
        entry |= {"output": str(target), "seconds": round(time.perf_counter() - started, 3)}
        terminal.say(f"{target}: {entry['seconds']} s")
    write_report(report_file, runs)
    return worst


class Painter:
    """Paints pictures that have nothing to do with each other."""

    def __init__(
        self,
        engine: Engine,
        style: Style,
        *,
        strength: float = 1.0,
        colour: float = 0.0,
        size: str = "native",
        work_size: str | None = None,
    ) -> None:
        self.engine = engine
        self.style = style
        self.strength = strength
        self.colour = colour
        self.size = size
        self.work_size = work_size

    def paint(self, picture: Picture) -> Picture:
        """Paint a picture.

        Raises:
            UsageError: it is too large to paint at once, or a size is wrong.
        """
        native = picture.pixels.shape[0], picture.pixels.shape[1]
        try:
            size = parse_size(self.size, native=native)
            work_size = parse_size(self.work_size, native=size) if self.work_size else None
        except ValueError as wrong:
            raise UsageError(str(wrong)) from wrong
        height, width = work_size or size
        if height * width > MOST_PIXELS and self.strength > 0:
            raise UsageError(
                f"{width}x{height} pixels are too many to paint at once (up to {MOST_PIXELS // 10**6} million): "
                "paint smaller and scale up with --work-size 2160p"
            )
        stylizer = Stylizer(
            self.engine,
            self.style.vector,
            strength=self.strength,
            steadiness=0.0,
            colour=self.colour,
            size=size,
            work_size=work_size,
        )
        painted = stylizer.paint(Frame(picture.pixels, pts_seconds=0.0, index=0, alpha=picture.alpha))
        return Picture(painted.pixels, painted.alpha)
