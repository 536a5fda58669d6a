"""A network at work on an NVIDIA GPU: tensors that stay where they are, transfers beside the painting, CUDA graphs."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from engines.engine import Pixels, Shape
from engines.style import Vector

DEVICE = "cuda"
WARM_UP = 2  # frames of a stream before a CUDA graph is captured: one in each direction of its state


class Runner(Protocol):
    """What computes `PixelGraph.forward` on the GPU.

    Attributes:
        can_be_captured: in a CUDA graph.
    """

    can_be_captured: bool

    def __call__(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        """Put the work of a frame on PyTorch's current stream.

        Args:
            inputs: frame, style, scene, steadied frame and controls, as of `PixelGraph.forward`.
            outputs: painted frame, scene and steadied frame, to be written to.
        """


class State:
    """Scene and steadied frame, each twice: what the last frame left, and where the next one writes.

    So are the CUDA graphs, which hold the addresses of one program's and this state's tensors.
    """

    def __init__(self, scenes: list[Tensor], steadied: list[Tensor]) -> None:
        self.scenes = scenes
        self.steadied = steadied
        self.graphs: list[Any] = [None, None]
        self.runs = 0
        self.program: object = None

    def belong_to(self, program: object) -> None:
        """Forget the graphs of another program: they hold its tensors."""
        if self.program is not program:
            self.program, self.runs, self.graphs = program, 0, [None, None]

    def swap(self) -> None:
        """Make what was written what is remembered."""
        self.runs += 1
        for pair in (self.scenes, self.steadied, self.graphs):
            pair.reverse()


class Slot:
    """The memory of a frame in flight: pinned on the host, its copy on the GPU, and what was painted."""

    def __init__(self, shape: Shape, style_size: int) -> None:
        kinds = (((*shape, 3), torch.uint8), ((shape[0], style_size), torch.float32), ((shape[0], 4), torch.float32))
        self.staged = [host_tensor(size, dtype) for size, dtype in kinds]
        self.given = [torch.empty(size, dtype=dtype, device=DEVICE) for size, dtype in kinds]
        self.painted = torch.empty_like(self.given[0])
        self.uploaded, self.computed, self.downloaded = (event() for _ in range(3))
        self.ticket: Ticket | None = None


class Ticket:
    """A frame that was begun."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        # Pinned memory of its own spares a copy; PyTorch keeps what is given back for the next frame.
        self.taken = host_tensor(slot.painted.shape, torch.uint8)

    def fetch(self) -> Pixels:
        """Wait for the frame; uint8 [N, H, W, 3] BGR, owned by the caller."""
        if self.slot.ticket is self:
            self.slot.downloaded.synchronize()
            self.slot.ticket = None
        return np.asarray(self.taken.numpy())


class CudaProgram:
    """A runner at one shape.

    Two frames can be in flight: while one is computed, the next is uploaded and the one before downloaded, each on a
    stream of its own.
    """

    def __init__(self, runner: Runner, *, shape: Shape, style_size: int) -> None:
        self.runner = runner
        self.shape = shape
        self.style_size = style_size
        # The default stream waits for all others, and they for it.
        self.uploads, self.computing, self.downloads = (stream() for _ in range(3))
        self.pool = torch.cuda.graph_pool_handle() if torch.cuda.is_available() else None
        with torch.inference_mode(), on(self.computing):
            self.slots = [Slot(shape, style_size) for _ in range(2)]

    def blank(self) -> State:
        count, height, width = self.shape
        sizes = ((count, self.style_size), (count, 3, height, width))
        with torch.inference_mode(), on(self.computing):
            return State(*([torch.zeros(size, device=DEVICE) for _ in range(2)] for size in sizes))

    def run(self, frames: Pixels, style: Vector, controls: Vector, state: State) -> Pixels:
        return self.submit(frames, style, controls, state).fetch()

    @torch.inference_mode()
    def submit(self, frames: Pixels, style: Vector, controls: Vector, state: State) -> Ticket:
        """Begin a frame, without waiting for it; the arrays may be changed afterwards."""
        state.belong_to(self)
        slot = self.slots[state.runs % 2]  # in step with the state's graphs, which hold its addresses
        if slot.ticket:
            slot.ticket.fetch()
        slot.ticket = ticket = Ticket(slot)
        with on(self.uploads):
            for staged, given, array in zip(slot.staged, slot.given, (frames, style, controls), strict=True):
                staged.numpy()[...] = array
                given.copy_(staged, non_blocking=True)
            slot.uploaded.record()
        with on(self.computing):
            slot.uploaded.wait()
            self.step(slot, state)
            slot.computed.record()
        with on(self.downloads):
            slot.computed.wait()
            ticket.taken.copy_(slot.painted, non_blocking=True)
            slot.downloaded.record()
        return ticket

    @torch.inference_mode()
    def repeat(self, frames: Pixels, style: Vector, controls: Vector, state: State, count: int) -> float:
        for _ in range(max(2, WARM_UP + 2 - state.runs)):  # fills both slots, captures both graphs
            self.run(frames, style, controls, state)
        started = time.perf_counter()
        with on(self.computing):
            for _ in range(count):
                self.step(self.slots[state.runs % 2], state)
            done = event()
            done.record()
        done.synchronize()
        return time.perf_counter() - started

    def step(self, slot: Slot, state: State) -> None:
        """Paint what lies in a slot, on the current stream: captured once warm, replayed from then on."""
        graph = state.graphs[0]
        if graph is None and state.runs >= WARM_UP and self.runner.can_be_captured:
            graph = state.graphs[0] = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self.pool, stream=self.computing):
                self.compute(slot, state)
        if graph is None:
            self.compute(slot, state)
        else:
            graph.replay()
        state.swap()

    def compute(self, slot: Slot, state: State) -> None:
        frames, style, controls = slot.given
        self.runner(
            (frames, style, state.scenes[0], state.steadied[0], controls),
            (slot.painted, state.scenes[1], state.steadied[1]),
        )


def stream() -> Any:
    """Return a queue of work."""
    return torch.cuda.Stream()  # type: ignore[no-untyped-call]


def event() -> Any:
    """Return what is recorded on one stream and waited for on another, or on the host."""
    return torch.cuda.Event()  # type: ignore[no-untyped-call]


def host_tensor(size: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Return memory on the host that a GPU reads and writes by itself."""
    return torch.empty(tuple(size), dtype=dtype, pin_memory=torch.cuda.is_available())


def on(where: Any) -> AbstractContextManager[None]:
    """Return the context in which work goes to a stream."""
    return torch.cuda.stream(where)
