"""Streams, events and CUDA graphs on a CPU, as lazy as they may be: work is done when something waits for it.

A wait that is missing in our code reads what has not been written yet.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

Work = Callable[[], object]


class FakeCuda:
    """Stands in for `torch.cuda`.

    Attributes:
        graphs: those that were captured.
        painted: how many frames were computed so far.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.graphs: list[FakeGraph] = []
        self.painted = 0
        self.current: FakeStream | None = None
        self.capturing: FakeGraph | None = None
        monkeypatch.setattr("engines.cuda_program.DEVICE", "cpu")
        for name, fake in {
            "Stream": FakeStream,
            "Event": lambda: FakeEvent(self),
            "CUDAGraph": lambda: FakeGraph(self),
            "stream": self.on,
            "graph": self.capture,
        }.items():
            monkeypatch.setattr(torch.cuda, name, fake)

    def defer(self, work: Work) -> None:
        """Put work where it belongs: into the graph that is being captured, or on the current stream."""
        if self.capturing:
            self.capturing.calls.append(work)
        elif self.current is not None:
            self.current.queue.append(work)
        else:
            work()

    @contextmanager
    def on(self, stream: "FakeStream") -> Iterator[None]:
        before, self.current = self.current, stream
        with DeferCopies(self):
            yield
        self.current = before

    @contextmanager
    def capture(self, graph: "FakeGraph", **settings: Any) -> Iterator[None]:
        self.graphs.append(graph)
        self.capturing = graph
        yield
        self.capturing = None

    def runner(self, step: Callable[..., None]) -> "FakeRunner":
        return FakeRunner(self, step)


class FakeStream:
    def __init__(self) -> None:
        self.queue: list[Work] = []
        self.done = 0

    def run_until(self, position: int) -> None:
        while self.done < position:
            self.done += 1
            self.queue[self.done - 1]()


class FakeEvent:
    def __init__(self, cuda: FakeCuda) -> None:
        self.cuda = cuda
        self.stream: FakeStream | None = None
        self.position = 0

    def record(self) -> None:
        assert self.cuda.current is not None
        self.stream, self.position = self.cuda.current, len(self.cuda.current.queue)

    def wait(self) -> None:
        if self.stream:
            self.cuda.defer(partial(self.stream.run_until, self.position))

    def synchronize(self) -> None:
        if self.stream:
            self.stream.run_until(self.position)


class FakeGraph:
    def __init__(self, cuda: FakeCuda) -> None:
        self.cuda = cuda
        self.calls: list[Work] = []
        self.replays = 0

    def replay(self) -> None:
        self.replays += 1
        for call in self.calls:
            self.cuda.defer(call)


class FakeRunner:
    can_be_captured = True

    def __init__(self, cuda: FakeCuda, step: Callable[..., None]) -> None:
        self.cuda, self.step = cuda, step

    def __call__(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        self.cuda.defer(lambda: self.work(inputs, outputs))

    @torch.inference_mode()
    def work(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        self.cuda.painted += 1
        self.step(*inputs, *outputs)


class DeferCopies(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, cuda: FakeCuda) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.cuda = cuda

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is not torch.ops.aten.copy_.default:
            return func(*args, **(kwargs or {}))
        self.cuda.defer(lambda: args[0].numpy().__setitem__(..., args[1].numpy()))
        return args[0]
