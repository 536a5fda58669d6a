"""An engine with the current style, strength and steadiness: what paints a stream frame after frame."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engines import Engine, Stream, one_late
from realtime.channel import Channel, Writer
from realtime.consistency import ConsistencyFilter
from realtime.grid import Grid, inside
from realtime.media import Frame, Pixels
from realtime.motion import MotionMeter
from realtime.scene import CutDetector, NoiseMeter
from realtime.sizes import short_side, to_size

Steadiness = float | Literal["auto"]
Vector = NDArray[np.float32]
Glance = tuple[Pixels, bool]

GAIN, MEMORY, KEEP = 0.85, 0.8, 0.65  # at 30 frames a second and full steadiness
OWN_STYLE_SIDE = 256
OWN_STYLE_SECONDS = 1.0


class Stylizer:
    """Paints the frames of one stream. Everything but the engine may be changed between two frames.

    Attributes:
        style: float32 [K]; changing it costs nothing.
        strength: in [0, 1]: 1 paints in the style, less blends towards the scene's own style, 0 passes frames through.
        steadiness: in [0, 1], or "auto" for full steadiness against the noise found.
        colour: how much of the frame's own colour to keep, in [0, 1].
        size: height and width of the results, None for the frame's own.
        work_size: height and width to paint at, None for the results' size.
        rate: frames a second as they are painted, by which the steadying fades.
        cuts: how many cuts were seen.

    Reading the scene's own style takes longer than a frame. With `own_style` "waits" the frame waits for it, so that
    a file is painted alike each time; with "aside" a thread reads it, until `close`, and painting goes on with what
    is known.
    """

    def __init__(
        self,
        engine: Engine,
        style: Vector,
        *,
        strength: float = 1.0,
        steadiness: Steadiness = "auto",
        colour: float = 0.0,
        rate: Fraction = Fraction(30),
        size: tuple[int, int] | None = None,
        work_size: tuple[int, int] | None = None,
        own_style: Literal["waits", "aside"] = "waits",
    ) -> None:
        self.engine = engine
        self.style = style
        self.strength = strength
        self.steadiness = steadiness
        self.colour = colour
        self.size = size
        self.work_size = work_size
        self.cuts = 0
        self.rate = rate
        self._stream = Stream()
        self._cut_detector = CutDetector()
        self._noise_meter = NoiseMeter()
        self._motion_meter = MotionMeter()
        self._grid = Grid()
        self._consistency = ConsistencyFilter()
        self._exposure: float | None = None
        self._own: Vector | None = None
        self._own_read_at: float | None = None
        self._aside = Writer(self._read_own, Channel[Glance](1, policy="newest")) if own_style == "aside" else None

    def paint(self, frame: Frame) -> Frame:
        """Paint a frame; the result has its times, index and alpha."""
        return self.begin(frame)()

    def paint_all(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Paint successive frames; each comes when the next is begun, which on a GPU goes on meanwhile."""
        for finish in one_late(self.begin(frame) for frame in frames):
            yield finish()

    def begin(self, frame: Frame) -> Callable[[], Frame]:
        """Begin to paint a frame; return what waits for its painting, to be called in the order of beginning."""
        size = self.size or (frame.pixels.shape[0], frame.pixels.shape[1])
        pixels = to_size(frame.pixels, size)
        alpha = None if frame.alpha is None else to_size(frame.alpha, size)
        if self.strength == 0:
            return lambda: replace(frame, pixels=pixels, alpha=alpha)
        is_cut = self._cut_detector.is_cut(pixels)
        if is_cut:
            self.cuts += 1
            self._stream.reset()
            self._noise_meter.reset()
            self._motion_meter.reset()
            self._exposure = self._own_read_at = None
        small = to_size(pixels, self.work_size or size)
        gain, memory, noise, keep = self._steadying(small)
        style = self._style_at(small, frame.pts_seconds)
        if keep == 0:
            self._motion_meter.reset()
        motion = self._motion_meter.update(small) if keep else None
        if self._grid.follow(motion):
            gain = 0.0
        corner = self._grid.corner
        ticket = self.engine.begin(
            self._grid.around(small)[None], style,
            stream=self._stream, gain=gain, memory=memory, noise=noise, colour=self.colour,
        )  # fmt: skip

        def finish() -> Frame:
            painted = self._consistency.apply(motion, inside(ticket.fetch()[0], corner), keep)
            return replace(frame, pixels=to_size(painted, size), alpha=alpha)

        return finish

    def _steadying(self, pixels: Pixels) -> tuple[float, float, float, float]:
        """Return the noise filter's gain, the scene's memory, the noise, and the share kept of the painting before.

        Statistics of a frame follow its exposure and remembered ones do not: where the exposure changes, the memory
        gives way. All fade over the same time whatever the frame rate.
        """
        steadiness = 1.0 if self.steadiness == "auto" else self.steadiness
        if steadiness == 0:
            return 0.0, 0.0, 0.0, 0.0
        per_frame = float(30 / self.rate)
        exposure = float(pixels[::8, ::8].mean())
        change = 0.0 if self._exposure is None else abs(exposure - self._exposure)
        self._exposure = exposure
        memory = MEMORY**per_frame / (1 + change**2)
        noise = self._noise_meter.update(pixels)
        return steadiness * GAIN**per_frame, steadiness * memory, noise, steadiness * KEEP**per_frame

    def _style_at(self, pixels: Pixels, pts_seconds: float) -> Vector:
        """Return the style blended towards the scene's own, which is read again as the scene moves on."""
        if self.strength == 1:
            return self.style
        since = None if self._own_read_at is None else pts_seconds - self._own_read_at
        if since is None or not 0 <= since < OWN_STYLE_SECONDS:
            self._own_read_at = pts_seconds
            glance = to_size(pixels, short_side(pixels.shape, OWN_STYLE_SIDE)), since is None
            if self._aside:
                self._aside.send(glance)
            else:
                self._read_own(glance)
        own = self._own
        if own is None:
            return self.style
        return np.asarray(self.strength * self.style + (1 - self.strength) * own, np.float32)

    def _read_own(self, glance: Glance) -> None:
        """Read the style of a scene, small; of a new scene it replaces the one known."""
        pixels, is_new = glance
        now, own = self.engine.read_style(pixels), self._own
        # Else half-way at a time, so that the painting does not jump once a second.
        self._own = now if own is None or is_new else np.asarray((own + now) / 2, np.float32)

    def close(self) -> None:
        """End the thread of `own_style` "aside". Closing again does nothing."""
        if self._aside:
            self._aside.stop()
