"""`pincel image`: still pictures."""

import time
from pathlib import Path
from typing import Annotated, Protocol

import typer

from realtime.commands import gatys, options
from realtime.commands.outputs import Batch, choose_target, is_folder, make_folder, may_write, refuse_clashes
from realtime.commands.painting import NETWORK, Painter, engine_opener, resolve_styles
from realtime.commands.terminal import Terminal, UsageError
from realtime.encoders import CONTAINERS
from realtime.images import ALPHA_SUFFIXES, WRITE_SUFFIXES, Picture, find_pictures, read_picture, write_picture
from realtime.media import Frame


class Brush(Protocol):
    """What paints pictures that have nothing to do with each other; `label` names the style."""

    label: str

    def open(self) -> str:
        """Get ready; return what paints."""

    def paint(self, picture: Picture) -> Picture:
        """Paint a picture.

        Raises:
            UsageError: it is too large to paint at once, or a size is wrong.
            EngineError: it cannot be painted.
        """


class EngineBrush:
    """Paints with an engine."""

    def __init__(self, painter: Painter) -> None:
        self.painter = painter
        self.label = painter.style.name

    def open(self) -> str:
        return self.painter.engine().name

    def paint(self, picture: Picture) -> Picture:
        sizes = self.painter.sizes((picture.pixels.shape[0], picture.pixels.shape[1]))
        stylizer = self.painter.stylizer(sizes)
        painted = stylizer.paint(Frame(picture.pixels, pts_seconds=0.0, index=0, alpha=picture.alpha))
        return Picture(painted.pixels, painted.alpha)


def image(
    inputs: Annotated[list[Path], typer.Argument(metavar="PICTURE...", help="Pictures, folders or patterns.")],
    style: options.Style,
    network: options.StillNetwork = NETWORK,
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
    steps: gatys.Steps = None,
    content_weight: gatys.ContentWeight = None,
    style_weight: gatys.StyleWeight = None,
    optimizer: gatys.OptimizerName = None,
    vgg: gatys.VggFile = None,
    preview: gatys.Preview = None,
) -> int:
    """Paint pictures."""
    terminal = Terminal(quiet=quiet)
    batch = Batch(report_file)
    said = gatys.Said(steps, content_weight, style_weight, optimizer, vgg, preview)
    brush: Brush
    if network == options.GATYS:
        others = {"--strength": strength != 1, "--preserve-colour": preserve_colour}
        said.refuse_others(others | {"--engine": engine != "auto", "--precision": precision != "auto"})
        brush = gatys.GatysBrush(style, said, size=size, work_size=work_size, force=force, terminal=terminal)
    else:
        said.refuse(network)
        painter = Painter(
            engine=engine_opener(terminal, backend=engine, precision=precision, network=network),
            style=resolve_styles(style, terminal=terminal, network=network),
            strength=strength,
            colour=float(preserve_colour),
            size=size,
            work_size=work_size,
            working=terminal.working,
        )
        brush = EngineBrush(painter)
    with batch:
        pictures: dict[Path, None] = {}
        for given in inputs:
            with batch.run(given) as entry:
                pictures |= dict.fromkeys(find_pictures(given))
                batch.runs.remove(entry)  # each picture gets its own
        many = len(pictures) > 1 or any(given.is_dir() for given in inputs)
        paint_all(brush, list(pictures), output, batch, many=many, force=force, terminal=terminal)
    return batch.code


def paint_all(
    brush: Brush,
    pictures: list[Path],
    output: str | None,
    batch: Batch,
    *,
    many: bool,
    force: bool,
    terminal: Terminal,
) -> None:
    """Paint one picture after the other, once it is known where each goes."""
    pairs = [(path, choose_place(path, output, label=brush.label, many=many)) for path in pictures]
    refuse_clashes(pairs)
    ready = []
    for path, target in pairs:
        with batch.run(path) as entry:
            entry["style"] = brush.label
            if path.suffix.lower() in CONTAINERS:
                raise UsageError(f"{path} is a video: use `pincel convert`")
            check_suffix(target)
            may_write(target, [path], force=force, terminal=terminal)
            ready.append((path, target, entry))
    for path, target, entry in ready:
        with batch.run(path, entry):
            picture = read_picture(path)
            if output is not None and (many or is_folder(output)):
                make_folder(target.parent)
            engine = brush.open()
            started = time.perf_counter()
            write_picture(target, brush.paint(picture))
            seconds = round(time.perf_counter() - started, 3)
            entry |= {"output": str(target), "engine": engine, "seconds": seconds}
            terminal.say(f"{target}: {seconds} s")
            if picture.alpha is not None and target.suffix.lower() not in ALPHA_SUFFIXES:
                terminal.warn(f"{target.name}: transparency is dropped, {target.suffix} has none: .png keeps it")


def choose_place(path: Path, output: str | None, *, label: str, many: bool) -> Path:
    """Return where a picture's painting goes; formats that are only read become PNG."""
    suffix = path.suffix.lower() if path.suffix.lower() in WRITE_SUFFIXES else ".png"
    return choose_target(path, output, label=label, suffix=suffix, many=many)


def check_suffix(target: Path) -> None:
    """Refuse formats that pictures are not written in."""
    if target.suffix.lower() not in WRITE_SUFFIXES:
        raise UsageError(f"{target}: pictures are not written as '{target.suffix}': use {', '.join(WRITE_SUFFIXES)}")
