"""The TensorRT engine on a machine without a GPU: what it asks of TensorRT, keeps, refuses and computes."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import engines
from engines import BackendUnavailable, BuildError, Engine, Stream, open_engine, store
from engines.engine import Resident
from engines.tensorrt_build import load_compiler
from engines.tensorrt_engine import TensorRTBackend
from tests.fake_tensorrt import FakeTensorRT, install_tiny

SIZE = (40, 56)
CONTROLS = {"memory": 0.7, "gain": 0.8, "noise": 0.02, "colour": 0.2}
STYLE = np.linspace(-0.5, 0.5, 8, dtype=np.float32)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINCEL_HOME", str(tmp_path))
    install_tiny(monkeypatch, tmp_path)


@pytest.fixture
def tensorrt(monkeypatch: pytest.MonkeyPatch) -> FakeTensorRT:
    fake = FakeTensorRT()
    fake.install(monkeypatch)
    return fake


def open_tensorrt(precision: str = "fp32") -> Engine:
    return open_engine("tiny", backend="tensorrt", precision=precision)


def frame(seed: int, size: tuple[int, int] = SIZE, count: int = 1) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, *size, 3), np.uint8)


def test_streams_are_painted_as_plain_pytorch_paints_them_before_and_after_capture(tensorrt: FakeTensorRT) -> None:
    ours, reference = open_tensorrt(), open_engine("tiny", backend="torch", precision="fp32")
    streams = [(Stream(), Stream()) for _ in range(2)]
    for i in range(7):
        for number, (a, b) in enumerate(streams):
            source = frame(10 * i + number)
            painted = ours.paint(source, STYLE, stream=a, **CONTROLS)
            assert np.abs(painted - reference.paint(source, STYLE, stream=b, **CONTROLS).astype(int)).max() <= 1
            if i == 4 and number == 0:
                a.reset()
                b.reset()
    replays = sorted(graph.replays for graph in tensorrt.graphs)
    assert replays == [1, 2, 2, 3, 3]  # one while checking the engine; two a stream: from the third frame on


def test_a_stream_outlives_the_program_it_began_with(tensorrt: FakeTensorRT) -> None:
    ours, reference = open_tensorrt(), open_engine("tiny", backend="torch", precision="fp32")
    a, b = Stream(), Stream()
    for i in range(10):
        if i == 5:
            ours.programs.clear()
        painted, expected = (engine.paint(frame(i), STYLE, stream=stream, **CONTROLS).astype(int)
                             for engine, stream in ((ours, a), (reference, b)))  # fmt: skip
        assert np.abs(painted - expected).max() <= 1
    assert len(tensorrt.builds) == 1


def test_a_program_repeats_on_the_device(tensorrt: FakeTensorRT) -> None:
    program = open_tensorrt().prepare(SIZE)
    assert isinstance(program, Resident)
    controls = np.array([[0.7, 0.8, 0.02, 0.2]], np.float32)
    once, again = program.blank(), program.blank()
    assert program.repeat(frame(0), STYLE[None], controls, again, 4) > 0
    painted = [program.run(frame(0), STYLE[None], controls, once) for _ in range(5)][-1]
    assert (program.run(frame(0), STYLE[None], controls, again) == painted).all()


def test_batches_in_half_precision_are_painted(tensorrt: FakeTensorRT) -> None:
    ours, reference = open_tensorrt("auto"), open_engine("tiny", backend="torch", precision="fp32")
    assert ours.name == "tensorrt fp16"
    difference = ours.paint(frame(1, count=3), STYLE) - reference.paint(frame(1, count=3), STYLE).astype(int)
    assert np.abs(difference).mean() <= 0.7
    assert tensorrt.builds[0]["whole"]


def test_an_engine_is_built_once_and_kept(tensorrt: FakeTensorRT, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "engines")
    painted = open_tensorrt().paint(frame(0), STYLE)
    assert "building a TensorRT engine for 56x40: 10 to 60 s" in caplog.text
    assert (open_tensorrt().paint(frame(0), STYLE) == painted).all()
    assert len(tensorrt.builds) == 1
    assert "tensorrt engine loaded in" in caplog.text
    open_tensorrt().prepare((24, 32))
    assert "s, as before" in caplog.text
    assert "because: new size 32x24" in caplog.text


def test_every_part_of_the_key_makes_another_engine(
    tensorrt: FakeTensorRT, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def key(shape: tuple[int, int, int] = (1, *SIZE), precision: str = "fp32") -> str:
        return TensorRTBackend(network="tiny", precision=precision).key(shape).digest()

    assert key() == key()
    keys = {key(), key((2, *SIZE)), key((1, 56, 40)), key(precision="fp16")}
    monkeypatch.setattr("engines.tensorrt_engine.gpu", lambda: "another GPU")
    keys.add(key())
    for module in ("torch_tensorrt", "tensorrt"):
        monkeypatch.setattr(sys.modules[module], "__version__", "99")
        keys.add(key())
    install_tiny(monkeypatch, tmp_path, seed=1)
    keys.add(key())
    monkeypatch.setattr(store, "code_id", lambda *names: "changed")
    keys.add(key())
    assert len(keys) == 9


def test_a_damaged_engine_is_built_again(tensorrt: FakeTensorRT, caplog: pytest.LogCaptureFixture) -> None:
    open_tensorrt().prepare(SIZE)
    (store.stored()[0].folder / "engine.trt").write_bytes(b"engine 0 and more")
    open_tensorrt().paint(frame(0), STYLE)
    assert len(tensorrt.builds) == 2
    assert "is damaged: building it again" in caplog.text


def test_an_engine_that_tensorrt_refuses_is_built_again(
    tensorrt: FakeTensorRT, caplog: pytest.LogCaptureFixture
) -> None:
    open_tensorrt().prepare(SIZE)
    tensorrt.engines.clear()  # whole on disk, and yet not to be loaded
    open_tensorrt().paint(frame(0), STYLE)
    assert len(tensorrt.builds) == 2
    assert "does not load its own engine" in caplog.text


def test_an_interrupted_build_leaves_nothing(tensorrt: FakeTensorRT) -> None:
    tensorrt.stops = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        open_tensorrt().prepare(SIZE)
    assert list(store.engines_folder().iterdir()) == []


def test_an_engine_that_disagrees_with_pytorch_is_thrown_away(tensorrt: FakeTensorRT) -> None:
    tensorrt.error = 3.0
    with pytest.raises(BuildError, match=r"fp16 disagrees with PyTorch at 56x40: [23]\.\d\d grey.* --engine torch"):
        open_tensorrt("fp16").prepare(SIZE)
    assert list(store.engines_folder().iterdir()) == []
    assert tensorrt.compiled == []


def test_what_tensorrt_does_not_convert_is_named_and_left_to_pytorch(
    tensorrt: FakeTensorRT, caplog: pytest.LogCaptureFixture
) -> None:
    tensorrt.unsupported = "aten::frobnicate"
    engine, reference = open_tensorrt(), open_engine("tiny", backend="torch", precision="fp32")
    a, b = Stream(), Stream()
    for i in range(4):
        painted = engine.paint(frame(i), STYLE, stream=a, **CONTROLS)
        assert np.abs(painted - reference.paint(frame(i), STYLE, stream=b, **CONTROLS).astype(int)).max() <= 1
    assert "aten::frobnicate" in caplog.text
    assert "PyTorch computes what TensorRT does not" in caplog.text
    assert len(tensorrt.compiled) == 1
    assert tensorrt.graphs == []
    assert store.stored() == []


@pytest.mark.parametrize("has_explicit_typing", [True, False], ids=["2.11", "2.14"])
def test_each_release_is_asked_for_the_types_of_the_graph(
    monkeypatch: pytest.MonkeyPatch, has_explicit_typing: bool
) -> None:
    fake = FakeTensorRT()
    fake.install(monkeypatch, has_explicit_typing=has_explicit_typing)
    open_tensorrt().prepare(SIZE)
    assert fake.builds[0].get("explicit", False) is has_explicit_typing
    assert not fake.builds[0]["tf32"]


def test_an_engine_for_any_size_is_taken_where_it_fits(tensorrt: FakeTensorRT, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.tensorrt_engine.ANY_SIZE", ((32, 32), (40, 48), (96, 96)))
    engine, reference = open_tensorrt(), open_engine("tiny", backend="torch", precision="fp32")
    assert isinstance(engine.backend, TensorRTBackend)
    engine.backend.build_any_size()
    assert tensorrt.builds[0]["inputs"][0].sizes == ((1, 32, 32, 3), (1, 40, 48, 3), (1, 96, 96, 3))
    for size in ((64, 56), (32, 96)):
        painted = engine.paint(frame(2, size), STYLE)
        assert np.abs(painted - reference.paint(frame(2, size), STYLE).astype(int)).max() <= 1
    assert len(tensorrt.builds) == 1
    engine.prepare((62, 56))  # no multiple of the stride
    engine.prepare((100, 96))  # too large
    assert len(tensorrt.builds) == 3


def raiser(error: Exception) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ModuleNotFoundError("No module named 'torch_tensorrt'", name="torch_tensorrt"), "is not installed: "),
        (ModuleNotFoundError("No module named 'psutil'", name="psutil"), "cannot be loaded .*psutil"),
        (Exception("import error when try to import _TensorRTProxyModule,\ngot"), "cannot be loaded .*ProxyModule"),
        (AssertionError("Torch not compiled with CUDA enabled"), "cannot be loaded .*not compiled with CUDA"),
        (OSError("libcudart.so.13: cannot open shared object file"), "cannot be loaded .*libcudart"),
        (AssertionError(), "cannot be loaded .*AssertionError"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else "",
)
def test_whatever_the_import_raises_is_one_line_with_the_command_that_helps(
    monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    class Finder:
        find_spec = staticmethod(lambda name, *_: raiser(error)() if name == "torch_tensorrt" else None)

    monkeypatch.delitem(sys.modules, "torch_tensorrt", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(BackendUnavailable, match=says + r".*pip install 'torch-tensorrt==2\.\d+\.\*', or use --engine"):
        load_compiler()
    monkeypatch.setattr("engines.machine.accelerator", lambda: "cuda")
    assert engines.pick_backend()[0] == "torch"


def test_auto_is_tensorrt_where_it_can_be(tensorrt: FakeTensorRT, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.machine.accelerator", lambda: "cuda")
    assert open_engine("tiny").backend.name == "tensorrt"
    monkeypatch.setattr("engines.machine.accelerator", lambda: "mps")
    assert engines.pick_backend() == ("torch", "it runs on mps")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_tensorrt_is_refused_by_name() -> None:
    with pytest.raises(BackendUnavailable, match=r"needs an NVIDIA GPU.*--engine openvino"):
        open_engine(backend="tensorrt")


def test_bfloat16_is_refused(tensorrt: FakeTensorRT) -> None:
    with pytest.raises(BackendUnavailable, match=r"bf16: use --precision auto"):
        open_tensorrt("bf16")
