"""An engine that costs what it is told to, and shows in its painting what it was given."""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines import Engine
from engines.engine import Shape
from realtime.grid import REST

STYLE_SIZE = 4
Vector = NDArray[np.float32]
Pixels = NDArray[np.uint8]


class FakeProgram:
    """Gives frames back with the style's first number as the grey of their last rows."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def blank(self) -> Any:
        return None

    def run(self, frames: Pixels, style: Vector, controls: Vector, state: Any) -> Pixels:
        painted = frames.copy()
        painted[:, -4 - REST :] = np.uint8(style[0, 0])
        time.sleep(self.seconds)
        return painted


class FakeTicket:
    def __init__(self, program: "OverlappingProgram", frames: Pixels) -> None:
        self.program, self.frames, self.number = program, frames, program.begun

    def fetch(self) -> Pixels:
        self.program.log.append(f"fetch {self.number}")
        return self.frames


class OverlappingProgram(FakeProgram):
    """Paints when it is begun, and notes what it is told when."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.begun = 0
        self.log: list[str] = []

    def submit(self, frames: Pixels, style: Vector, controls: Vector, state: Any) -> FakeTicket:
        ticket = FakeTicket(self, self.run(frames, style, controls, state))
        self.log.append(f"begin {self.begun}")
        self.begun += 1
        return ticket


class FakeBackend:
    name, precision, reason, network, style_size = "fake", "fp32", "", "fake", STYLE_SIZE

    def __init__(self, seconds: float, *, overlapping: bool) -> None:
        self.seconds = seconds
        self.program = OverlappingProgram if overlapping else FakeProgram
        self.compiled: list[Shape] = []

    def compile(self, shape: Shape) -> FakeProgram:
        self.compiled.append(shape)
        return self.program(self.seconds)


def fake_engine(seconds: float = 0.0, *, read_seconds: float = 0.0, overlapping: bool = False) -> Engine:
    """Make an engine that takes so long for a frame, and so long to read a picture's style, which is 0."""

    def read_style(pixels: Pixels) -> Vector:
        time.sleep(read_seconds)
        return np.zeros(STYLE_SIZE, np.float32)

    return Engine(FakeBackend(seconds, overlapping=overlapping), read_style=read_style)


def fake_style(value: float) -> Vector:
    return np.full(STYLE_SIZE, value, np.float32)


def style_of(painted: Pixels) -> int:
    """Read the style back from a painting."""
    return int(painted[-1, -1, 0])
