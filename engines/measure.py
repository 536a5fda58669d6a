"""What painting costs at least, and what this machine could give: the roofline (Williams et al. 2009).

Figures of speed mean little without what the machine could do. Here the graph is counted, and the machine is measured.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from engines.engine import Shape
from engines.torch_engine import load_graph, synchronise

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
CEILING_SECONDS = 0.4
LEAST_TIMINGS = 5
# Large enough to fill the device, small enough to be done in a tenth of a second.
MATMUL_SIDE = {"cpu": 1536, "mps": 4096, "cuda": 8192}
COPIED_BYTES = {"cpu": 2**28, "mps": 2**29, "cuda": 2**31}


class Operation(NamedTuple):
    """What an operation costs at least: floating-point operations, and bytes to and from memory."""

    flops: float
    bytes: float


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What a device reaches in one precision: matrix products in FLOP/s, copies in bytes/s, read and written."""

    flops: float
    bandwidth: float

    def bound(self, operations: Sequence[Operation]) -> float:
        """Return the fewest seconds: each operation takes the longer of computing and moving."""
        return sum(max(each.flops / self.flops, each.bytes / self.bandwidth) for each in operations)


class Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts convolutions and matrix products as they pass by."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func._overloadpacket in flop_registry:
            moved = [each for each in (*args, result) if isinstance(each, Tensor)]
            flops = flop_registry[func._overloadpacket](*args, **kwargs, out_val=result)
            self.operations.append(Operation(float(flops), float(sum(each.nbytes for each in moved))))
        return result


def count_work(network: str, shape: Shape, precision: str, *, weights: Path | None = None) -> list[Operation]:
    """Count what painting one batch costs at least; nothing is computed.

    Convolutions and matrix products read inputs and weights and write their result once; everything between them is
    taken to be fused into them, statistics too. Around the network, frames come and go as bytes and the steadied
    frame as float32.

    Raises:
        WeightsError: the weights cannot be used.
    """
    graph = load_graph(network, weights).to("meta", DTYPES[precision])
    count, height, width = shape
    vector = torch.empty(count, graph.style_size, device="meta")
    frame = torch.empty(*shape, 3, dtype=torch.uint8, device="meta")
    steadied = torch.empty(count, 3, height, width, device="meta")
    with torch.no_grad(), Counter() as counter:  # inference mode hides the convolutions behind conv2d
        graph(frame, vector, vector, steadied, torch.empty(count, 4, device="meta"))
    return [*counter.operations, Operation(0.0, 2.0 * (frame.nbytes + steadied.nbytes))]


def ceilings(device: str, precision: str) -> Ceilings:
    """Measure what a device reaches, at best: a matrix product and a copy."""
    side, dtype = MATMUL_SIDE[device], DTYPES[precision]
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    product = torch.empty_like(a)
    flops = 2 * side**3 / fastest(lambda: torch.mm(a, b, out=product), device)
    source = torch.ones(COPIED_BYTES[device], dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return Ceilings(flops, 2 * source.nbytes / fastest(lambda: target.copy_(source), device))


def fastest(work: Callable[[], object], device: str) -> float:
    """Return the fewest seconds that something took."""
    times: list[float] = []
    while len(times) < LEAST_TIMINGS or sum(times) < CEILING_SECONDS:
        synchronise(device)
        started = time.perf_counter()
        work()
        synchronise(device)
        times.append(time.perf_counter() - started)
    return min(times)


class GpuMeter:
    """Memory and energy of the current CUDA device; what cannot be had is nan."""

    def __init__(self) -> None:
        self.handle: Any = None
        self.nvml: Any = None
        try:
            import pynvml

            pynvml.nvmlInit()
            uuid = str(torch.cuda.get_device_properties(torch.cuda.current_device()).uuid)
            self.handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid.removeprefix('GPU-')}")
            self.nvml = pynvml
        except ImportError:
            return
        except pynvml.NVMLError:
            return

    def joules(self) -> float:
        """Return the energy used since the driver was loaded."""
        if self.nvml is None:
            return math.nan
        try:
            return float(self.nvml.nvmlDeviceGetTotalEnergyConsumption(self.handle)) / 1e3
        except self.nvml.NVMLError:
            return math.nan

    def restart(self) -> None:
        """Forget the peak of PyTorch's memory."""
        torch.cuda.reset_peak_memory_stats()

    def memory(self) -> tuple[int, int]:
        """Return bytes: the peak of what PyTorch held, and what is in use on the device by everyone."""
        free, total = torch.cuda.mem_get_info()
        return torch.cuda.max_memory_allocated(), total - free
