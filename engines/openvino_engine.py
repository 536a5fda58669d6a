"""OpenVINO: the default where there is no GPU.

The graph is converted once for all sizes and kept in the store; a size costs a fraction of a second. Painting with a
stored engine needs no torch.
"""

import logging
import time
import warnings
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov

from engines import store
from engines.engine import Pixels, Shape
from engines.errors import BackendUnavailable, BuildError
from engines.style import Vector
from engines.weights import network_id, weights_path, weights_sha256

if TYPE_CHECKING:
    from torch import Tensor

    from engines.pixels import PixelGraph

MODEL = "model.xml"
PRECISIONS = {"fp32": "f32", "bf16": "bf16"}
# Mean and largest difference from plain PyTorch, in grey levels, beyond which an engine is thrown away.
TOLERANCES = {"fp32": (0.05, 1.0), "bf16": (0.7, 12.0)}
CHECK_SIZE = (123, 162)

log = logging.getLogger(__name__)


@cache
def core() -> Any:
    """Return OpenVINO's entry point, one a process."""
    return ov.Core()


class State:
    """Scene and steadied frame, each twice: what the last frame left, and where the next one writes."""

    def __init__(self, shape: Shape, style_size: int) -> None:
        count, height, width = shape
        self.scenes = [np.zeros((count, style_size), np.float32) for _ in range(2)]
        self.steadied = [np.zeros((count, 3, height, width), np.float32) for _ in range(2)]

    def swap(self) -> None:
        self.scenes.reverse()
        self.steadied.reverse()


class OpenVINOProgram:
    """The graph, compiled for one shape."""

    def __init__(self, compiled: Any, *, shape: Shape, style_size: int) -> None:
        self.request = compiled.create_infer_request()
        self.shape = shape
        self.style_size = style_size

    def blank(self) -> State:
        return State(self.shape, self.style_size)

    def run(self, frames: Pixels, style: Vector, controls: Vector, state: State) -> Pixels:
        painted = np.empty((*self.shape, 3), np.uint8)
        frames = frames if frames.flags.writeable else frames.copy()  # OpenVINO shares no read-only memory
        self.infer((frames, style), controls, state, painted)
        return painted

    def repeat(self, frames: Pixels, style: Vector, controls: Vector, state: State, count: int) -> float:
        painted, frames = np.empty((*self.shape, 3), np.uint8), frames.copy()
        started = time.perf_counter()
        for _ in range(count):
            self.infer((frames, style), controls, state, painted)
        return time.perf_counter() - started

    def infer(self, given: tuple[Pixels, Vector], controls: Vector, state: State, painted: Pixels) -> None:
        """Paint into an array, in memory shared with OpenVINO."""
        inputs = (*given, state.scenes[0], state.steadied[0], controls)
        outputs = (painted, state.scenes[1], state.steadied[1])
        for i, array in enumerate(inputs):
            self.request.set_input_tensor(i, ov.Tensor(array, shared_memory=True))
        for i, array in enumerate(outputs):
            self.request.set_output_tensor(i, ov.Tensor(array, shared_memory=True))
        self.request.infer()
        state.swap()


class OpenVINOBackend:
    """Compiles the stored graph for the CPU, in bfloat16 where the CPU has it and the result stands the check."""

    name = "openvino"

    def __init__(self, *, network: str, weights: Path | None = None, precision: str = "auto") -> None:
        offered = ["bf16", "fp32"] if "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") else ["fp32"]
        if precision not in ("auto", *offered):
            raise BackendUnavailable(
                f"OpenVINO on this CPU paints in {' or '.join(offered)}, not {precision}: use --precision auto"
            )
        self.network = network_id(network, weights)
        refused = []
        for self.precision in offered if precision == "auto" else [precision]:
            folder, facts = fetch(network, weights_path(network, weights), self.precision)
            found = f"{facts['mean']:.2f} grey levels from PyTorch in the mean, {facts['largest']:.0f} at most"
            mean, largest = TOLERANCES[self.precision]
            if facts["mean"] <= mean and facts["largest"] <= largest:
                break
            refused.append(f"{self.precision} is {found}")
            log.warning("OpenVINO %s: not used", refused[-1])
        else:
            raise BuildError(f"OpenVINO disagrees with PyTorch ({'; '.join(refused)}): use --engine torch")
        self.style_size = int(facts["style_size"])
        self.reason = f"openvino {self.precision} on {cpu_name()}: {found}"
        self.model = core().read_model(folder / MODEL)

    def compile(self, shape: Shape) -> OpenVINOProgram:
        compiled = compile_for(self.model.clone(), shape, self.style_size, self.precision)
        return OpenVINOProgram(compiled, shape=shape, style_size=self.style_size)


def cpu_name() -> str:
    """Return the CPU's model."""
    return str(core().get_property("CPU", "FULL_DEVICE_NAME")).strip()


def compile_for(model: Any, shape: Shape, style_size: int, precision: str) -> Any:
    """Fix a converted graph's shapes and compile it for the CPU.

    Raises:
        BuildError: OpenVINO cannot.
    """
    count, height, width = shape
    vector = [count, style_size]
    try:
        model.reshape({0: [*shape, 3], 1: vector, 2: vector, 3: [count, 3, height, width], 4: [count, 4]})
        hints = {"INFERENCE_PRECISION_HINT": PRECISIONS[precision], "PERFORMANCE_HINT": "LATENCY"}
        return core().compile_model(model, "CPU", hints)
    except RuntimeError as error:
        what = str(error).strip().splitlines()[-1]
        raise BuildError(f"OpenVINO cannot compile for {width}x{height}: {what}; use --engine torch") from error


def fetch(network: str, weights: Path, precision: str) -> tuple[Path, dict[str, Any]]:
    """Return the folder of the converted graph, and what `build` found, from the store where it is there.

    The key holds what the graph and its check depend on, the graph's own code included.
    """
    key = store.EngineKey(
        network=network,
        weights_sha256=weights_sha256(weights),
        backend="openvino",
        size="any",
        batch="any",
        precision=precision,
        device=cpu_name(),
        versions=f"openvino {version('openvino')}, torch {version('torch')}, code {store.code_id()}",
    )
    return store.fetch(key, lambda draft: build(draft, network=network, weights=weights, precision=precision))


def build(folder: Path, *, network: str, weights: Path, precision: str) -> dict[str, Any]:
    """Convert the graph into a folder and hold it against plain PyTorch on one frame.

    Returns:
        style_size, and the mean and largest difference in grey levels.
    """
    import torch

    from engines.check import check_inputs
    from engines.torch_engine import load_graph

    graph = load_graph(network, weights)
    with torch.inference_mode():
        inputs = check_inputs(graph, CHECK_SIZE)
        expected = graph(*inputs).frame.numpy().astype(np.int16)
    model = convert(graph, inputs)
    if precision == "bf16":
        narrow(model)
    ov.save_model(model, folder / MODEL, compress_to_fp16=False)
    compiled = compile_for(model, (1, *CHECK_SIZE), graph.style_size, precision)
    painted = compiled([tensor.numpy() for tensor in inputs])[0].astype(np.int16)
    difference = np.abs(painted - expected)
    return {
        "style_size": graph.style_size, "mean": float(difference.mean()), "largest": float(difference.max())
    }  # fmt: skip


def convert(graph: "PixelGraph", inputs: list["Tensor"]) -> Any:
    """Convert the graph for every size.

    Through OpenVINO's PyTorch front end and not `openvino.convert_model`, which takes two seconds longer and reports
    the conversion to its maker.
    """
    import torch
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    front_end = FrontEndManager().load_by_framework("pytorch")
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # tracing: still what the front end reads best
        traced = torch.jit.trace(graph, tuple(inputs), check_trace=False)  # type: ignore[no-untyped-call]
        decoder = TorchScriptPythonDecoder(traced, example_input=tuple(inputs))  # must outlive the conversion
        return front_end.convert(front_end.load(decoder))


def narrow(model: Any) -> None:
    """Have the statistics of feature maps taken in bfloat16, as the maps are computed.

    OpenVINO keeps in float32, and lays out anew for it, all that stands between the last convolution or product of
    matrices and an output; statistics are an output, the scene. So a product with one comes after them. What is
    remembered of them stays float32.
    """
    from openvino import opset13 as opset

    joined = [node for node in model.get_ordered_ops() if node.get_type_name() == "Concat"]
    node = next(node for node in joined if node.input_value(0).get_node().get_type_name() == "ReduceMean")
    statistics = node.output(0)
    readers = statistics.get_target_inputs()
    size = statistics.get_partial_shape()[1].get_length()
    column = opset.reshape(statistics, np.array([-1, 1]), special_zero=False)
    product = opset.matmul(column, np.ones((1, 1), np.float32), transpose_a=False, transpose_b=False)
    rows = opset.reshape(product, np.array([-1, size]), special_zero=False)
    for reader in readers:
        reader.replace_source_output(rows.output(0))
