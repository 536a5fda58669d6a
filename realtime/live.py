"""A live run: what the controls say is done to every frame, and what comes of it is shown."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import numpy as np

from realtime.controls import Controls
from realtime.flicker import FlickerMeter
from realtime.mask import Mask
from realtime.media import Frame, Pixels
from realtime.overlay import Status, compose
from realtime.palette import Vector
from realtime.recording import Recording
from realtime.report import Report
from realtime.stylizer import Stylizer
from realtime.window import Window

FPS_FRAMES = 60


class Live:
    """Paints and shows the frames of a live run; both in the main thread, as `pipeline.run` calls them.

    Args:
        stylizer: paints.
        controls: read for every frame.
        recording: told when the controls start and stop it, and of snapshots.
        window: shows; None for none.
        newcomers: styles that came up since the last call.
        mask: keeps the painting to a part of the picture.
        seconds: how long the run lasts, None for until it is ended.
        folder: where snapshots and recordings without a name go.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        controls: Controls,
        *,
        recording: Recording,
        window: Window | None,
        newcomers: Callable[[], Iterable[tuple[str, Vector]]] = tuple,
        mask: Mask | None = None,
        seconds: float | None = None,
        folder: Path = Path(),
    ) -> None:
        self.flicker = FlickerMeter()
        self._stylizer, self._controls = stylizer, controls
        self._recording, self._window = recording, window
        self._mask = mask
        self._newcomers, self._seconds, self._folder = newcomers, seconds, folder
        self._record_to = recording.target
        self._held: Pixels | None = None
        self._source: Pixels | None = None
        self._shown_at: deque[float] = deque(maxlen=FPS_FRAMES)

    def paint(self, frame: Frame) -> Frame:
        """Paint a frame as the controls say."""
        controls, stylizer = self._controls, self._stylizer
        for name, vector in self._newcomers():
            controls.palette.add(name, vector)
        pixels = self._still(frame.pixels)
        if controls.mirrored:
            pixels = np.ascontiguousarray(pixels[:, ::-1])
        before = stylizer.style, stylizer.strength, stylizer.colour, stylizer.cuts
        stylizer.style = controls.palette.at(frame.pts_seconds)
        stylizer.strength, stylizer.colour = controls.strength, controls.colour
        stylizer.steadiness = controls.steadiness
        if len(self._shown_at) == FPS_FRAMES:  # what is dropped steadies nothing
            stylizer.rate = Fraction(max(1.0, self.fps)).limit_denominator(100)
        painted = stylizer.paint(replace(frame, pixels=pixels))
        if self._mask:
            if stylizer.cuts != before[3]:
                self._mask.reset()
            painted = replace(painted, pixels=self._mask.apply(pixels, painted.pixels))
        same = before[1:] == (stylizer.strength, stylizer.colour, stylizer.cuts)
        if not same or not np.array_equal(before[0], stylizer.style):
            self.flicker.reset()  # it changes on purpose
        self.flicker.update(pixels, painted.pixels)
        self._source = pixels
        return painted

    def show(self, frame: Frame, report: Report) -> bool:
        """Show a painting, and do what was typed; returns whether the run goes on."""
        self._shown_at.append(time.perf_counter())
        if self._window and self._source is not None:
            status = Status(self.fps, self._stylizer.engine.name, self.flicker.recent, frame.notice)
            self._window.show(compose(self._source, frame.pixels, self._controls, status, report))
        self._obey()
        is_over = self._seconds is not None and frame.pts_seconds >= self._seconds
        return not (self._controls.ended or is_over)

    @property
    def fps(self) -> float:
        """Frames a second over the last ones."""
        times = self._shown_at
        return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0

    def _still(self, pixels: Pixels) -> Pixels:
        """Return the frame, or the one that stands since the picture was frozen."""
        if not self._controls.frozen:
            self._held = None
            return pixels
        if self._held is None:
            self._held = pixels
        return self._held

    def _obey(self) -> None:
        """Start and stop recording, and keep snapshots."""
        controls, recording = self._controls, self._recording
        if not controls.recording:
            recording.target = None
        elif recording.target is None:
            recording.target = self._record_to or self._fresh(".mp4")
            self._record_to = None  # a second recording does not replace the first
        while controls.snapshots:
            controls.snapshots -= 1
            recording.snapshots.append(self._fresh(".png"))

    def _fresh(self, suffix: str) -> Path:
        """Return a name that no file has, from the time on the wall."""
        stem = f"pincel-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
        taken = {*self._recording.snapshots, *self._recording.files}
        names = (self._folder / f"{stem}{f'-{i}' if i else ''}{suffix}" for i in range(10_000))
        return next(path for path in names if path not in taken and not path.exists())
