"""An engine paints frames: one network, compiled by one backend, at any size."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from engines.style import Vector

KEPT_PROGRAMS = 4

Pixels = NDArray[np.uint8]
Shape = tuple[int, int, int]
T = TypeVar("T")


class Program(Protocol):
    """A network compiled for one shape, with the memory of the streams it paints."""

    def blank(self) -> Any:
        """Return the state of N streams before their first frame, on the device."""

    def run(self, frames: Pixels, style: Vector, controls: Vector, state: Any) -> Pixels:
        """Paint as `PixelGraph.forward` says, and move the state on.

        Args:
            frames: uint8 [N, H, W, 3] BGR.
            style: float32 [N, K].
            controls: float32 [N, 4].
            state: from `blank`.
        """


@runtime_checkable
class Resident(Protocol):
    """A program that can paint again and again without moving frames to its device and back, for measuring."""

    def repeat(self, frames: Pixels, style: Vector, controls: Vector, state: Any, count: int) -> float:
        """Load as `Program.run` does, then paint the same frames `count` times; return the seconds of the painting."""


class Ticket(Protocol):
    """A frame that was begun."""

    def fetch(self) -> Pixels:
        """Wait for the frame; owned by the caller."""


@dataclass(frozen=True, slots=True)
class Painted:
    """A frame that was begun and is done: its program cannot do otherwise."""

    frames: Pixels

    def fetch(self) -> Pixels:
        """Return it."""
        return self.frames


@runtime_checkable
class Overlapping(Protocol):
    """A program that can begin a frame before the one before it is fetched; one at most waits."""

    def submit(self, frames: Pixels, style: Vector, controls: Vector, state: Any) -> Ticket:
        """Begin what `Program.run` does; the arrays may be changed afterwards."""


class Backend(Protocol):
    """What compiles a network.

    Attributes:
        name: as given to `open_engine`.
        precision: "fp32", "bf16" or "fp16".
        reason: one line for people: what runs, and why it was picked.
        network: id of the network.
        style_size: K.
    """

    name: str
    precision: str
    reason: str
    network: str
    style_size: int

    def compile(self, shape: Shape) -> Program:
        """Compile for uint8 [N, H, W, 3].

        Raises:
            BuildError: it cannot be done.
        """


class Stream:
    """What an engine remembers of N streams: their scenes and steadied frames, on its device.

    Starts blank; blank again after `reset` (at a cut) and whenever the frames' shape changes.
    """

    def __init__(self) -> None:
        self.shape: Shape | None = None
        self.state: Any = None
        self.blank = True

    def reset(self) -> None:
        """Forget the past: the next frame is painted as a first one."""
        self.blank = True


class Engine:
    """Paints frames. Not for more than one thread at a time; programs for the last few shapes are kept."""

    def __init__(self, backend: Backend, *, read_style: Callable[[Pixels], Vector]) -> None:
        """Take a compiler, and what reads the style float32 [K] of a picture uint8 [H, W, 3] BGR."""
        self.backend = backend
        self.read_style = read_style
        self.programs: OrderedDict[Shape, Program] = OrderedDict()

    @property
    def name(self) -> str:
        """Backend and precision, for people."""
        return f"{self.backend.name} {self.backend.precision}"

    @property
    def network(self) -> str:
        """Id of the network, which styles must carry."""
        return self.backend.network

    def prepare(self, size: tuple[int, int], *, batch: int = 1) -> Program:
        """Compile for frames of this height and width, so that the first one does not wait.

        Raises:
            ValueError: the size is not positive.
            BuildError: it cannot be compiled.
        """
        shape = (batch, *size)
        if min(shape) < 1:
            raise ValueError(f"frames have a positive size, not {size[1]}x{size[0]} (batch {batch})")
        if shape not in self.programs:
            self.programs[shape] = self.backend.compile(shape)
        self.programs.move_to_end(shape)
        while len(self.programs) > KEPT_PROGRAMS:
            self.programs.popitem(last=False)
        return self.programs[shape]

    def paint(
        self,
        frames: Pixels,
        style: Vector,
        *,
        stream: Stream | None = None,
        memory: float = 0.0,
        gain: float = 0.0,
        noise: float = 0.0,
        colour: float = 0.0,
    ) -> Pixels:
        """Paint one frame of each of N streams.

        Args:
            frames: uint8 [N, H, W, 3] BGR, C-contiguous; not written to.
            style: float32 [K] or [N, K].
            stream: their memory, None for frames that have none.
            memory: how much of the remembered scene stays, in [0, 1).
            gain: of the steadying filter where nothing moves, in [0, 1).
            noise: standard deviation of the sensor noise that the filter takes out, in [0, 1].
            colour: how much of the frame's own colour to keep, in [0, 1].

        Returns:
            uint8 [N, H, W, 3] BGR, owned by the caller.

        Raises:
            ValueError: an argument is not as said.
        """
        controls = {"memory": memory, "gain": gain, "noise": noise, "colour": colour}
        return self.begin(frames, style, stream=stream, **controls).fetch()

    def begin(
        self,
        frames: Pixels,
        style: Vector,
        *,
        stream: Stream | None = None,
        memory: float = 0.0,
        gain: float = 0.0,
        noise: float = 0.0,
        colour: float = 0.0,
    ) -> Ticket:
        """Begin what `paint` does. A GPU goes on by itself: the next frame may be begun before this one is fetched."""
        count, style = self.check(frames, style, memory=memory, gain=gain, noise=noise, colour=colour)
        stream = stream or Stream()
        program = self.prepare((frames.shape[1], frames.shape[2]), batch=count)
        if stream.shape != frames.shape[:3]:
            stream.shape, stream.state, stream.blank = frames.shape[:3], program.blank(), True
        controls = controls_for(stream, count, memory, gain, noise, colour)
        if isinstance(program, Overlapping):
            ticket = program.submit(frames, style, controls, stream.state)
        else:
            ticket = Painted(program.run(frames, style, controls, stream.state))
        stream.blank = False
        return ticket

    def paint_all(
        self, frames: Iterable[Pixels], style: Vector, *, stream: Stream | None = None, **controls: float
    ) -> Iterator[Pixels]:
        """Paint successive frames as `paint` does; each comes when the next is begun."""
        stream = stream or Stream()
        for ticket in one_late(self.begin(each, style, stream=stream, **controls) for each in frames):
            yield ticket.fetch()

    def check(self, frames: Pixels, style: Vector, **controls: float) -> tuple[int, Vector]:
        """Refuse what `paint` cannot take; return N and the styles as float32 [N, K], C-contiguous."""
        if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8 or not frames.flags.c_contiguous:
            raise ValueError(f"frames are C-contiguous uint8 [N, H, W, 3], not {frames.dtype} {list(frames.shape)}")
        count, size = frames.shape[0], self.backend.style_size
        if style.shape not in ((size,), (count, size)) or style.dtype != np.float32:
            raise ValueError(f"styles are float32 [{size}] or [{count}, {size}], not {style.dtype} {list(style.shape)}")
        for name, value in controls.items():
            if not 0 <= value <= 1 or (name in ("memory", "gain") and value == 1):
                raise ValueError(f"{name} lies in [0, 1{')' if name in ('memory', 'gain') else ']'}, not {value}")
        return count, np.array(np.broadcast_to(style, (count, size)), order="C")


def controls_for(stream: Stream, count: int, *values: float) -> Vector:
    """Return the controls float32 [N, 4]: memory, gain, noise, colour; a blank stream has no past to keep."""
    return np.tile(np.array([0, 0, *values[2:]] if stream.blank else values, np.float32), (count, 1))


def one_late(items: Iterable[T]) -> Iterator[T]:
    """Give every item when the next has come, and the last at the end."""
    waiting: list[T] = []
    for item in items:
        waiting.append(item)
        if len(waiting) > 1:
            yield waiting.pop(0)
    yield from waiting
