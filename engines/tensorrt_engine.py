"""TensorRT, through Torch-TensorRT: NVIDIA's compiler, for NVIDIA's GPUs.

One engine a size, built once and kept in the store as TensorRT's own bytes, loaded without unpickling anything; or one
for all sizes, where `build_any_size` has made it.
"""

import logging
import shutil
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engines import store
from engines.check import check_inputs
from engines.engine import Shape
from engines.errors import BackendUnavailable, BuildError
from engines.machine import accelerator
from engines.pixels import PixelGraph
from engines.tensorrt_build import ConversionError, Sizes, build_engine, compile_partly, load_compiler
from engines.tensorrt_program import DEVICE, WARM_UP, Partly, Plan, Runner, TensorRTProgram
from engines.torch_engine import PRECISIONS, load_graph
from engines.weights import network_id, weights_path, weights_sha256

ENGINE = "engine.trt"
ANY_SIZE: Sizes = ((64, 64), (728, 1288), (2168, 3848))
# Mean and largest difference from plain PyTorch, in grey levels, beyond which an engine is thrown away.
TOLERANCES = {"fp32": (0.05, 1.0), "fp16": (0.7, 6.0)}
SMALLEST_CHECK = 64

log = logging.getLogger(__name__)


class TensorRTBackend:
    """Builds engines, float16 with float32 statistics by default, or fetches them from the store."""

    name = "tensorrt"

    def __init__(self, *, network: str, weights: Path | None = None, precision: str = "auto") -> None:
        if accelerator() != "cuda":
            raise BackendUnavailable("TensorRT needs an NVIDIA GPU that PyTorch can use: use --engine openvino")
        self.compiler = load_compiler()
        self.precision = "fp16" if precision == "auto" else precision
        if self.precision not in PRECISIONS:
            raise BackendUnavailable(f"TensorRT does not paint in {precision}: use --precision auto")
        self.network_name = network
        self.network = network_id(network, weights)
        self.weights_sha256 = weights_sha256(weights_path(network, weights))
        self.graph = load_graph(network, weights)
        self.style_size = self.graph.style_size
        self.reason = f"tensorrt {self.precision} on {gpu()}"

    def compile(self, shape: Shape) -> TensorRTProgram:
        sizes = None
        if self.fits_any_size(shape) and not store.holds(self.key(shape)):
            sizes = ANY_SIZE if store.holds(self.key(shape, ANY_SIZE)) else None
        try:
            runner: Runner = self.fetch(shape, sizes)
        except ConversionError as error:
            log.warning("%s; PyTorch computes what TensorRT does not: slower, and built at every start", error)
            runner = Partly(compile_partly(self.compiler, self.placed(), shape))
            self.verify(runner, shape)
        return TensorRTProgram(runner, shape=shape, style_size=self.style_size)

    def build_any_size(self, *, batch: int = 1) -> None:
        """Build the engine that `compile` takes for sizes that have none of their own.

        Raises:
            BuildError: it cannot be built.
        """
        self.fetch((batch, *ANY_SIZE[1]), ANY_SIZE)

    def fits_any_size(self, shape: Shape) -> bool:
        """Tell whether the engine for any size takes this one: a multiple of the stride, within its range."""
        return all(
            length % self.graph.stride == 0 and least <= length <= largest
            for length, least, largest in zip(shape[1:], ANY_SIZE[0], ANY_SIZE[2], strict=True)
        )

    def key(self, shape: Shape, sizes: Sizes | None = None) -> store.EngineKey:
        height, width = shape[1:] if sizes is None else sizes[2]
        return store.EngineKey(
            network=self.network_name,
            weights_sha256=self.weights_sha256,
            backend=self.name,
            size=f"{'any up to ' if sizes else ''}{width}x{height}",
            batch=str(shape[0]),
            precision=self.precision,
            device=gpu(),
            versions=f"{compiler_versions(self.compiler)}, code {store.code_id('tensorrt_build.py')}",
        )

    def fetch(self, shape: Shape, sizes: Sizes | None) -> Plan:
        """Return an engine from the store, built where it is missing, damaged or refused by TensorRT."""
        key = self.key(shape, sizes)
        folder, _ = store.fetch(key, lambda draft: self.build(draft, shape, sizes))
        try:
            return Plan(folder / ENGINE)
        except BuildError as error:
            log.warning("%s: building it again", error)
            shutil.rmtree(folder)
        folder, _ = store.fetch(key, lambda draft: self.build(draft, shape, sizes))
        return Plan(folder / ENGINE)

    def build(self, folder: Path, shape: Shape, sizes: Sizes | None) -> dict[str, Any]:
        """Build an engine into a folder and hold it against plain PyTorch on one frame; returns what was found."""
        started = time.perf_counter()
        past = [each.facts["seconds"] for each in store.stored() if each.key["backend"] == self.name]
        guess = f"about {max(past):.0f} s, as before" if past else "10 to 60 s"
        log.info("building a TensorRT engine for %s: %s", self.key(shape, sizes).size, guess)
        (folder / ENGINE).write_bytes(build_engine(self.compiler, self.placed(), shape, sizes=sizes))
        log.info("built after %.1f s; comparing it with PyTorch", time.perf_counter() - started)
        mean, largest = self.verify(Plan(folder / ENGINE), shape)
        return {"mean": mean, "largest": largest, "seconds": time.perf_counter() - started}

    def placed(self) -> PixelGraph:
        """Return the graph on the GPU, in the engine's precision."""
        return deepcopy(self.graph).to(DEVICE, PRECISIONS[self.precision])

    @torch.inference_mode()
    def verify(self, runner: Runner, shape: Shape) -> tuple[float, float]:
        """Hold an engine, and its CUDA graph, against plain PyTorch in float32 on one frame.

        Returns:
            The mean and largest difference in grey levels.

        Raises:
            BuildError: they are beyond what the precision explains.
        """
        count, height, width = shape
        inputs = check_inputs(self.graph, (max(height, SMALLEST_CHECK), max(width, SMALLEST_CHECK)))
        frame, style, scene, steadied, controls = (each.repeat(count, *[1] * (each.ndim - 1)) for each in inputs)
        frame, steadied = frame[:, :height, :width].contiguous(), steadied[:, :, :height, :width]
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            reference = deepcopy(self.graph).to(DEVICE)
            expected = reference(*(each.to(DEVICE) for each in (frame, style, scene, steadied, controls))).frame
        program = TensorRTProgram(runner, shape=shape, style_size=self.style_size)
        state = program.blank()
        for _ in range(WARM_UP + 1):
            state.scenes[0].copy_(scene)
            state.steadied[0].copy_(steadied)
            painted = program.run(frame.numpy(), style.numpy(), controls.numpy(), state)
        difference = np.abs(painted.astype(np.int16) - expected.cpu().numpy())
        mean, largest = float(difference.mean()), float(difference.max())
        if mean > TOLERANCES[self.precision][0] or largest > TOLERANCES[self.precision][1]:
            raise BuildError(
                f"TensorRT {self.precision} disagrees with PyTorch at {width}x{height}: {mean:.2f} grey levels in the "
                f"mean, {largest:.0f} at most; use --engine torch"
            )
        return mean, largest


def gpu() -> str:
    """Return the GPU's name, its compute capability, and the newest CUDA that its driver knows."""
    major, minor = torch.cuda.get_device_capability()
    return f"{torch.cuda.get_device_name()} (sm_{major}{minor}, CUDA {torch._C._cuda_getDriverVersion()})"  # type: ignore[attr-defined]


def compiler_versions(compiler: Any) -> str:
    """Return the versions of what builds an engine."""
    import tensorrt

    return f"torch-tensorrt {compiler.__version__}, tensorrt {tensorrt.__version__}, torch {torch.__version__}"
