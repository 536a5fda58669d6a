"""`pincel webcam`: a camera, painted live."""

import contextlib
from collections.abc import Iterable
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from engines import Style, WeightsError, library, network_id
from engines.segmentation import Segmenter
from realtime.camera import Camera, open_camera
from realtime.commands import options
from realtime.commands.options import OUTPUT, PAINTING, parse_steadiness
from realtime.commands.outputs import Batch, may_write
from realtime.commands.painting import NETWORK, Painter, engine_opener, resolve_style
from realtime.commands.terminal import Terminal, UsageError
from realtime.commands.watched import StyleFolder
from realtime.controls import Controls
from realtime.live import Live
from realtime.mask import Mask, Part
from realtime.media import Sink, SinkError, Source
from realtime.palette import Palette, Vector
from realtime.pipeline import run
from realtime.recording import Recording
from realtime.report import Report
from realtime.sizes import parse_size
from realtime.virtual_camera import VirtualCamera
from realtime.window import Window

TITLE = "Pincel"
RECORDED = (".mp4", ".mov", ".mkv")
MOST = 1e6


def webcam(
    camera: Annotated[
        str | None,
        typer.Option(
            "--camera", "-c", metavar="0|NAME|URL|FILE|test",
            help="Number, device path, part of a name, stream, a video as stand-in, or the test picture.",
        ),
    ] = None,
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style", "-s", metavar="STYLE", rich_help_panel=PAINTING,
            help="A gallery name, a picture or a style file; several to choose from. The whole gallery by default.",
        ),
    ] = None,
    styles: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", rich_help_panel=PAINTING, help="Pictures dropped here become styles at once."),
    ] = None,
    fade: Annotated[
        float,
        typer.Option(metavar="SECONDS", callback=options.within(0, 60), rich_help_panel=PAINTING,
                     help="How long one style turns into the next."),
    ] = 1.0,
    tour: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", rich_help_panel=PAINTING, help="Go on to the next style every so often."),
    ] = None,
    mask: Annotated[
        Part | None,
        typer.Option(metavar="person|background", rich_help_panel=PAINTING, help="Paint this part only."),
    ] = None,
    mask_model: Annotated[
        Path | None,
        typer.Option(metavar="FILE.onnx", rich_help_panel=PAINTING, help="What finds the person: SINet or alike."),
    ] = None,
    strength: options.Strength = 1.0,
    preserve_colour: options.PreserveColour = False,
    steady: options.Steady = "auto",
    engine: options.EngineName = "auto",
    precision: options.Precision = "auto",
    size: options.Size = "native",
    work_size: options.WorkSize = None,
    fps: Annotated[
        float | None, typer.Option(metavar="N", help="Frames a second to ask of the camera.")
    ] = None,
    mirror: Annotated[bool, typer.Option("--mirror", metavar="", help="Exchange left and right.")] = False,
    no_window: Annotated[
        bool, typer.Option("--no-window", metavar="", rich_help_panel=OUTPUT, help="Show nothing on this screen.")
    ] = False,
    virtual_camera: Annotated[
        bool,
        typer.Option("--virtual-camera", metavar="", rich_help_panel=OUTPUT, help="Be a camera for other programs."),
    ] = False,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE.mp4", rich_help_panel=OUTPUT, help="Record from the start.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(metavar="N", help="Stop after so long.")] = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    report_file: options.ReportFile = None,
) -> int:  # fmt: skip
    """Paint a camera, live. H in the window shows the keys."""
    terminal = Terminal(quiet=quiet)
    steadiness = parse_steadiness(steady)
    check_positive({"--tour": tour, "--fps": fps, "--seconds": seconds})
    check_record(record, force=force, terminal=terminal)
    finder = open_mask(mask, mask_model)
    batch = Batch(report_file)
    opener = engine_opener(terminal, backend=engine, precision=precision)
    chosen = choose_styles(style, terminal=terminal)
    painter = Painter(
        engine=opener, style=chosen[0], strength=strength, steadiness=steadiness, colour=float(preserve_colour),
        size=size, work_size=work_size,
    )  # fmt: skip
    controls = Controls(
        Palette([(each.name, each.vector) for each in chosen], fade_seconds=fade, tour_seconds=tour),
        strength=strength, steadiness=steadiness, colour=float(preserve_colour), mirrored=mirror,
        recording=record is not None,
    )  # fmt: skip
    rate = None if fps is None else Fraction(fps).limit_denominator(1001)
    asked = None if size == "native" else parse_size(size, native=(720, 1280))
    with batch, batch.run(Path(camera or "camera")) as entry, contextlib.ExitStack() as stack:
        folder = stack.enter_context(contextlib.closing(StyleFolder(styles, tell=terminal.say))) if styles else None
        source = open_camera(camera, size=asked, rate=rate, tell=terminal.warn)
        stack.callback(source.close)
        session = Session(painter, controls, source, record=record, terminal=terminal)
        session.open(
            stack, has_window=not no_window, is_camera=virtual_camera, folder=folder, mask=finder, seconds=seconds
        )
        session.paint(entry)
    return batch.code


class Session:
    """What one live run holds together: source, painter, sinks and window."""

    def __init__(
        self, painter: Painter, controls: Controls, source: Source, *, record: Path | None, terminal: Terminal
    ) -> None:
        self.controls, self.source, self.terminal = controls, source, terminal
        self.engine = painter.engine()
        sizes = painter.sizes(source.size, even=True)
        self.stylizer = painter.stylizer(sizes, rate=source.rate)
        self.engine.prepare(sizes[1])  # also where the strength begins at 0
        self.engine.read_style(np.zeros((64, 64, 3), np.uint8))  # loads what strength needs, before it can be felt
        self.recording = Recording(sizes[0], source.rate, tell=terminal.say)
        self.recording.target = record
        self.sinks: list[Sink] = [self.recording]

    def open(
        self,
        stack: contextlib.ExitStack,
        *,
        has_window: bool,
        is_camera: bool,
        folder: StyleFolder | None,
        mask: Mask | None,
        seconds: float | None,
    ) -> None:
        """Open the window and the virtual camera.

        Raises:
            SinkError: there is no screen, or no virtual device.
        """
        size = self.recording.size
        if is_camera:
            virtual = VirtualCamera(size, self.source.rate)
            stack.callback(virtual.discard)
            self.sinks.append(virtual)
            self.terminal.say(f"virtual camera: {virtual.device}")
        window = Window(TITLE, size=size, controls=self.controls) if has_window else None
        if window:
            stack.callback(window.close)
        newcomers = folder.take if folder else nothing
        self.live = Live(
            self.stylizer, self.controls, recording=self.recording, window=window, newcomers=newcomers,
            mask=mask, seconds=seconds,
        )  # fmt: skip

    def paint(self, entry: dict[str, object]) -> None:
        """Paint until it is ended, and note in the entry what came of it.

        Raises:
            KeyboardInterrupt: it was ended by Ctrl-C.
        """
        source = self.source
        given = source.delivered if isinstance(source, Camera) else f"{source.size[1]}x{source.size[0]}"
        self.terminal.say(f"camera: {given}")
        with self.terminal.progress("live", None) as progress:
            report = run(source, self.live.paint, self.sinks, show=self.live.show, progress=progress)
        entry |= {"engine": self.engine.name, "camera": str(given), **report.as_dict(), **self.figures()}
        self.terminal.say(self.summary(report))
        if report.interrupted:
            raise KeyboardInterrupt

    def figures(self) -> dict[str, object]:
        """Return what the report tells beyond that of every run."""
        flicker = self.live.flicker.mean
        return {
            "styles": [name for name, _ in self.controls.palette.styles],
            "cuts": self.stylizer.cuts,
            "flicker_levels": None if flicker is None else round(flicker, 3),
            "outages": [asdict(outage) for outage in getattr(self.source, "outages", [])],
            "recordings": [str(path) for path in self.recording.files],
        }

    def summary(self, report: Report) -> str:
        """Return a line for people."""
        ages = "/".join(f"{value:.0f}" for value in report.age.percentiles().values())
        outages = len(getattr(self.source, "outages", []))
        lost = f", {outages} outage{'' if outages == 1 else 's'}" if outages else ""
        return (
            f"{report.frames} frames in {report.seconds:.1f} s, {report.fps:.1f} fps, age {ages} ms (p50/p95/p99), "
            f"{report.dropped} dropped at the camera{lost}"
        )


def choose_styles(texts: list[str] | None, *, terminal: Terminal) -> list[Style]:
    """Find the styles that a person named, or the whole gallery.

    Raises:
        UsageError: a name is unknown.
        WeightsError: a style cannot be used.
        SourceError: a picture cannot be read.
    """
    network = network_id(NETWORK)
    if not texts:
        return [library.find(name, network=network) for name in library.names(network)]
    found = [resolve_style(text, terminal=terminal) for text in texts]
    for style in found:
        if style.vector.size != found[0].vector.size:
            raise WeightsError(f"the style {style.name} is damaged: encode its picture again")
    return found


def open_mask(part: Part | None, model: Path | None) -> Mask | None:
    """Open what keeps the painting to a part of the picture.

    Raises:
        UsageError: the part is asked for without a model, or the other way round.
        WeightsError: the model cannot be used.
    """
    if part is None and model is None:
        return None
    if part is None or model is None:
        raise UsageError("--mask person|background and --mask-model FILE.onnx go together")
    segmenter = Segmenter(model)
    return Mask(segmenter.find_person, size=segmenter.size, part=part)


def check_positive(values: dict[str, float | None]) -> None:
    """Refuse numbers that are not above 0, and nan."""
    for name, value in values.items():
        if value is not None and not 0 < value < MOST:
            raise UsageError(f"{name} {value:g}: give a number above 0")


def check_record(path: Path | None, *, force: bool, terminal: Terminal) -> None:
    """Refuse what cannot be recorded to, before the camera is opened."""
    if path is None:
        return
    if path.suffix.lower() not in RECORDED:
        raise UsageError(f"--record {path}: recordings are {', '.join(RECORDED)}, name it {path.with_suffix('.mp4')}")
    if not path.parent.is_dir():
        raise SinkError(f"{path.parent} is no folder: make it, or record to another")
    may_write(path, [], force=force, terminal=terminal)


def nothing() -> Iterable[tuple[str, Vector]]:
    """Return no newcomers: no folder is watched."""
    return ()
