"""An engine that costs what it is told to, and shows in its painting what it was given."""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines import Engine
from engines.engine import Shape

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
        painted[:, -4:] = np.uint8(style[0, 0])
        time.sleep(self.seconds)
        return painted


class FakeBackend:
    name, precision, reason, network, style_size = "fake", "fp32", "", "fake", STYLE_SIZE

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.compiled: list[Shape] = []

    def compile(self, shape: Shape) -> FakeProgram:
        self.compiled.append(shape)
        return FakeProgram(self.seconds)


def fake_engine(seconds: float = 0.0, *, read_seconds: float = 0.0) -> Engine:
    """Make an engine that takes so long for a frame, and so long to read a picture's style, which is 0."""

    def read_style(pixels: Pixels) -> Vector:
        time.sleep(read_seconds)
        return np.zeros(STYLE_SIZE, np.float32)

    return Engine(FakeBackend(seconds), read_style=read_style)


def fake_style(value: float) -> Vector:
    return np.full(STYLE_SIZE, value, np.float32)


def style_of(painted: Pixels) -> int:
    """Read the style back from a painting."""
    return int(painted[-1, -1, 0])
