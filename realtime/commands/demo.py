"""`pincel demo`: the moving test picture, painted in three styles."""

from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from engines import Engine, library
from realtime.commands import options
from realtime.commands.painting import engine_opener
from realtime.commands.terminal import Interrupted, Terminal
from realtime.grid import bordered
from realtime.images import Picture, write_picture
from realtime.media import Frame, Pixels
from realtime.pattern import Pattern
from realtime.pipeline import run
from realtime.stylizer import Stylizer
from realtime.video_writer import VideoWriter

STYLES = ("starry_night", "the_scream", "great_wave")
SIZE = (360, 640)
RATE = Fraction(24)
VIDEO, SHEET = Path("pincel-demo.mp4"), Path("pincel-demo.png")
MARGIN = 12


class Tour:
    """Paints a third of the frames in each style and keeps a painted frame of each beside its source."""

    def __init__(self, engine: Engine, frame_count: int) -> None:
        self.vectors = [library.find(name, network=engine.network).vector for name in STYLES]
        self.stylizer = Stylizer(engine, self.vectors[0], rate=RATE)
        self.frame_count = frame_count
        self.kept: dict[str, tuple[Pixels, Pixels]] = {}

    def paint(self, frame: Frame) -> Frame:
        """Paint a frame in the style of its third; styles change without rebuilding anything."""
        place = frame.index * len(STYLES) / self.frame_count
        self.stylizer.style = self.vectors[int(place)]
        painted = self.stylizer.paint(frame)
        if place % 1 >= 0.5:
            self.kept.setdefault(STYLES[int(place)], (frame.pixels, painted.pixels))
        return painted

    def sheet(self) -> Pixels:
        """Return the kept frames as one picture: sources above, paintings below."""
        border = ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0))
        columns = [np.pad(np.vstack(pair), border, constant_values=255) for pair in self.kept.values()]
        return np.hstack(columns)


def demo(
    seconds: Annotated[
        float, typer.Option(metavar="0.5..600", callback=options.within(0.5, 600), help="Length of the clip.")
    ] = 9.0,
    engine: options.EngineName = "auto",
    precision: options.Precision = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Paint a moving test picture in three styles, into pincel-demo.mp4 and pincel-demo.png."""
    terminal = Terminal(quiet=quiet)
    opened = engine_opener(terminal, backend=engine, precision=precision)()
    opened.prepare(bordered(SIZE))
    count = max(len(STYLES) * 2, round(seconds * RATE))
    tour = Tour(opened, count)
    sink = VideoWriter(VIDEO, size=SIZE, rate=RATE)
    with terminal.progress("demo", count) as progress:
        report = run(Pattern(SIZE, rate=RATE, frame_count=count), partial(map, tour.paint), [sink], progress=progress)
    if report.interrupted:
        raise Interrupted(VIDEO, report)
    write_picture(SHEET, Picture(tour.sheet()))
    terminal.say(f"{VIDEO}: {report.frames} frames of {SIZE[1]}x{SIZE[0]} in {', '.join(STYLES)}")
    terminal.say(f"{SHEET}: a frame of each, source above painting")
    median = report.paint.percentiles()["p50_ms"]
    terminal.say(f"{report.fps:.1f} frames a second from drawing to encoding; painting alone {1000 / median:.1f}")
