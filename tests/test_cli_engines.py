from pathlib import Path

import numpy as np
import pytest
import torch

from engines import BackendUnavailable, store
from engines.check import check_inputs
from engines.onnx_export import export_onnx
from engines.torch_engine import load_graph
from realtime.commands.engines import age
from tests.commands import pincel
from tests.fake_tensorrt import FakeTensorRT, install_tiny


@pytest.fixture(autouse=True)
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINCEL_HOME", str(tmp_path / "home"))
    install_tiny(monkeypatch, tmp_path)


@pytest.fixture
def tensorrt(monkeypatch: pytest.MonkeyPatch) -> FakeTensorRT:
    fake = FakeTensorRT()
    fake.install(monkeypatch)
    return fake


def test_engines_are_built_listed_and_cleared(tensorrt: FakeTensorRT) -> None:
    choice = ("--network", "tiny", "--engine", "tensorrt", "--precision", "fp32")
    built = pincel("engines", "build", *choice, "--size", "64x40,40x32", "--batch", "2")
    assert built.code == 0
    assert "64x40: ready after" in built.err
    listed = pincel("engines", "list").out
    for text in ("tiny", "tensorrt fp32", "72x48", "48x40", "NVIDIA Fake"):
        assert text in listed
    assert pincel("engines", "clear").err.startswith("2 engines thrown away, 0.0 MB")
    assert store.stored() == []
    assert "tiny" not in pincel("engines", "list").out


def test_any_size_is_for_tensorrt(tensorrt: FakeTensorRT) -> None:
    wrong = pincel("engines", "build", "--network", "tiny", "--engine", "torch", "--any-size")
    assert wrong.code == 2
    assert "--any-size is for --engine tensorrt: torch takes any size as it is" in wrong.err


def test_a_size_that_is_none_is_refused() -> None:
    wrong = pincel("engines", "build", "--size", "huge")
    assert wrong.code == 2
    assert "huge" in wrong.line


def test_clearing_an_empty_store_is_no_error() -> None:
    assert pincel("engines", "clear").err.startswith("0 engines")


def test_ages_are_told_in_one_unit() -> None:
    assert [age(seconds) for seconds in (-1, 40, 300, 7200, 10 * 86400)] == ["0 s", "40 s", "5 min", "2 h", "10 days"]


def test_an_export_does_not_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(b"mine")
    wrong = pincel("engines", "export", "--onnx", path, "--network", "tiny")
    assert (wrong.code, wrong.line) == (2, f"{path} exists: --force overwrites it")
    assert path.read_bytes() == b"mine"


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'onnxscript'")

    monkeypatch.setattr(torch.onnx, "export", lacks)
    with pytest.raises(BackendUnavailable, match=r"onnxscript.*pip install onnx onnxscript"):
        export_onnx(tmp_path / "x.onnx", network="tiny")


@pytest.mark.timeout(180)
def test_onnx_runtime_paints_as_pytorch_does(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="ONNX export needs onnxscript")
    runtime = pytest.importorskip("onnxruntime", reason="nothing runs ONNX here")
    path = tmp_path / "tiny.onnx"
    assert pincel("engines", "export", "--onnx", path, "--network", "tiny").code == 0
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_inputs()] == ["frame", "style", "scene", "steadied", "controls"]
    graph = load_graph("tiny")
    for size in ((64, 96), (120, 68)):
        with torch.inference_mode():
            inputs = check_inputs(graph, size)
            expected = graph(*inputs)
        names = [each.name for each in session.get_inputs()]
        painted, scene, steadied = session.run(
            ["painted", "next_scene", "next_steadied"], {n: each.numpy() for n, each in zip(names, inputs, strict=True)}
        )
        assert np.abs(painted.astype(int) - expected.frame.numpy()).max() <= 1
        assert np.allclose(scene, expected.scene, atol=1e-3)
        assert np.allclose(steadied, expected.steadied, atol=1e-5)
