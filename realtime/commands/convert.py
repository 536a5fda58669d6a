"""`pincel convert`: video files and picture sequences."""

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

import typer

from realtime.commands import options
from realtime.commands.options import OUTPUT, parse_steadiness, parse_time
from realtime.commands.outputs import (
    PLACEHOLDER,
    Batch,
    choose_target,
    is_folder,
    make_folder,
    may_write,
    refuse_clashes,
)
from realtime.commands.painting import NETWORK, Painter, Size, engine_opener, resolve_styles
from realtime.commands.terminal import Interrupted, Terminal, UsageError, error
from realtime.encoders import CONTAINERS, choose_encoding
from realtime.images import READ_SUFFIXES, PictureFolder, PictureSequence
from realtime.media import SinkError
from realtime.pipeline import run
from realtime.report import Report
from realtime.sizes import stretched
from realtime.video import VideoReader
from realtime.video_writer import VideoWriter

Audio = Literal["copy", "none", "aac"]
EncoderName = Literal["auto", "software", "nvenc", "videotoolbox", "qsv", "amf"]
Reader = VideoReader | PictureSequence
Entry = dict[str, object]


@dataclass(frozen=True)
class Job:
    """What is to be done to every input."""

    painter: Painter
    terminal: Terminal
    codec: str | None
    crf: int | None
    preset: str | None
    encoder: EncoderName
    audio: Audio
    start: float | None
    end: float | None
    rate: float

    def convert(self, source: Path, target: Path, entry: Entry) -> bool:
        """Paint one input and note in its entry what came out; returns whether it was whole.

        Raises:
            Interrupted: by Ctrl-C; what was painted is kept.
        """
        with contextlib.ExitStack() as stack:
            reader = stack.enter_context(contextlib.closing(self.open_source(source)))
            sizes = self.painter.sizes(reader.size, even=True)
            sink = self.open_sink(target, source, reader, sizes[0])
            stack.callback(sink.discard)
            stylizer = self.painter.stylizer(sizes, rate=reader.rate)
            notes = [*getattr(reader, "notes", ()), *getattr(sink, "notes", ())]
            for note in notes:
                self.terminal.warn(f"{source.name}: {note}")
            progress = stack.enter_context(self.terminal.progress(source.name, reader.frame_count))
            report = run(reader, stylizer.paint_all, [sink], progress=progress)
        report.notes += dict.fromkeys((*notes, *getattr(reader, "notes", ()), *getattr(sink, "notes", ())))
        for note in report.notes[len(notes) :]:
            self.terminal.warn(f"{source.name}: {note}")
        entry |= {"output": str(target), "engine": self.painter.engine().name, **report.as_dict()}
        entry["encoder"] = getattr(sink, "encoder", None)
        return self.tell(target, reader, report, entry)

    def open_source(self, source: Path) -> Reader:
        """Open a video, or a folder or pattern of pictures."""
        if not is_sequence(source):
            return VideoReader(source, start_seconds=self.start, end_seconds=self.end)
        if self.start is not None or self.end is not None:
            raise UsageError("--start and --end are for videos: give a pattern that matches fewer pictures")
        return PictureSequence(source, rate=Fraction(self.rate).limit_denominator(1001))

    def open_sink(self, target: Path, source: Path, reader: Reader, size: Size) -> VideoWriter | PictureFolder:
        """Open a video, or a folder for single pictures."""
        if is_pictures(source, target):
            return PictureFolder(target, force=True)  # `plan` has asked
        video = reader if isinstance(reader, VideoReader) else None
        return VideoWriter(
            target,
            size=size,
            rate=reader.rate,
            time_base=video.time_base if video else 1 / reader.rate / 1000,
            sample_aspect_ratio=stretched(video.sample_aspect_ratio, reader.size, size) if video else Fraction(1),
            colour=video.colour if video else None,
            codec=self.codec,
            crf=self.crf,
            preset=self.preset,
            encoder=self.encoder,
            tracks=source if video else None,
            audio=self.audio,
            start_seconds=self.start,
            end_seconds=self.end,
        )

    def tell(self, target: Path, reader: Reader, report: Report, entry: Entry) -> bool:
        """Say what came out; returns whether it was whole."""
        if report.interrupted:
            raise Interrupted(target, report)
        self.terminal.say(f"{target}: {report.frames} frames, {report.fps:.1f} fps")
        losses = reader.losses if isinstance(reader, VideoReader) else None
        summary = losses.summary() if losses else None
        if not losses or not summary:
            entry["lost"] = None
            return True
        entry["lost"] = {
            "summary": summary,
            "frames": len(losses.lost_seconds) + losses.missing,
            "damaged_frames": len(losses.damaged_seconds),
            "seconds": [round(second, 6) for second in losses.lost_seconds],
        }
        error(f"{target} is kept, but {summary}")
        return False


def is_sequence(source: Path) -> bool:
    """Whether an input is a folder or a pattern of pictures, not a file."""
    if source.exists():
        return source.is_dir()
    return PLACEHOLDER.search(source.name) is not None and source.suffix.lower() in (*READ_SUFFIXES, "")


def is_pictures(source: Path, target: Path) -> bool:
    """Whether a result is a folder of pictures: as its name says, or as a sequence is where it is no video."""
    is_numbered = "%" in target.name and PLACEHOLDER.search(target.name) is not None
    return is_numbered or (is_sequence(source) and target.suffix.lower() not in CONTAINERS)


def choose_place(source: Path, output: str | None, *, label: str, many: bool) -> Path:
    """Return where an input's painting goes; a single sequence fills the folder that the person named."""
    if output and not many and is_sequence(source) and Path(output).suffix.lower() not in CONTAINERS:
        return Path(output)
    suffix = source.suffix.lower() if source.suffix.lower() in CONTAINERS else ".mp4"
    return choose_target(source, output, label=label, suffix=suffix, many=many)


def check_place(job: Job, source: Path, target: Path, *, force: bool) -> None:
    """Refuse what cannot work or would lose something, before anything is opened."""
    if source.is_file() and source.suffix.lower() in READ_SUFFIXES and source.suffix.lower() != ".gif":
        raise UsageError(f"{source} is a picture: use `pincel image`, or give its folder to paint a sequence")
    own = [source, source.parent] if is_sequence(source) and not source.is_dir() else [source]
    if is_pictures(source, target):
        folder = target.parent if "%" in target.name else target
        may_write(folder, own, force=force, terminal=job.terminal)
        return
    try:
        choose_encoding(
            target, size=(360, 640), codec=job.codec, crf=job.crf, preset=job.preset, encoder=job.encoder,
            works=lambda encoder, size, pix_fmt: True,
        )  # fmt: skip
    except SinkError as wrong:
        raise UsageError(str(wrong)) from wrong
    may_write(target, own, force=force, terminal=job.terminal)


def convert(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT...", help="Videos, or folders or patterns of pictures.")
    ],
    style: options.Style,
    network: options.Network = NETWORK,
    output: options.Output = None,
    strength: options.Strength = 1.0,
    preserve_colour: options.PreserveColour = False,
    steady: options.Steady = "auto",
    engine: options.EngineName = "auto",
    precision: options.Precision = "auto",
    size: options.Size = "native",
    work_size: options.WorkSize = None,
    codec: Annotated[
        str | None, typer.Option(metavar="CODEC", rich_help_panel=OUTPUT, help="h264, hevc, av1, vp9 or prores.")
    ] = None,
    crf: Annotated[
        int | None, typer.Option(metavar="N", rich_help_panel=OUTPUT, help="Quality: lower is better and larger.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", rich_help_panel=OUTPUT, help="Encoder's speed, in its own words.")
    ] = None,
    encoder: Annotated[
        EncoderName,
        typer.Option(
            metavar="ENCODER", rich_help_panel=OUTPUT, help="auto, software, nvenc, videotoolbox, qsv or amf."
        ),
    ] = "auto",
    audio: Annotated[
        Audio, typer.Option(metavar="copy|none|aac", rich_help_panel=OUTPUT, help="Keep, drop or re-encode the sound.")
    ] = "copy",
    start: Annotated[
        str | None, typer.Option(metavar="TIME", rich_help_panel=OUTPUT, help="Begin here: 12.5 or 1:02:03.")
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="TIME", rich_help_panel=OUTPUT, help="Stop here.")
    ] = None,
    rate: Annotated[
        float,
        typer.Option(
            "--fps", metavar="N", callback=options.within(0.1, 1000), rich_help_panel=OUTPUT,
            help="Rate of picture sequences.",
        ),
    ] = 25.0,
    force: options.Force = False,
    quiet: options.Quiet = False,
    report_file: options.ReportFile = None,
) -> int:  # fmt: skip
    """Paint video files, with their sound."""
    terminal = Terminal(quiet=quiet)
    steadiness = parse_steadiness(steady)
    start_seconds, end_seconds = parse_time(start), parse_time(end)
    if end_seconds is not None and end_seconds <= (start_seconds or 0):
        raise UsageError(f"--end {end} is not after --start {start or 0}")
    batch = Batch(report_file)
    opener = engine_opener(terminal, backend=engine, precision=precision, network=network)
    painter = Painter(
        engine=opener,
        style=resolve_styles(style, terminal=terminal, network=network),
        strength=strength,
        steadiness=steadiness,
        colour=float(preserve_colour),
        size=size,
        work_size=work_size,
        working=terminal.working,
    )
    job = Job(painter, terminal, codec, crf, preset, encoder, audio, start_seconds, end_seconds, rate)
    with batch:
        convert_all(job, list(dict.fromkeys(inputs)), output, batch, force=force)
    return batch.code


def convert_all(job: Job, inputs: list[Path], output: str | None, batch: Batch, *, force: bool) -> None:
    """Convert one input after the other, once it is known where each goes."""
    label, many = job.painter.style.name, len(inputs) > 1
    pairs = [(source, choose_place(source, output, label=label, many=many)) for source in inputs]
    refuse_clashes(pairs)
    ready = []
    for source, target in pairs:
        with batch.run(source) as entry:
            entry["style"] = label
            check_place(job, source, target, force=force)
            ready.append((source, target, entry))
    for source, target, entry in ready:
        with batch.run(source, entry):
            if output is not None and (many or is_folder(output)):
                make_folder(target.parent)
            if not job.convert(source, target, entry):
                batch.code = max(batch.code, 1)
