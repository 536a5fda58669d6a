"""The contract of every backend, held against plain PyTorch."""

import importlib
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn

from engines import BackendUnavailable, Engine, Stream, encode_style, open_engine
from engines.check import check_inputs
from engines.networks import NETWORKS
from engines.networks.pincel import Pincel
from engines.openvino_engine import compile_for, convert, narrow
from engines.pixels import PixelGraph
from engines.torch_engine import load_graph
from engines.weights import load_network, network_card
from realtime.pattern import Pattern

# Grey levels from plain PyTorch: mean, largest. Measured in bfloat16: 0.08 to 0.36 with the bundled weights, 0.2 to 0.5
# with random ones.
LIMITS = {"fp32": (0.05, 1), "bf16": (0.7, 12), "fp16": (0.7, 6)}
SIZES = [(48, 64), (75, 101), (33, 17)]
Pixels = NDArray[np.uint8]


def has_bf16() -> bool:
    from engines.openvino_engine import core

    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


# A GPU test skips without a GPU; where one has to be, it fails.
NEEDS_GPU = pytest.mark.skipif(
    not torch.cuda.is_available() and os.environ.get("PINCEL_REQUIRE_GPU") != "1",
    reason="there is no NVIDIA GPU here (PINCEL_REQUIRE_GPU=1 fails instead)",
)
NEEDS_TENSORRT = pytest.mark.skipif(
    torch.cuda.is_available() and find_spec("torch_tensorrt") is None, reason="Torch-TensorRT is not installed"
)

BACKENDS = [
    pytest.param(("torch", "fp32"), id="torch-fp32"),
    pytest.param(("openvino", "fp32"), id="openvino-fp32"),
    pytest.param(
        ("openvino", "bf16"),
        id="openvino-bf16",
        marks=pytest.mark.skipif(not has_bf16(), reason="this CPU has no bfloat16"),
    ),
    pytest.param(("torch", "fp16"), id="torch-cuda", marks=[pytest.mark.gpu, NEEDS_GPU]),
    pytest.param(("tensorrt", "fp32"), id="tensorrt-fp32", marks=[pytest.mark.gpu, NEEDS_GPU, NEEDS_TENSORRT]),
    pytest.param(("tensorrt", "fp16"), id="tensorrt-fp16", marks=[pytest.mark.gpu, NEEDS_GPU, NEEDS_TENSORRT]),
]


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network as PyTorch initialises it, at half the contrast: else neighbouring pixels differ four times as much as
    in a painting, and bfloat16 is 0.55 to 0.95 grey levels off."""
    torch.manual_seed(3)
    network = Pincel().requires_grad_(False)
    network.out.weight /= 2
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_file(network.state_dict(), path)
    return path


def random_network(name: str) -> nn.Module:
    """Return a network with random weights that keeps a contrast: PyTorch's own lose it from layer to layer."""
    card = network_card(name)
    network: nn.Module = getattr(importlib.import_module(card.module), card.kind)().requires_grad_(False).eval()
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    for convolution in convolutions:
        nn.init.kaiming_normal_(convolution.weight)
    convolutions[-1].weight /= 20
    return network


@pytest.fixture(scope="module", params=["bundled", "random"])
def weights(request: pytest.FixtureRequest, random_weights: Path) -> Path | None:
    return None if request.param == "bundled" else random_weights


@pytest.fixture(scope="module", params=BACKENDS)
def engine(request: pytest.FixtureRequest, weights: Path | None) -> Engine:
    backend, precision = request.param
    if backend == "tensorrt" and weights:
        pytest.skip("a TensorRT engine for each of 11 shapes takes minutes: the bundled weights do")
    return open_engine(backend=backend, precision=precision, weights=weights)


@pytest.fixture(scope="module")
def graph(weights: Path | None) -> PixelGraph:
    return load_graph("pincel", weights)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Keep PyTorch, on frames this small, from waiting longer for its threads than for their work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def frames(count: int, size: tuple[int, int], *, first: int = 0) -> Pixels:
    pattern = Pattern((max(size[0], 16), max(size[1], 16)))
    rng = np.random.default_rng(first)
    noisy = [pattern.paint(7 * i + first)[: size[0], : size[1]] + rng.normal(0, 2, (*size, 3)) for i in range(count)]
    return np.ascontiguousarray(np.stack(noisy).clip(0, 255).round().astype(np.uint8))


def styles(count: int, weights: Path | None) -> NDArray[np.float32]:
    pattern = Pattern((64, 64))
    turned = [np.ascontiguousarray(np.roll(pattern.paint(9 * i), i, axis=2)) for i in range(count)]
    return np.stack([encode_style(picture, name="x", weights=weights).vector for picture in turned])


def reference(graph: PixelGraph, stream: list[Pixels], style: NDArray[np.float32], **controls: float) -> list[Pixels]:
    """Paint a stream with the graph itself."""
    count, height, width, _ = stream[0].shape
    scene = torch.zeros(count, graph.style_size)
    steadied = torch.zeros(count, 3, height, width)
    painted = []
    for index, batch in enumerate(stream):
        memory, gain = (0.0, 0.0) if index == 0 else (controls["memory"], controls["gain"])
        row = torch.tensor([[memory, gain, controls["noise"], controls["colour"]]]).repeat(count, 1)
        with torch.inference_mode():
            frame, scene, steadied = graph(torch.from_numpy(batch), torch.from_numpy(style), scene, steadied, row)
        painted.append(frame.numpy())
    return painted


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("count", "memory"), [(1, 0.0), (1, 0.9), (4, 0.0), (4, 0.9)])
def test_a_stream_is_painted_as_plain_pytorch_paints_it(
    engine: Engine, graph: PixelGraph, weights: Path | None, size: tuple[int, int], count: int, memory: float
) -> None:
    style = styles(count, weights)
    controls = {"memory": memory, "gain": 0.8, "noise": 0.01, "colour": 0.0 if count == 1 else 0.7}
    source = [frames(count, size, first=i) for i in range(2)]
    stream = Stream()
    painted = [engine.paint(batch, style, stream=stream, **controls) for batch in source]
    wanted = reference(graph, source, style, **controls)
    mean, largest = LIMITS[engine.backend.precision]
    if engine.backend.precision == "bf16" and memory and size != max(SIZES):
        # What is remembered of so few places errs, and a frame's own do not cancel it: PyTorch's bfloat16 does, too.
        with torch.autocast("cpu", torch.bfloat16):
            narrow = reference(graph, source, style, **controls)
        off = [np.abs(theirs.astype(int) - exact) for theirs, exact in zip(narrow, wanted, strict=True)]
        mean, largest = (
            max(mean, 2 * max(each.mean() for each in off)),
            max(largest, 2 * max(each.max() for each in off)),
        )
    for ours, theirs in zip(painted, wanted, strict=True):
        assert ours.shape == theirs.shape
        assert ours.dtype == np.uint8
        difference = np.abs(ours.astype(int) - theirs)
        assert difference.mean() <= mean
        assert difference.max() <= largest


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (64, 64)], ids=str)
@pytest.mark.parametrize("level", [0, 97, 255])
def test_a_flat_frame_stays_as_it_is(engine: Engine, weights: Path | None, size: tuple[int, int], level: int) -> None:
    flat = np.full((1, *size, 3), level, np.uint8)
    difference = np.abs(engine.paint(flat, styles(1, weights)).astype(int) - flat)
    assert difference.max() <= (2 if engine.backend.precision == "bf16" else 0)


def test_frames_are_not_written_to_and_results_are_the_callers_own(engine: Engine, weights: Path | None) -> None:
    batch = frames(1, (40, 56))
    batch.flags.writeable = False
    before = batch.copy()
    first = engine.paint(batch, styles(1, weights)[0])
    kept = first.copy()
    engine.paint(np.ascontiguousarray(255 - batch), styles(1, weights)[0])
    assert (batch == before).all()
    assert (first == kept).all()


def test_a_reset_stream_paints_as_a_new_one(engine: Engine, weights: Path | None) -> None:
    style, controls = styles(1, weights), {"memory": 0.9, "gain": 0.8, "noise": 0.05}
    stream = Stream()
    engine.paint(frames(1, (40, 56)), style, stream=stream, **controls)
    later = frames(1, (40, 56), first=40)
    remembered = engine.paint(later, style, stream=stream, **controls)
    stream.reset()
    fresh = engine.paint(later, style, stream=stream, **controls)
    assert (fresh == engine.paint(later, style)).all()
    assert (fresh != remembered).any()


def test_streams_do_not_mix(engine: Engine, weights: Path | None) -> None:
    style, controls = styles(1, weights), {"memory": 0.9, "gain": 0.8, "noise": 0.05}
    alone, beside, other = Stream(), Stream(), Stream()
    expected = [engine.paint(frames(1, (40, 56), first=i), style, stream=alone, **controls) for i in range(3)]
    for i in range(3):
        engine.paint(frames(1, (40, 56), first=90 + i), style, stream=other, **controls)
        assert (engine.paint(frames(1, (40, 56), first=i), style, stream=beside, **controls) == expected[i]).all()


def test_one_style_is_for_all_streams(engine: Engine, weights: Path | None) -> None:
    batch, style = frames(2, (48, 64)), styles(1, weights)
    assert (engine.paint(batch, style[0]) == engine.paint(batch, style.repeat(2, 0))).all()


def test_a_new_size_starts_the_stream_anew(engine: Engine, weights: Path | None) -> None:
    style, stream = styles(1, weights), Stream()
    engine.paint(frames(1, (40, 56)), style, stream=stream, memory=0.9)
    small = frames(1, (24, 32), first=5)
    assert (engine.paint(small, style, stream=stream, memory=0.9) == engine.paint(small, style)).all()


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "pincel"])
@pytest.mark.parametrize("backend", BACKENDS[:2])
def test_every_network_keeps_the_contract(tmp_path: Path, backend: tuple[str, str], name: str) -> None:
    torch.manual_seed(3)
    network, weights = load_network(name) if NETWORKS[name].bundled else random_network(name), None
    if not NETWORKS[name].bundled:
        weights = tmp_path / "random.safetensors"
        save_file(network.state_dict(), weights)
    engine = open_engine(name, backend=backend[0], precision=backend[1], weights=weights)
    controls = {"memory": 0.9, "gain": 0.8, "noise": 0.01, "colour": 0.3}
    source = [*(frames(2, (33, 17), first=9 * i) for i in range(3)), np.full((2, 33, 17, 3), 97, np.uint8)]
    with torch.inference_mode():
        rgb = torch.from_numpy(frames(2, (64, 64), first=50)[..., ::-1].copy()).permute(0, 3, 1, 2) / 255
        style = network.encode(rgb).numpy()  # type: ignore[operator]
    stream = Stream()
    painted = [engine.paint(batch, style, stream=stream, **controls) for batch in source]
    for ours, theirs in zip(painted, reference(load_graph(name, weights), source, style, **controls), strict=True):
        difference = np.abs(ours.astype(int) - theirs)
        assert difference.mean() <= LIMITS["fp32"][0]
        assert difference.max() <= LIMITS["fp32"][1]
    stream.reset()
    again = engine.paint(source[0], style, stream=stream, **controls)
    assert (again == painted[0]).all()
    assert (again[0] != engine.paint(source[0], style[1])[0]).any()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"frames": np.zeros((40, 56, 3), np.uint8)}, "uint8 \\[N, H, W, 3\\]"),
        ({"frames": np.zeros((1, 40, 56, 3), np.float32)}, "float32"),
        ({"frames": np.zeros((1, 40, 56, 6), np.uint8)[..., ::2]}, "C-contiguous"),
        ({"style": np.zeros(7, np.float32)}, "styles are float32"),
        ({"memory": 1.0}, "memory lies in"),
        ({"gain": -0.1}, "gain lies in"),
        ({"colour": 1.5}, "colour lies in"),
    ],
)
def test_wrong_arguments_are_refused(change: dict[str, object], says: str) -> None:
    engine = open_engine(backend="openvino")
    right: dict[str, object] = {
        "frames": np.zeros((1, 40, 56, 3), np.uint8), "style": np.zeros(engine.backend.style_size, np.float32)
    }  # fmt: skip
    with pytest.raises(ValueError, match=says):
        engine.paint(**{**right, **change})  # type: ignore[arg-type]


def test_backends_that_do_not_exist_are_named() -> None:
    with pytest.raises(
        BackendUnavailable, match="no engine is called 'cudnn': choose one of auto, openvino, tensorrt, torch"
    ):
        open_engine(backend="cudnn")
    with pytest.raises(BackendUnavailable, match=r"fp16.*--precision auto"):
        open_engine(backend="openvino", precision="fp16")


def test_auto_is_openvino_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.machine.accelerator", lambda: "cpu")
    engine = open_engine()
    assert engine.backend.name == "openvino"
    assert engine.backend.precision == ("bf16" if has_bf16() else "fp32")


def test_statistics_taken_in_bfloat16_change_nothing_in_float32() -> None:
    graph = load_graph("pincel-16")
    inputs = check_inputs(graph, (64, 88))
    with torch.inference_mode():
        expected = graph(*inputs)
    model = convert(graph, inputs)
    narrow(model)
    assert sum(node.get_type_name() == "MatMul" for node in model.get_ops()) == 1
    compiled = compile_for(model, (1, 64, 88), graph.style_size, "fp32")
    painted, scene, _ = compiled([each.numpy() for each in inputs]).values()
    assert np.abs(painted.astype(int) - expected.frame.numpy()).max() <= 1
    np.testing.assert_allclose(scene, expected.scene.numpy(), atol=1e-3, rtol=1e-3)
