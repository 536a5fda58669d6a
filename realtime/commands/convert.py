"""`pincel convert`: video files and picture sequences."""

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

import typer

from engines import Engine, EngineError, Style
from realtime.commands import options
from realtime.commands.options import OUTPUT, parse_steadiness, parse_time
from realtime.commands.painting import choose_output, may_write, open_for, resolve_styles, write_report
from realtime.commands.terminal import Terminal, UsageError, error
from realtime.encoders import CONTAINERS
from realtime.images import READ_SUFFIXES, PictureFolder, PictureSequence
from realtime.media import MediaError, Sink
from realtime.pipeline import run
from realtime.report import Report
from realtime.sizes import parse_size
from realtime.stylizer import Steadiness, Stylizer
from realtime.video import VideoReader
from realtime.video_writer import VideoWriter

Audio = Literal["copy", "none", "aac"]
Reader = VideoReader | PictureSequence


@dataclass(frozen=True)
class Job:
    """What is to be done to every input."""

    style: Style
    engine: Engine
    terminal: Terminal
    strength: float
    steadiness: Steadiness
    colour: float
    size: str
    work_size: str | None
    codec: str | None
    crf: int | None
    preset: str | None
    encoder: str
    audio: Audio
    start: float | None
    end: float | None
    rate: float
    force: bool

    def convert(self, source: Path, output: Path) -> tuple[Report, str | None]:
        """Paint one input; returns the report, and what a damaged source lost."""
        with contextlib.closing(self.open_source(source)) as reader:
            stylizer = self.stylizer(reader)
            sink = self.open_sink(output, source, reader, stylizer.size or reader.size)
            notes = [*getattr(reader, "notes", ()), *getattr(sink, "notes", ())]
            for note in notes:
                self.terminal.warn(f"{source.name}: {note}")
            with self.terminal.progress(source.name, reader.frame_count) as progress:
                report = run(reader, stylizer.paint, [sink], progress=progress)
            report.notes += dict.fromkeys((*notes, *getattr(reader, "notes", ())))
            return report, reader.loss_summary() if isinstance(reader, VideoReader) else None

    def open_source(self, source: Path) -> Reader:
        """Open a video, or a folder or pattern of pictures."""
        if source.is_file() and source.suffix.lower() in READ_SUFFIXES and source.suffix.lower() != ".gif":
            raise UsageError(f"{source} is a picture: use `pincel image`, or give its folder to paint a sequence")
        if source.is_dir() or "%" in source.name or "*" in source.name:
            if self.start is not None or self.end is not None:
                raise UsageError("--start and --end are for videos: give a pattern that matches fewer pictures")
            return PictureSequence(source, rate=Fraction(self.rate).limit_denominator(1001))
        return VideoReader(source, start_seconds=self.start, end_seconds=self.end)

    def stylizer(self, reader: Reader) -> Stylizer:
        """Prepare to paint a stream, the engine compiled for its size."""
        try:
            size = parse_size(self.size, native=reader.size, even=True)
            work_size = parse_size(self.work_size, native=size) if self.work_size else None
        except ValueError as wrong:
            raise UsageError(str(wrong)) from wrong
        if self.strength > 0:
            self.engine.prepare(work_size or size)
        return Stylizer(
            self.engine,
            self.style.vector,
            strength=self.strength,
            steadiness=self.steadiness,
            colour=self.colour,
            rate=reader.rate,
            size=size,
            work_size=work_size,
        )

    def open_sink(self, output: Path, source: Path, reader: Reader, size: tuple[int, int]) -> Sink:
        """Open a video, or for a sequence of pictures a folder where the output is none of the containers."""
        if isinstance(reader, PictureSequence) and output.suffix.lower() not in CONTAINERS:
            return PictureFolder(output, force=self.force)
        video = reader if isinstance(reader, VideoReader) else None
        return VideoWriter(
            output,
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


def stretched(aspect: Fraction, old: tuple[int, int], new: tuple[int, int]) -> Fraction:
    """Return the sample aspect ratio that shows a resized picture in its old shape.

    Rounding to whole, even pixels is no stretching: up to 1 % the ratio stays.
    """
    stretch = Fraction(old[1] * new[0], old[0] * new[1])
    return aspect if abs(stretch - 1) <= 0.01 else (aspect * stretch).limit_denominator(1000)


def convert(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT...", help="Videos, or folders or patterns of pictures.")
    ],
    style: options.Style,
    output: options.Output = None,
    strength: options.Strength = 1.0,
    preserve_colour: options.PreserveColour = False,
    steady: options.Steady = "auto",
    engine: options.EngineName = "auto",
    precision: options.Precision = "auto",
    size: options.Size = "native",
    work_size: options.WorkSize = None,
    codec: Annotated[
        str | None, typer.Option(metavar="h264|hevc|av1|vp9|prores", rich_help_panel=OUTPUT, help="Video codec.")
    ] = None,
    crf: Annotated[
        int | None, typer.Option(rich_help_panel=OUTPUT, help="Quality: lower is better and larger.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(rich_help_panel=OUTPUT, help="The encoder's speed, in its own words.")
    ] = None,
    encoder: Annotated[
        str,
        typer.Option(
            metavar="auto|software|nvenc|videotoolbox|qsv|amf",
            rich_help_panel=OUTPUT,
            help="Hardware encoders are used where they work.",
        ),
    ] = "auto",
    audio: Annotated[
        Audio, typer.Option(rich_help_panel=OUTPUT, help="Keep the sound as it is, leave it out, or encode it as AAC.")
    ] = "copy",
    start: Annotated[
        str | None, typer.Option(metavar="SECONDS|H:M:S", rich_help_panel=OUTPUT, help="Where to begin.")
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="SECONDS|H:M:S", rich_help_panel=OUTPUT, help="Where to stop.")
    ] = None,
    rate: Annotated[
        float, typer.Option("--fps", min=0.1, max=1000, rich_help_panel=OUTPUT, help="Of picture sequences.")
    ] = 25.0,
    force: options.Force = False,
    quiet: options.Quiet = False,
    report_file: options.ReportFile = None,
) -> int:
    """Paint video files, with their sound."""
    terminal = Terminal(quiet=quiet)
    steadiness = parse_steadiness(steady)
    start_seconds, end_seconds = parse_time(start), parse_time(end)
    if end_seconds is not None and end_seconds <= (start_seconds or 0):
        raise UsageError(f"--end {end} is not after --start {start or 0}")
    blended = resolve_styles(style)
    job = Job(
        style=blended,
        engine=open_for(terminal, backend=engine, precision=precision),
        terminal=terminal,
        strength=strength,
        steadiness=steadiness,
        colour=float(preserve_colour),
        size=size,
        work_size=work_size,
        codec=codec,
        crf=crf,
        preset=preset,
        encoder=encoder,
        audio=audio,
        start=start_seconds,
        end=end_seconds,
        rate=rate,
        force=force,
    )
    return convert_all(job, inputs, output, report_file)


def convert_all(job: Job, inputs: list[Path], output: Path | None, report_file: Path | None) -> int:
    """Convert one input after the other; one that fails does not stop the rest. Returns the exit code."""
    worst, runs = 0, []
    for source in inputs:
        suffix = source.suffix.lower() if source.suffix.lower() in CONTAINERS else ".mp4"
        entry: dict[str, object] = {"input": str(source), "style": job.style.name, "engine": job.engine.name}
        runs.append(entry)
        try:
            target = choose_output(source, output, style=job.style, suffix=suffix, many=len(inputs) > 1)
            may_write(target, source, force=job.force or target.is_dir())
            report, lost = job.convert(source, target)
        except (UsageError, MediaError, EngineError) as wrong:
            error(str(wrong))
            entry["error"] = str(wrong)
            worst = max(worst, 2 if isinstance(wrong, UsageError) else 1)
            continue
        entry |= {"output": str(target), "lost": lost, **report.as_dict()}
        tell(job.terminal, target, report, lost)
        if report.interrupted:
            worst = 130
            break
        worst = max(worst, 1 if lost else 0)
    write_report(report_file, runs)
    return worst


def tell(terminal: Terminal, target: Path, report: Report, lost: str | None) -> None:
    """Say what came out."""
    if report.interrupted and not report.frames:
        error("interrupted before the first frame: nothing was written")
        return
    if report.interrupted:
        terminal.warn(
            f"interrupted: {target} is playable and holds {report.frames} frames, {report.painted_until:.1f} s"
        )
        return
    terminal.say(f"{target}: {report.frames} frames, {report.fps:.1f} fps")
    if lost:
        error(f"{target} is kept, but {lost}")
