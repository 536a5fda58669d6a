"""The graph into a TensorRT engine: exported by PyTorch, converted by Torch-TensorRT, as bytes that hold no code.

Nothing here needs a GPU but what TensorRT's builder asks of one: `benchmarks/trt_build_check.py` runs it without.
"""

import inspect
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from engines.engine import Shape
from engines.errors import BackendUnavailable, BuildError
from engines.pixels import Painted, PixelGraph

INPUTS = ("frame", "style", "scene", "steadied", "controls")
OPERATOR = re.compile(r"aten[.:]+(?!aten)[\w.]+")
Sizes = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]  # least, likeliest, largest height and width


class ConversionError(BuildError):
    """TensorRT does not take the whole graph; the message names the operator."""


class Levels(nn.Module):
    """The graph as TensorRT takes it: frames are whole grey levels in float32, for it converts no bytes."""

    def __init__(self, pixels: PixelGraph) -> None:
        super().__init__()
        self.pixels = pixels

    def forward(self, frame: Tensor, style: Tensor, scene: Tensor, steadied: Tensor, controls: Tensor) -> Painted:
        return self.pixels.paint(frame, style, scene, steadied, controls)


def load_compiler() -> Any:
    """Import Torch-TensorRT, which takes seconds.

    Raises:
        BackendUnavailable: it is not installed, or cannot be used here.
    """
    release = ".".join(torch.__version__.split(".")[:2])
    remedy = f"pip install 'torch-tensorrt=={release}.*', or use --engine torch"
    try:
        with quiet():
            import torch_tensorrt
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "torch_tensorrt":
            raise BackendUnavailable(f"TensorRT is not installed: {remedy}") from error
        said = str(error).strip().splitlines() or [""]
        raise BackendUnavailable(f"TensorRT cannot be loaded ({type(error).__name__}: {said[0]}): {remedy}") from error
    return torch_tensorrt


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Torch-TensorRT from telling of every missing package, and from printing whole graphs."""
    logger = logging.getLogger("torch_tensorrt")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def export(graph: PixelGraph, shape: Shape, *, is_any_size: bool = False) -> torch.export.ExportedProgram:
    """Write down what the graph computes for a shape, or for every height and width that are multiples of its stride.

    Args:
        graph: in the precision and on the device that it is to run in.
        shape: uint8 [N, H, W, 3] without the 3; an example where sizes are free.
        is_any_size: leave height and width free.
    """
    height, width = (graph.stride * torch.export.Dim(name, min=2) for name in ("h", "w"))
    free = ({1: height, 2: width}, None, None, {2: height, 3: width}, None) if is_any_size else None
    with torch.no_grad():
        return torch.export.export(Levels(graph), example(graph, shape), dynamic_shapes=free, strict=False)


def example(graph: PixelGraph, shape: Shape) -> tuple[Tensor, ...]:
    """Return inputs of `Levels` of the right shapes and types, on the graph's device."""
    device = next(graph.parameters()).device
    shapes = input_shapes(graph, shape)
    return tuple(torch.zeros(shapes[name], device=device) for name in INPUTS)


def input_shapes(graph: PixelGraph, shape: Shape) -> dict[str, tuple[int, ...]]:
    """Return the shapes of what `Levels` takes, by name."""
    count, height, width = shape
    vector = (count, graph.style_size)
    return dict(
        zip(INPUTS, ((count, height, width, 3), vector, vector, (count, 3, height, width), (count, 4)), strict=True)
    )


def build_engine(compiler: Any, graph: PixelGraph, shape: Shape, *, sizes: Sizes | None = None) -> bytes:
    """Build one TensorRT engine of the whole graph.

    Args:
        compiler: from `load_compiler`.
        graph: in the precision and on the device that it is to run in.
        shape: uint8 [N, H, W, 3] without the 3; of sizes, N counts alone.
        sizes: of an engine for any size, None for one that takes `shape`.

    Returns:
        TensorRT's serialized engine.

    Raises:
        ConversionError: an operator cannot be converted, or the engine not built.
    """
    program = export(graph, shape, is_any_size=sizes is not None)
    build = compiler.dynamo.convert_exported_program_to_serialized_trt_engine
    try:
        with quiet():
            return bytes(build(program, inputs=specify(compiler, graph, shape, sizes), **options(build, graph)))
    except Exception as error:
        raise ConversionError(f"TensorRT cannot build the engine: {blame(error)}") from error


def compile_partly(compiler: Any, graph: PixelGraph, shape: Shape) -> Callable[..., tuple[Tensor, ...]]:
    """Compile what TensorRT converts and leave the rest to PyTorch; takes and gives what `Levels` does.

    Raises:
        BuildError: it cannot be done.
    """
    build = compiler.dynamo.compile
    settings = {**options(build, graph), "require_full_compilation": False}
    try:
        with quiet():
            compiled: Callable[..., tuple[Tensor, ...]] = build(
                export(graph, shape), inputs=specify(compiler, graph, shape, None), **settings
            )
    except Exception as error:
        raise BuildError(f"TensorRT cannot compile the graph: {blame(error)}; use --engine torch") from error
    return compiled


def specify(compiler: Any, graph: PixelGraph, shape: Shape, sizes: Sizes | None) -> list[Any]:
    """Tell the builder the shapes of the inputs."""
    if sizes is None:
        return [compiler.Input(each, dtype=torch.float32) for each in input_shapes(graph, shape).values()]
    ranges = [input_shapes(graph, (shape[0], *size)) for size in sizes]
    return [
        compiler.Input(min_shape=least[name], opt_shape=likely[name], max_shape=most[name], dtype=torch.float32)
        if least[name] != most[name]
        else compiler.Input(likely[name], dtype=torch.float32)
        for least, likely, most in [ranges]
        for name in INPUTS
    ]


def options(build: Callable[..., Any], graph: PixelGraph) -> dict[str, Any]:
    """Return the builder's settings: one engine for all, in the types that the graph has.

    Torch-TensorRT 2.13 types by the graph alone; before, it had to be asked to, and refuses precisions beside that.
    """
    weight = next(graph.parameters())
    settings: dict[str, Any] = {
        "require_full_compilation": True,
        "min_block_size": 1,
        "immutable_weights": True,
        "disable_tf32": weight.dtype == torch.float32,
        "device": torch.device("cuda", weight.device.index or 0),
    }
    known = inspect.signature(build).parameters
    if "use_explicit_typing" in known:
        settings["use_explicit_typing"] = True
    elif "enabled_precisions" in known:
        settings["enabled_precisions"] = {torch.float32, weight.dtype}
    return settings


def blame(error: BaseException) -> str:
    """Name the operator that an error is about, where it tells, and what the innermost error says."""
    chain = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
    texts = [text for each in reversed(chain) if (text := str(each).strip())]
    said = texts[0].splitlines()[0] if texts else type(error).__name__
    operator = next((match[0] for text in texts if (match := OPERATOR.search(text))), None)
    return f"{operator} ({said})" if operator else said
