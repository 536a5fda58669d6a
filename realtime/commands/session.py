"""What one live run holds together: source, painter, sinks and window."""

import contextlib
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from realtime.camera import Camera
from realtime.commands.painting import LIGHT_NETWORK, NETWORK, Painter
from realtime.commands.terminal import Terminal
from realtime.commands.watched import StyleFolder
from realtime.controls import Controls
from realtime.live import Live
from realtime.mask import Mask
from realtime.media import Sink, Source
from realtime.microphone import Microphone
from realtime.palette import Vector
from realtime.pipeline import run
from realtime.recording import Recording
from realtime.report import Report
from realtime.streaming import Streaming
from realtime.virtual_camera import VirtualCamera
from realtime.window import Window

TITLE = "Pincel"


class Session:
    """One live run: opens what it needs, paints, and tells what came of it."""

    def __init__(
        self,
        painter: Painter,
        controls: Controls,
        source: Source,
        *,
        record: Path | None,
        microphone: Microphone | None,
        terminal: Terminal,
    ) -> None:
        self.controls, self.source, self.terminal = controls, source, terminal
        self.engine = painter.engine()
        sizes = painter.sizes(source.size, even=True)
        self.stylizer = painter.stylizer(sizes, rate=source.rate, own_style="aside")
        painter.prepare(self.engine, sizes[1])  # also where the strength begins at 0
        self.recording = Recording(sizes[0], source.rate, tell=terminal.say, microphone=microphone)
        self.recording.target = record
        self.sinks: list[Sink] = [self.recording]
        self.stream: Streaming | None = None

    def open(
        self,
        stack: contextlib.ExitStack,
        *,
        has_window: bool,
        is_camera: bool,
        stream: str | None,
        folder: StyleFolder | None,
        mask: Mask | None,
        seconds: float | None,
    ) -> None:
        """Open the window, the virtual camera and the stream.

        Raises:
            SinkError: there is no screen, no virtual device, or no such address.
        """
        stack.callback(self.stylizer.close)
        size = self.recording.size
        if is_camera:
            virtual = VirtualCamera(size, self.source.rate)
            stack.callback(virtual.discard)
            self.sinks.append(virtual)
            self.terminal.say(f"virtual camera: {virtual.device}")
        if stream:
            self.stream = Streaming(stream, size=size, rate=self.source.rate, tell=self.terminal.warn)
            stack.callback(self.stream.discard)
            self.sinks.append(self.stream)
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
            report = run(source, partial(map, self.live.paint), self.sinks, show=self.live.show, progress=progress)
        entry |= {"engine": self.engine.name, "network": self.engine.network, "camera": str(given)}
        entry |= {**report.as_dict(), **self.figures()}
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
            "stream": self.stream
            and {
                "to": self.stream.label,
                "frames": self.stream.sent,
                "dropped": self.stream.dropped,
                "outages": [asdict(outage) for outage in self.stream.outages],
            },
        }

    def summary(self, report: Report) -> str:
        """Return a line for people."""
        ages = "/".join(f"{value:.0f}" for value in report.age.percentiles().values())
        outages = len(getattr(self.source, "outages", []))
        lost = f", {outages} outage{'' if outages == 1 else 's'}" if outages else ""
        if report.dropped > report.frames and self.engine.network.rpartition("-")[0] == NETWORK:
            lost += f"; --network {LIGHT_NETWORK} paints more than twice as many"
        elif report.dropped > report.frames / 2 and self.stylizer.work_size == self.recording.size:
            lost += f"; --work-size {min(self.recording.size) // 2}p paints smaller, and so more"
        return (
            f"{report.frames} frames in {report.seconds:.1f} s, {report.fps:.1f} fps, age {ages} ms (p50/p95/p99), "
            f"{report.dropped} dropped at the camera{lost}"
        )


def nothing() -> Iterable[tuple[str, Vector]]:
    """Return no newcomers: no folder is watched."""
    return ()
