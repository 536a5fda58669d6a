"""Frames on their way to a GPU, through it and back, on streams that work as late as they may."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engines import Engine, Stream, library, measure, open_engine
from engines.cuda_program import WARM_UP, CudaProgram
from engines.engine import Overlapping, Shape
from engines.inductor import compiled, inputs_for, outputs_for, plain
from engines.torch_engine import TorchBackend, load_graph
from engines.weights import network_id
from realtime.commands.contest import Contest, Opened
from tests.fake_cuda import FakeCuda

SIZE = (24, 32)
CONTROLS: Any = {"memory": 0.7, "gain": 0.8, "noise": 0.02, "colour": 0.2}
GRAPH = load_graph("pincel")
STYLE = library.find("starry_night", network=network_id("pincel")).vector
Pixels = NDArray[np.uint8]

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    return FakeCuda(monkeypatch)


class Backend:
    name, precision, reason, network, style_size = "torch", "fp32", "", "pincel", GRAPH.style_size

    def __init__(self, cuda: FakeCuda) -> None:
        self.cuda = cuda

    def compile(self, shape: Shape) -> CudaProgram:
        return CudaProgram(self.cuda.runner(plain(GRAPH)), shape=shape, style_size=GRAPH.style_size)


def on_gpu(cuda: FakeCuda) -> Engine:
    return Engine(Backend(cuda), read_style=lambda pixels: STYLE)


@pytest.fixture(scope="module")
def reference() -> Engine:
    return open_engine(backend="torch", precision="fp32")


def frame(seed: int, size: tuple[int, int] = SIZE, count: int = 1) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (count, *size, 3), np.uint8)


def are_alike(ours: Pixels, theirs: Pixels) -> bool:
    """Whether two paintings are the same but for the rounding of a pixel or two, which memory formats decide."""
    difference = np.abs(ours.astype(np.int16) - theirs)
    return bool(difference.max() <= 1 and np.count_nonzero(difference) <= 2)


def test_successive_frames_are_painted_as_plain_pytorch_paints_them(cuda: FakeCuda, reference: Engine) -> None:
    def reused() -> Iterator[Pixels]:
        buffer = np.empty((1, *SIZE, 3), np.uint8)
        for index in range(7):
            buffer[:] = frame(index)
            yield buffer

    stream = Stream()
    expected = [reference.paint(frame(index), STYLE, stream=stream, **CONTROLS) for index in range(7)]
    painted = list(on_gpu(cuda).paint_all(reused(), STYLE, **CONTROLS))
    assert len(painted) == 7
    assert all(are_alike(ours, theirs) for ours, theirs in zip(painted, expected, strict=True))
    assert sorted(graph.replays for graph in cuda.graphs) == [(7 - WARM_UP) // 2, (7 - WARM_UP + 1) // 2]


def test_engines_without_a_gpu_paint_successive_frames_too(reference: Engine) -> None:
    streams = Stream(), Stream()
    frames = [frame(0), frame(1), frame(2, (16, 24)), frame(3, (16, 24))]
    expected = [reference.paint(each, STYLE, stream=streams[0], **CONTROLS) for each in frames]
    painted = list(reference.paint_all(frames, STYLE, stream=streams[1], **CONTROLS))
    assert all((ours == theirs).all() for ours, theirs in zip(painted, expected, strict=True))


def test_streams_and_sizes_do_not_mix(cuda: FakeCuda, reference: Engine) -> None:
    ours = on_gpu(cuda)
    streams = [(Stream(), Stream()) for _ in range(2)]
    for index in range(6):
        for number, (a, b) in enumerate(streams):
            given = frame(10 * index + number, (24, 32) if index < 4 else (16, 24), count=number + 1)
            if index == 2 and number == 0:
                a.reset()
                b.reset()
            painted = ours.paint(given, STYLE, stream=a, **CONTROLS)
            expected = reference.paint(given, STYLE, stream=b, **CONTROLS)
            assert np.abs(painted - expected.astype(int)).max() <= 1  # sums in another order


def test_a_frame_waits_for_no_other(cuda: FakeCuda) -> None:
    program = on_gpu(cuda).prepare(SIZE)
    assert isinstance(program, Overlapping)
    state, style, controls = program.blank(), STYLE[None], np.zeros((1, 4), np.float32)
    alone = [program.run(frame(index), style, controls, state) for index in range(3)]
    cuda.painted = 0
    tickets = [program.submit(frame(index), style, controls, state) for index in range(2)]
    assert cuda.painted == 0
    assert (tickets[0].fetch() == alone[0]).all()
    assert cuda.painted == 1
    tickets += [program.submit(frame(2), style, controls, state), program.submit(frame(0), style, controls, state)]
    late = [ticket.fetch() for ticket in tickets]
    assert all((a == b).all() for a, b in zip(late, [*alone, alone[0]], strict=True))
    assert len({each.ctypes.data for each in late}) == 4


def test_painting_on_the_device_moves_the_state_as_painting_does(cuda: FakeCuda, reference: Engine) -> None:
    program, state, plain_state = on_gpu(cuda).prepare(SIZE), None, None
    given = frame(0), STYLE[None], np.array([[0.7, 0.8, 0.02, 0.2]], np.float32)
    state, other = program.blank(), reference.prepare(SIZE)
    plain_state = other.blank()
    assert isinstance(program, CudaProgram)
    assert program.repeat(*given, state, 5) > 0
    for _ in range(cuda.painted):
        other.run(*given, plain_state)
    assert cuda.painted == 4 + 5
    assert are_alike(program.run(*given, state), other.run(*given, plain_state))


def test_the_benchmark_times_overlapping_engines(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "ceilings", lambda device, precision: measure.Ceilings(1e9, 1e9))
    contest = Contest("pincel", [Opened("torch fp32", on_gpu(cuda), STYLE)], 0.01)
    rows = contest.measure(SIZE, 1, ("tensors", "stream"))
    assert [row.stage for row in rows if row.fps and row.bound_ms] == ["tensors", "stream"]


def broken(step: Callable[..., None], **settings: object) -> Callable[..., None]:
    raise RuntimeError("Cannot find a working\ntriton installation")


def wrong(step: Callable[..., None], **settings: object) -> Callable[..., None]:
    def other(*tensors: torch.Tensor) -> None:
        step(*tensors)
        tensors[5][:, :, :, 0] = 0

    return other


@pytest.mark.parametrize(
    ("compiler", "words"),
    [(broken, "torch.compile cannot (Cannot find a working triton installation)"), (wrong, "grey levels off"),
     (lambda step, **settings: step, "compiled: 0.00 grey levels")],
)  # fmt: skip
def test_what_cannot_be_compiled_is_painted_plainly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, compiler: object, words: str
) -> None:
    caplog.set_level(logging.INFO, "engines")
    monkeypatch.setattr(torch, "compile", compiler)
    shape = (2, *SIZE)
    runner = compiled(GRAPH, shape)
    assert words in caplog.text
    with torch.inference_mode():
        inputs = inputs_for(GRAPH, shape)
        expected, painted = outputs_for(inputs), outputs_for(inputs)
        plain(GRAPH)(*inputs, *expected)
        runner(inputs, painted)
    assert all((ours == theirs).all() for ours, theirs in zip(painted, expected, strict=True))


@pytest.mark.gpu
@pytest.mark.parametrize(("precision", "limits"), [("fp32", (0.05, 1)), ("fp16", (0.7, 6))])
@pytest.mark.parametrize("count", [1, 4])
def test_a_gpu_paints_as_the_cpu_does(gpu: str, precision: str, limits: tuple[float, int], count: int) -> None:
    ours, theirs = open_engine(backend="torch", precision=precision), open_engine(backend="torch", precision="fp32")
    theirs.backend = TorchBackend(network="pincel", precision="fp32", device="cpu")
    style, frames = ours.read_style(frame(9, (64, 64))[0]), [frame(index, (75, 101), count) for index in range(7)]
    streams = Stream(), Stream(), Stream()
    expected = [theirs.paint(each, style, stream=streams[0], **CONTROLS) for each in frames]
    painted = [ours.paint(each, style, stream=streams[1], **CONTROLS) for each in frames]
    overlapped = list(ours.paint_all(frames, style, stream=streams[2], **CONTROLS))
    for index in range(len(frames)):
        difference = np.abs(painted[index].astype(int) - expected[index])
        assert difference.mean() <= limits[0]
        assert difference.max() <= limits[1]
        assert (overlapped[index] == painted[index]).all()
