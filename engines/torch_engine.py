"""Plain PyTorch: the reference that every other backend is held against; CPU, CUDA and Apple MPS."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engines.check import sample_frame
from engines.cuda_program import CudaProgram
from engines.engine import Pixels, Shape
from engines.errors import BackendUnavailable
from engines.inductor import compiled
from engines.machine import Device, accelerator
from engines.networks.statistics import centre
from engines.pixels import PixelGraph
from engines.style import Vector
from engines.weights import load_network, network_id

PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16}


def load_graph(network: str, weights: Path | None = None) -> PixelGraph:
    """Return the graph around a network in float32 on the CPU: what every backend compiles.

    Raises:
        WeightsError: the weights cannot be used.
    """
    module = load_network(network, weights)
    if hasattr(module, "normalised"):
        centre(module, sample_frame((128, 128), torch.Generator().manual_seed(0)))
    names = ("stride", "style_size", "margin")
    sizes = {name: cast(int, getattr(module, name)) for name in names if hasattr(module, name)}
    return PixelGraph(module, **sizes).eval()


@dataclass
class State:
    """Scene float32 [N, K] and steadied frame float32 [N, 3, H, W] on the device."""

    scene: Tensor
    steadied: Tensor


class TorchProgram:
    """The graph, eager, at one shape."""

    def __init__(self, graph: PixelGraph, *, device: Device, shape: Shape) -> None:
        self.graph = graph
        self.device = device
        self.shape = shape

    def blank(self) -> State:
        count, height, width = self.shape
        return State(
            torch.zeros(count, self.graph.style_size, device=self.device),
            torch.zeros(count, 3, height, width, device=self.device),
        )

    @torch.inference_mode()
    def run(self, frames: Pixels, style: Vector, controls: Vector, state: State) -> Pixels:
        painted = self.paint(self.load(frames, style, controls), state)
        return np.asarray(painted.contiguous().cpu().numpy(), np.uint8)

    @torch.inference_mode()
    def repeat(self, frames: Pixels, style: Vector, controls: Vector, state: State, count: int) -> float:
        inputs = self.load(frames, style, controls)
        synchronise(self.device)
        started = time.perf_counter()
        for _ in range(count):
            self.paint(inputs, state)
        synchronise(self.device)
        return time.perf_counter() - started

    def load(self, *arrays: NDArray[Any]) -> list[Tensor]:
        """Copy arrays to the device."""
        # A read-only array cannot become a tensor without a warning; the graph does not write to it.
        return [torch.tensor(array, device=self.device) for array in arrays]

    def paint(self, inputs: list[Tensor], state: State) -> Tensor:
        """Paint what lies on the device, and move the state on."""
        frames, style, controls = inputs
        painted, state.scene, state.steadied = self.graph(frames, style, state.scene, state.steadied, controls)
        return cast(Tensor, painted)


def synchronise(device: str) -> None:
    """Wait until a device has done its work."""
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()


class TorchBackend:
    """Runs the graph as it is on the CPU and MPS, in float32; compiled on CUDA, in float16 with float32 statistics."""

    name = "torch"

    def __init__(
        self, *, network: str, weights: Path | None = None, precision: str = "auto", device: Device | None = None
    ) -> None:
        self.device = device or accelerator()
        self.precision = ("fp16" if self.device == "cuda" else "fp32") if precision == "auto" else precision
        if self.precision not in PRECISIONS or (self.device == "cpu" and self.precision != "fp32"):
            raise BackendUnavailable(f"torch on {self.device} does not paint in {self.precision}: use --precision auto")
        self.network = network_id(network, weights)
        self.graph = load_graph(network, weights)
        self.style_size = self.graph.style_size
        self.graph.to(self.device, PRECISIONS[self.precision])
        if self.device == "cuda":
            self.graph.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            torch.backends.cudnn.benchmark = True
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False  # fp32 is float32
        where = torch.cuda.get_device_name() if self.device == "cuda" else self.device
        self.reason = f"torch {self.precision} on {where}"

    def compile(self, shape: Shape) -> TorchProgram | CudaProgram:
        if self.device != "cuda":
            return TorchProgram(self.graph, device=self.device, shape=shape)
        return CudaProgram(compiled(self.graph, shape), shape=shape, style_size=self.style_size)
