"""`pincel webcam`: a camera, painted live."""

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from engines import Style, WeightsError, library, network_id
from engines.segmentation import Segmenter
from realtime.camera import open_camera
from realtime.commands import options
from realtime.commands.options import OUTPUT, PAINTING, parse_steadiness
from realtime.commands.outputs import Batch, may_write
from realtime.commands.painting import Painter, engine_opener, live_network, resolve_style
from realtime.commands.session import Session
from realtime.commands.terminal import Terminal, UsageError
from realtime.commands.watched import StyleFolder
from realtime.controls import Controls
from realtime.mask import Mask, Part
from realtime.media import SinkError
from realtime.microphone import Microphone, open_device
from realtime.palette import Palette
from realtime.sizes import parse_size

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
        typer.Option(metavar="FILE", rich_help_panel=PAINTING, help="What finds the person: an ONNX or TFLite model."),
    ] = None,
    network: options.LiveNetwork = "auto",
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
    stream: Annotated[
        str | None,
        typer.Option(metavar="URL", rich_help_panel=OUTPUT, help="Push to rtmp://, rtsp://, srt://, udp:// or tcp://"),
    ] = None,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE.mp4", rich_help_panel=OUTPUT, help="Record from the start.")
    ] = None,
    microphone: Annotated[
        str | None,
        typer.Option(metavar="default|NAME", rich_help_panel=OUTPUT, help="Record what this one hears, too."),
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
    network, is_chosen = live_network(network, backend=engine), network != "auto"
    opener = engine_opener(terminal, backend=engine, precision=precision, network=network)
    chosen = choose_styles(style, terminal=terminal, network=network)
    painter = Painter(
        engine=opener, style=chosen[0], strength=strength, steadiness=steadiness, colour=float(preserve_colour),
        size=size, work_size=work_size, working=terminal.working,
    )  # fmt: skip
    controls = Controls(
        Palette([(each.name, each.vector) for each in chosen], fade_seconds=fade, tour_seconds=tour),
        strength=strength, steadiness=steadiness, colour=float(preserve_colour), mirrored=mirror,
        recording=record is not None,
    )  # fmt: skip
    rate = None if fps is None else Fraction(fps).limit_denominator(1001)
    asked = None if size == "native" else parse_size(size, native=(720, 1280))
    with batch, batch.run(Path(camera or "camera")) as entry, contextlib.ExitStack() as stack:
        folder = (
            stack.enter_context(contextlib.closing(StyleFolder(styles, network=network, tell=terminal.say)))
            if styles
            else None
        )
        heard = (
            Microphone(open_device(microphone), name=microphone, tell=terminal.warn) if microphone is not None else None
        )
        if heard:
            stack.callback(heard.close)
        source = open_camera(camera, size=asked, rate=rate, tell=terminal.warn)
        stack.callback(source.close)
        session = Session(painter, controls, source, record=record, microphone=heard, terminal=terminal)
        session.open(
            stack,
            has_window=not no_window,
            is_camera=virtual_camera,
            stream=stream,
            folder=folder,
            mask=finder,
            seconds=seconds,
        )
        if not is_chosen:
            terminal.say(f"network: {network}; --network chooses: `pincel networks list`")
        session.paint(entry)
    return batch.code


def choose_styles(texts: list[str] | None, *, terminal: Terminal, network: str) -> list[Style]:
    """Find the styles that a person named, or the whole gallery.

    Raises:
        UsageError: a name is unknown, or the network has no gallery and nothing was named.
        WeightsError: a style cannot be used.
        SourceError: a picture cannot be read.
    """
    if not texts:
        made_by = network_id(network)
        gallery = [library.find(name, network=made_by) for name in library.names(made_by)]
        if not gallery:
            raise UsageError(f"the network {network!r} has no built-in styles: give a picture with --style")
        return gallery
    found = [resolve_style(text, terminal=terminal, network=network) for text in texts]
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
        raise UsageError("--mask person|background and --mask-model FILE go together")
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
