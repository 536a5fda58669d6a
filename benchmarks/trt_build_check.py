"""Builds TensorRT engines of every network on a machine without a GPU: what cannot be converted shows here.

TensorRT-RTX's builder needs no GPU, only the facts about one, which are faked here; nothing is run. Its wheels are a
few hundred MB, in a folder of their own, so that they change no environment:

    pip install --no-deps --target trt torch-tensorrt-rtx==2.13.0 tensorrt-rtx==1.5.0.114 tensorrt-rtx-cu13==1.5.0.114 \
        tensorrt-rtx-cu13-libs==1.5.0.114 tensorrt-rtx-cu13-bindings==1.5.0.114 dllist psutil packaging
    PYTHONPATH=trt:. python -m benchmarks.trt_build_check [--all] [NETWORK...]

With onnx and onnxscript beside them, its parser reads the exported ONNX files too. Exits 1 where a network is not
converted whole.
"""

import argparse
import importlib
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from safetensors.torch import save_file

from engines.errors import BackendUnavailable, BuildError
from engines.networks import NETWORKS, NetworkCard
from engines.onnx_export import export_onnx
from engines.tensorrt_build import build_engine, load_compiler
from engines.torch_engine import PRECISIONS, load_graph

SIZE = (120, 168)
SIZES = ((64, 64), (728, 1288), (2168, 3848))
CAPABILITY = (8, 9)


class UnreadEngine:
    """Stands where TensorRT would load the engine it has built, which alone needs a driver."""

    def __init__(self, data: Any = b"") -> None:
        self.data = bytes(data)

    def deserialize_cuda_engine(self, data: Any) -> "UnreadEngine":
        return UnreadEngine(data)

    def serialize(self) -> bytes:
        return self.data


@contextmanager
def faked_gpu() -> Iterator[Any]:
    """Load Torch-TensorRT as if there were a GPU, without its own libraries, which need CUDA's."""
    facts = SimpleNamespace(
        major=CAPABILITY[0], minor=CAPABILITY[1], name="none", total_memory=24 << 30, multi_processor_count=128
    )
    answers = {
        "current_device": 0,
        "get_device_capability": CAPABILITY,
        "get_device_name": facts.name,
        "get_device_properties": facts,
        "mem_get_info": (20 << 30, 24 << 30),
        "synchronize": None,
    }
    is_file = os.path.isfile
    with ExitStack() as stack:
        for name, answer in answers.items():
            stack.enter_context(patch.object(torch.cuda, name, lambda *_, answer=answer: answer))
        stack.enter_context(patch.object(torch._C, "_CudaDeviceProperties", object, create=True))
        with patch("os.path.isfile", lambda path: "libtorchtrt" not in str(path) and is_file(path)):
            compiler = load_compiler()
        interpreter = importlib.import_module("torch_tensorrt.dynamo.conversion._TRTInterpreter")
        stack.enter_context(patch.object(interpreter.trt, "Runtime", lambda logger: UnreadEngine()))
        yield compiler


def weights_of(card: NetworkCard, folder: Path) -> tuple[Path, str]:
    """Return weights and what they are; random ones where a network is not installed."""
    if card.weights.exists():
        return card.weights, "its own"
    torch.manual_seed(0)
    network = getattr(importlib.import_module(card.module), card.kind)()
    path = folder / f"{card.name}.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    return path, "random"


def check(compiler: Any, card: NetworkCard, *, is_any_size: bool, precision: str, folder: Path) -> bool:
    """Build one engine and print a line of the table."""
    weights, origin = weights_of(card, folder)
    graph = load_graph(card.name, weights).to(PRECISIONS[precision])
    started = time.perf_counter()
    try:
        data = build_engine(compiler, graph, (1, *SIZE), sizes=SIZES if is_any_size else None)
        found = f"whole, {len(data) / 1e6:.1f} MB"
    except BuildError as error:
        data, found = b"", f"FAILED: {error}"
    shapes = "any size" if is_any_size else f"{SIZE[1]}x{SIZE[0]}"
    print(
        f"{card.name:<12} {origin:<8} {precision:<5} {shapes:<9} {time.perf_counter() - started:6.1f} s  {found}",
        flush=True,
    )
    return bool(data)


def parse(card: NetworkCard, *, folder: Path) -> bool:
    """Export a network as ONNX, have TensorRT's own parser read it, and print a line of the table."""
    weights, origin = weights_of(card, folder)
    path = folder / f"{card.name}.onnx"
    started = time.perf_counter()
    export_onnx(path, network=card.name, weights=weights)
    trt: Any = importlib.import_module("torch_tensorrt.dynamo.conversion._TRTInterpreter").trt
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, logger)
    is_whole = bool(parser.parse(path.read_bytes()))
    errors = "; ".join(str(parser.get_error(i)) for i in range(parser.num_errors))
    found = f"parsed, {network.num_layers} layers" if is_whole else f"FAILED: {errors}"
    print(f"{card.name:<12} {origin:<8} {'ONNX':<15} {time.perf_counter() - started:6.1f} s  {found}", flush=True)
    return is_whole


def main() -> int:
    """Build what was asked for; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help="which; all by default")
    parser.add_argument(
        "--all", action="store_true", help="both precisions for one and for any size; else fp16 for any, fp32 for one"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.networks) - NETWORKS.keys()
    if unknown:
        parser.error(f"no network is called {', '.join(sorted(unknown))}: choose from {', '.join(NETWORKS)}")
    kinds = [*itertools.product((True, False), PRECISIONS)] if arguments.all else [(True, "fp16"), (False, "fp32")]
    try:
        with faked_gpu() as compiler, tempfile.TemporaryDirectory() as folder:
            results = [
                check(compiler, NETWORKS[name], is_any_size=is_any_size, precision=precision, folder=Path(folder))
                for name in arguments.networks or NETWORKS
                for is_any_size, precision in kinds
            ]
            if find_spec("onnxscript"):
                results += [parse(NETWORKS[name], folder=Path(folder)) for name in arguments.networks or NETWORKS]
            else:
                print("ONNX is not parsed: onnxscript is not installed")
    except BackendUnavailable as error:
        print(f"the check cannot run: {error}")
        return 2
    print(f"{sum(results)} of {len(results)} are whole: no operator is left to PyTorch")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
