"""A TensorRT engine at work: tensors that stay where they are, a CUDA graph a shape, the state of streams."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from engines.cuda_program import State
from engines.engine import Pixels, Shape
from engines.errors import BuildError, EngineError
from engines.style import Vector
from engines.tensorrt_build import INPUTS

DEVICE = "cuda"
WARM_UP = 2  # runs before a CUDA graph is captured: one in each direction of the state


class Runner(Protocol):
    """What computes `Levels` on the GPU.

    Attributes:
        can_be_captured: in a CUDA graph.
    """

    can_be_captured: bool

    def __call__(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        """Put the work of a frame on PyTorch's current stream; the tensors stand in `Levels`' order."""


class Plan:
    """A TensorRT engine, loaded."""

    can_be_captured = True

    def __init__(self, path: Path) -> None:
        """Load an engine.

        Raises:
            BuildError: TensorRT refuses it.
        """
        import tensorrt  # Torch-TensorRT, imported before, has chosen which: TensorRT or TensorRT-RTX

        engine = tensorrt.Runtime(tensorrt.Logger(tensorrt.Logger.ERROR)).deserialize_cuda_engine(path.read_bytes())
        if engine is None:
            raise BuildError(f"TensorRT does not load its own engine {path}")
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        self.outputs = sorted(set(names) - set(INPUTS))  # output0, output1, output2
        self.context = engine.create_execution_context()

    def __call__(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        for name, tensor in zip(INPUTS, inputs, strict=True):
            self.context.set_input_shape(name, tuple(tensor.shape))
            self.context.set_tensor_address(name, tensor.data_ptr())
        for name, tensor in zip(self.outputs, outputs, strict=True):
            self.context.set_tensor_address(name, tensor.data_ptr())
        if not self.context.execute_async_v3(torch.cuda.current_stream().cuda_stream):
            raise EngineError("TensorRT failed while painting: use --engine torch")


class Partly:
    """A graph of which PyTorch computes some operators."""

    can_be_captured = False

    def __init__(self, compiled: Callable[..., Sequence[Tensor]]) -> None:
        self.compiled = compiled

    def __call__(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        for output, result in zip(outputs, self.compiled(*inputs), strict=True):
            output.copy_(result)


class TensorRTProgram:
    """An engine at one shape, with its tensors on the GPU and pinned ones to fill them from."""

    def __init__(self, runner: Runner, *, shape: Shape, style_size: int) -> None:
        self.runner = runner
        self.shape = shape
        self.style_size = style_size
        # TensorRT synchronises more than it need on the default stream.
        self.stream = torch.cuda.Stream() if torch.cuda.is_available() else None  # type: ignore[no-untyped-call]
        kinds = (((*shape, 3), torch.uint8), ((shape[0], style_size), torch.float32), ((shape[0], 4), torch.float32))
        self.staged = [host_tensor(size, dtype) for size, dtype in kinds]
        with torch.inference_mode(), torch.cuda.stream(self.stream):
            self.given = [torch.empty(size, dtype=dtype, device=DEVICE) for size, dtype in kinds]
            self.levels, self.painted_levels = (torch.empty(kinds[0][0], device=DEVICE) for _ in range(2))
            self.painted = torch.empty_like(self.given[0])

    def blank(self) -> State:
        count, height, width = self.shape
        sizes = ((count, self.style_size), (count, 3, height, width))
        with torch.inference_mode(), torch.cuda.stream(self.stream):
            return State(*([torch.zeros(size, device=DEVICE) for _ in range(2)] for size in sizes))

    @torch.inference_mode()
    def run(self, frames: Pixels, style: Vector, controls: Vector, state: State) -> Pixels:
        state.belong_to(self)
        with torch.cuda.stream(self.stream):
            self.load(frames, style, controls)
            self.step(state)
            painted = host_tensor(self.painted.shape, torch.uint8)
            painted.copy_(self.painted)  # waits for the GPU
        return np.asarray(painted.numpy())

    @torch.inference_mode()
    def repeat(self, frames: Pixels, style: Vector, controls: Vector, state: State, count: int) -> float:
        state.belong_to(self)
        with torch.cuda.stream(self.stream):
            self.load(frames, style, controls)
            self.painted.cpu()  # waits for the GPU
            started = time.perf_counter()
            for _ in range(count):
                self.step(state)
            self.painted[0, 0, 0].cpu()
        return time.perf_counter() - started

    def load(self, *arrays: Any) -> None:
        """Copy frames, style and controls into `given`, on the current stream."""
        for staged, given, array in zip(self.staged, self.given, arrays, strict=True):
            staged.numpy()[...] = array
            given.copy_(staged, non_blocking=True)

    def step(self, state: State) -> None:
        """Paint what `given` holds into `painted`, on the current stream: captured once warm, replayed from then on."""
        graph = state.graphs[0]
        if graph is None and state.runs >= WARM_UP and self.runner.can_be_captured:
            graph = state.graphs[0] = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=self.stream):
                self.compute(state)
        if graph is None:
            self.compute(state)
        else:
            graph.replay()
        state.swap()

    def compute(self, state: State) -> None:
        frames, style, controls = self.given
        self.levels.copy_(frames)
        self.runner(
            (self.levels, style, state.scenes[0], state.steadied[0], controls),
            (self.painted_levels, state.scenes[1], state.steadied[1]),
        )
        self.painted.copy_(self.painted_levels)


def host_tensor(size: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Return memory on the host that a GPU reads and writes by itself."""
    return torch.empty(tuple(size), dtype=dtype, pin_memory=torch.cuda.is_available())
