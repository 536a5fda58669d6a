"""Magenta's network against LiteRT running the published files."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engines import WeightsError, encode_style, open_engine
from engines.importers.magenta import convert, convert_transfer
from engines.importers.tflite import read_convolutions
from engines.networks.magenta import Magenta, Padded
from engines.weights import fill_network, import_network

PREDICTION, TRANSFER = "style_predict_quantized_256.tflite", "style_transfer_f16_384.tflite"
Floats = NDArray[np.float32]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def published(shared: Path) -> Path:
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    return shared / "weights/magenta"


@pytest.fixture(scope="module")
def network(published: Path) -> Magenta:
    filled = fill_network("magenta", convert([published / TRANSFER, published / PREDICTION]), origin="published")
    assert isinstance(filled, Magenta)
    return filled


def read(path: Path, side: int) -> Floats:
    """Return a picture as float32 [1, side, side, 3] RGB in [0, 1]."""
    bgr = cv2.imread(str(path))
    assert bgr is not None
    small = cv2.resize(bgr, (side, side), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small[None, ..., ::-1], np.float32) / np.float32(255)


def litert(path: Path, **inputs: Floats) -> Floats:
    """Run a published file; inputs are known by how their names begin."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter: Any = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        (value,) = [array for name, array in inputs.items() if detail["name"].startswith(name)]
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), np.float32)


def planes(picture: Floats) -> torch.Tensor:
    return torch.from_numpy(picture).permute(0, 3, 1, 2)


@pytest.mark.parametrize("style", ["starry_night", "byzantine_head", "waterloo_bridge"])
def test_paintings_and_embeddings_are_those_of_the_published_files(
    network: Magenta, shared: Path, published: Path, style: str
) -> None:
    """Measured over 21 pictures: paintings at most 0.005 grey levels off, cosines from 0.9998."""
    picture = read(shared / f"styles/{style}.jpg", 256)
    frame = read(shared / "eval/content/golden_gate.jpg", 384)
    embedding = litert(published / PREDICTION, style=picture)
    painting = litert(published / TRANSFER, content=frame, mobilenet=embedding)
    with torch.inference_mode():
        ours = network.predict(planes(picture))[0].numpy()
        vector = network.hyper(torch.from_numpy(embedding).flatten(1))
        painted, scene = network(planes(frame), vector, torch.zeros_like(vector), torch.zeros(1))
    theirs = embedding.ravel()
    assert ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs) >= 0.999
    assert np.abs(painted.permute(0, 2, 3, 1).numpy() - painting).max() <= 0.05 / 255
    assert scene.shape == vector.shape


def test_files_come_in_any_order_and_either_transfer_will_do(network: Magenta, published: Path) -> None:
    first, second = published / PREDICTION, published / TRANSFER
    swapped = convert([first, second])
    assert all((swapped[key] == tensor).all() for key, tensor in network.state_dict().items())
    eight_bits = convert([first, published / "style_transfer_quantized_dynamic.tflite"])
    assert all(torch.allclose(eight_bits[key], tensor, atol=0.005) for key, tensor in swapped.items())


def test_an_imported_network_paints(
    shared: Path, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PINCEL_HOME", str(tmp_path))
    import_network("magenta", [published / PREDICTION, published / TRANSFER])
    picture = cv2.imread(str(shared / "styles/the_scream.jpg"))
    assert picture is not None
    style = encode_style(np.asarray(picture, np.uint8), name="the_scream", network="magenta")
    frame = np.random.default_rng(0).integers(0, 256, (1, 75, 101, 3), np.uint8)
    painted = [
        open_engine("magenta", backend=backend, precision="fp32").paint(frame, style.vector).astype(int)
        for backend in ("torch", "openvino")
    ]
    assert np.abs(painted[0] - painted[1]).max() <= 1
    assert painted[0].std() > 20


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ([PREDICTION], "style transfer is missing"),
        ([TRANSFER], "style prediction is missing"),
        ([], "style prediction is missing"),
        ([TRANSFER, "style_transfer_quantized_dynamic.tflite"], "both a style transfer: give one of them"),
        (["nothing.tflite"], r"cannot read .*nothing\.tflite: No such file"),
        (
            ["../segmentation/selfiesegmentation_mlkit-256x256-2021_01_19-v1215.f16.tflite"],
            r"selfiesegmentation.* is none of Magenta's files",
        ),
        (["../segmentation/SINet_Softmax.onnx"], r"SINet_Softmax\.onnx is no TFLite file"),
    ],
)
def test_wrong_files_are_one_line(published: Path, files: list[str], says: str) -> None:
    with pytest.raises(WeightsError, match=says) as error:
        convert([published / name for name in files])
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_a_truncated_file_is_named(published: Path, tmp_path: Path, share: float) -> None:
    whole = (published / TRANSFER).read_bytes()
    (tmp_path / "cut.tflite").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(WeightsError, match=r"cut\.tflite is (damaged|no TFLite file)"):
        convert([published / PREDICTION, tmp_path / "cut.tflite"])


@pytest.mark.parametrize(
    ("which", "key"),
    [
        (TRANSFER, "style_params/transformer/expand/conv3/conv/StyleNorm/Conv_1.weight"),
        (TRANSFER, "transformer/residual/residual2/conv1.weight"),
        (PREDICTION, "MobilenetV2/expanded_conv_9/project.bias"),
    ],
)
def test_a_missing_layer_is_named(published: Path, monkeypatch: pytest.MonkeyPatch, which: str, key: str) -> None:
    def read_convolutions_but_one(path: Path) -> dict[str, torch.Tensor]:
        return {name: tensor for name, tensor in read_convolutions(path).items() if (path.name, name) != (which, key)}

    monkeypatch.setattr("engines.importers.magenta.read_convolutions", read_convolutions_but_one)
    with pytest.raises(WeightsError, match=f"{which} holds no tensor {key}"):
        convert([published / PREDICTION, published / TRANSFER])


def test_a_layer_of_another_shape_is_named(published: Path) -> None:
    key = "style_params/transformer/expand/conv3/conv/StyleNorm/Conv_1.weight"
    tensors = read_convolutions(published / TRANSFER)
    with pytest.raises(WeightsError, match=rf"{key} has shape \[3, 99, 1, 1\], not \[3, 100, 1, 1\]"):
        convert_transfer(published / TRANSFER, tensors | {key: tensors[key][:, 1:]})


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    with pytest.raises(WeightsError, match=r"pip install 'pincel\[import\]'"):
        convert([Path(PREDICTION)])


def test_convolutions_are_dequantised(tmp_path: Path) -> None:
    """A scale and a zero point for each channel of a depthwise convolution; float16 widened by an operator."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="ai-edge-litert is not installed")
    flatbuffers = pytest.importorskip("flatbuffers", reason="flatbuffers, of ai-edge-litert, is not installed")
    kinds, types = schema.BuiltinOperator, schema.TensorType
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs, model.buffers, graph.tensors, graph.operators = 3, [graph], [], [], []
    model.operatorCodes = []

    def tensor(name: str, kind: int, values: NDArray[Any] | None = None, **quantization: Any) -> int:
        made, buffer = schema.TensorT(), schema.BufferT()
        buffer.data = None if values is None else np.frombuffer(values.tobytes(), np.uint8)
        made.name, made.type, made.buffer = name, kind, len(model.buffers)
        made.shape = np.array([] if values is None else values.shape, np.int32)
        if quantization:
            made.quantization = schema.QuantizationParametersT()
            vars(made.quantization).update(quantization)
        model.buffers.append(buffer)
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    def operator(kind: int, inputs: list[int]) -> int:
        code, made = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = kind
        made.opcodeIndex, made.inputs, made.outputs = len(model.operatorCodes), inputs, [tensor("", types.FLOAT32)]
        model.operatorCodes.append(code)
        graph.operators.append(made)
        return int(made.outputs[0])

    frame = tensor("frame", types.FLOAT32)
    depthwise = np.arange(18, dtype=np.int8).reshape(1, 3, 3, 2)
    scales = {"scale": np.array([0.5, 2], np.float32), "zeroPoint": np.array([1, -3]), "quantizedDimension": 3}
    bias = tensor("bias", types.INT32, np.array([4, -4], np.int32), **{**scales, "quantizedDimension": 0})
    operator(kinds.DEPTHWISE_CONV_2D, [frame, tensor("a/depthwise_weights", types.INT8, depthwise, **scales), bias])
    plain = np.arange(12, dtype=np.float16).reshape(3, 1, 2, 2)
    widened = operator(kinds.DEQUANTIZE, [tensor("b/weights", types.FLOAT16, plain)])
    operator(kinds.CONV_2D, [frame, widened, tensor("zeros", types.FLOAT32, np.zeros(3, np.float32))])
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    (tmp_path / "made.tflite").write_bytes(bytes(builder.Output()))

    found = {key: tensor.numpy() for key, tensor in read_convolutions(tmp_path / "made.tflite").items()}
    assert sorted(found) == ["a.bias", "a.weight", "b.bias", "b.weight"]
    assert (found["a.weight"][0, 0] == (depthwise[0, :, :, 0] - 1) * 0.5).all()
    assert (found["a.weight"][1, 0] == (depthwise[0, :, :, 1] + 3) * 2.0).all()
    assert found["a.bias"].tolist() == [1.5, -2]
    assert (found["b.weight"] == plain.transpose(0, 3, 1, 2)).all()
    assert found["b.bias"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(("side", "stride", "out"), [(6, 1, 6), (6, 2, 3), (7, 2, 4)])
def test_padding_is_tensorflows_same(side: int, stride: int, out: int) -> None:
    """All but one of the rows and columns that do not fit go after the picture (TensorFlow's `tf.nn.convolution`)."""
    layer = Padded(1, 1, stride=stride)
    layer.load_state_dict({"weight": torch.ones(1, 1, 3, 3), "bias": torch.zeros(1)})
    total = max((out - 1) * stride + 3 - side, 0)
    picture = torch.zeros(1, 1, side + total, side + total)
    inside = slice(total // 2, total // 2 + side)
    picture[..., inside, inside] = 1 + torch.arange(side * side).reshape(side, side)
    with torch.inference_mode():
        expected = torch.nn.functional.conv2d(picture, layer.weight, stride=stride)
        assert (layer(picture[..., inside, inside]) == expected).all()
    assert expected.shape[-1] == out


@pytest.mark.parametrize("size", [(8, 8), (12, 20)])
def test_any_size_that_the_stride_divides_is_painted(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network = Magenta().eval()
    with torch.inference_mode():
        style = network.encode(torch.rand(2, 3, 40, 33))
        painted, scene = network(torch.rand(2, 3, *size), style, torch.zeros_like(style), torch.zeros(2))
    assert painted.shape == (2, 3, *size)
    assert scene.shape == style.shape == (2, Magenta.style_size)
