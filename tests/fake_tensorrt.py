"""Torch-TensorRT and TensorRT as our code meets them, on a CPU: an engine is the exported graph, run where it points.

The addresses are real: a wrong one reads the wrong tensor. A captured CUDA graph computes nothing until it is replayed.
"""

import ctypes
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from engines.networks import NETWORKS, NetworkCard
from engines.networks.statistics import Modulation

GPU = "NVIDIA Fake (sm_89, CUDA 13000)"


class Tiny(nn.Module):
    """The smallest network that has all that networks have."""

    stride = 4
    style_size = 8

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 4, 3, padding=1)
        self.b = nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, rgb: Tensor, style: Tensor, scene: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        adain = Modulation(style, scene, memory, [4])
        return torch.sigmoid(self.b(adain(self.a(rgb)))), adain.scene()

    def encode(self, rgb: Tensor) -> Tensor:
        return torch.cat([rgb.mean((2, 3)), rgb.amax((2, 3)), rgb.amin((2, 3))[:, :2]], 1)


def install_tiny(monkeypatch: pytest.MonkeyPatch, folder: Path, *, seed: int = 0) -> Path:
    """List the network "tiny", and return its weights."""
    torch.manual_seed(seed)
    path = folder / f"tiny-{seed}.safetensors"
    save_file(Tiny().state_dict(), path)
    card = NetworkCard(
        name="tiny", about="", module="tests.fake_tensorrt", kind="Tiny", licence="", citation="", bundled=path
    )
    monkeypatch.setitem(NETWORKS, "tiny", card)
    return path


class Capture(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down what is done on tensors, and does not do it."""

    def __init__(self, calls: list[Callable[[], Any]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls = calls

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls.append(partial(func, *args, **(kwargs or {})))
        return args[0]


class FakeGraph:
    def __init__(self) -> None:
        self.calls: list[Callable[[], Any]] = []
        self.replays = 0

    def replay(self) -> None:
        self.replays += 1
        for call in self.calls:
            call()


class FakeTensorRT:
    """Both packages; what they were asked for, and what they are to do wrong.

    Attributes:
        builds: the settings of every engine that was built whole.
        compiled: of every graph that was compiled in part.
        unsupported: an operator that is not converted.
        error: what a build adds to every painted level.
        stops: raised while building.
        graphs: the CUDA graphs captured.
    """

    def __init__(self) -> None:
        self.builds: list[dict[str, Any]] = []
        self.compiled: list[dict[str, Any]] = []
        self.unsupported = ""
        self.error = 0.0
        self.stops: BaseException | None = None
        self.graphs: list[FakeGraph] = []
        self.capturing: FakeGraph | None = None
        self.engines: dict[bytes, tuple[nn.Module, float]] = {}

    def install(self, monkeypatch: pytest.MonkeyPatch, *, has_explicit_typing: bool = False) -> None:
        """Stand in for both packages and the GPU until the test ends."""
        build = self.build_typed if has_explicit_typing else self.build
        compiler: Any = ModuleType("torch_tensorrt")
        compiler.__version__ = "2.11.0" if has_explicit_typing else "2.14.0"
        compiler.Input = FakeInput
        compiler.dynamo = SimpleNamespace(
            convert_exported_program_to_serialized_trt_engine=build, compile=self.compile_partly
        )
        runtime: Any = ModuleType("tensorrt")
        runtime.__version__ = "11.0.0"
        runtime.Logger = type("Logger", (), {"ERROR": 0, "__init__": lambda self, level: None})
        runtime.Runtime = lambda logger: SimpleNamespace(deserialize_cuda_engine=self.load)
        for module in (compiler, runtime):
            module.__spec__ = ModuleSpec(module.__name__, None)  # torch looks for it
            monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr("engines.tensorrt_engine.accelerator", lambda: "cuda")
        monkeypatch.setattr("engines.tensorrt_engine.gpu", lambda: GPU)
        for module in ("engine", "program"):
            monkeypatch.setattr(f"engines.tensorrt_{module}.DEVICE", "cpu")
        monkeypatch.setattr(torch.cuda, "current_stream", lambda: SimpleNamespace(cuda_stream=0))
        monkeypatch.setattr(torch.cuda, "CUDAGraph", FakeGraph)
        monkeypatch.setattr(torch.cuda, "graph", self.capture)

    def build(self, exported_program: Any, inputs: Any = None, *, require_full_compilation: bool = False,
              min_block_size: int = 5, immutable_weights: bool = True, disable_tf32: bool = False,
              device: Any = None) -> bytes:  # fmt: skip
        if self.stops:
            raise self.stops
        if self.unsupported:
            cause = RuntimeError(f"Conversion of function torch._ops.aten.{self.unsupported} not currently supported!")
            raise RuntimeError("Conversion of module GraphModule() not currently fully supported") from cause
        name = f"engine {len(self.builds)}".encode()
        self.engines[name] = (exported_program.module(), self.error)
        self.builds.append({"whole": require_full_compilation, "tf32": not disable_tf32, "inputs": inputs})
        return name

    def build_typed(self, exported_program: Any, inputs: Any = None, *, enabled_precisions: Any = None,
                    use_explicit_typing: bool = False, **settings: Any) -> bytes:  # fmt: skip
        if enabled_precisions is not None and use_explicit_typing:
            raise AssertionError("use_explicit_typing was set to True, however enabled_precisions was also specified")
        built = self.build(exported_program, inputs, **settings)
        self.builds[-1]["explicit"] = use_explicit_typing
        return built

    def compile_partly(self, exported_program: Any, inputs: Any = None, *, require_full_compilation: bool = False,
                       **settings: Any) -> Any:  # fmt: skip
        if require_full_compilation:
            raise RuntimeError("not whole")
        self.compiled.append(settings)
        return exported_program.module()

    def load(self, data: bytes) -> "FakeEngine | None":
        return FakeEngine(self, *self.engines[data]) if data in self.engines else None

    @contextmanager
    def capture(self, graph: FakeGraph, stream: Any = None) -> Iterator[None]:
        self.graphs.append(graph)
        self.capturing = graph
        with Capture(graph.calls):
            yield
        self.capturing = None


class FakeInput:
    def __init__(self, shape: Any = None, *, min_shape: Any = None, opt_shape: Any = None, max_shape: Any = None,
                 dtype: Any = None) -> None:  # fmt: skip
        self.shape, self.sizes = shape, (min_shape, opt_shape, max_shape)


class FakeEngine:
    """An engine and its context in one."""

    names = ("frame", "style", "scene", "steadied", "controls", "output0", "output1", "output2")
    num_io_tensors = len(names)

    def __init__(self, tensorrt: FakeTensorRT, module: nn.Module, error: float) -> None:
        self.tensorrt, self.module, self.error = tensorrt, module, error
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}

    def get_tensor_name(self, index: int) -> str:
        return self.names[index]

    def create_execution_context(self) -> "FakeEngine":
        return self

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> None:
        self.shapes[name] = shape

    def set_tensor_address(self, name: str, address: int) -> None:
        self.addresses[name] = address

    def execute_async_v3(self, stream: int) -> bool:
        work = partial(self.compute, dict(self.shapes), dict(self.addresses))
        if self.tensorrt.capturing:
            self.tensorrt.capturing.calls.append(work)
        else:
            work()
        return True

    def compute(self, shapes: dict[str, tuple[int, ...]], addresses: dict[str, int]) -> None:
        outputs = self.module(*(at(addresses[name], shapes[name]) for name in self.names[:5]))
        for name, output in zip(self.names[5:], outputs, strict=True):
            at(addresses[name], output.shape).copy_(output)
        at(addresses["output0"], outputs[0].shape).add_(self.error).clamp_(0, 255)


def at(address: int, shape: tuple[int, ...]) -> Tensor:
    """Return the float32 tensor that lies at an address."""
    return torch.frombuffer((ctypes.c_float * math.prod(shape)).from_address(address), dtype=torch.float32).view(shape)
