"""The convolutions of a TFLite file, dequantised."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engines.errors import WeightsError


def read_convolutions(path: Path) -> dict[str, Tensor]:
    """Read the weights and biases of a TFLite file's convolutions; nothing in it is run.

    Returns:
        float32, `NAME.weight` [O, I, H, W] and `NAME.bias` [O], NAME being what TensorFlow called the layer. Biases are
        found through the graph, since converters keep one tensor of several equal ones, under any of their names.

    Raises:
        WeightsError: it is missing or damaged, or ai-edge-litert is not installed.
    """
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ImportError as error:
        raise WeightsError("reading TFLite files needs ai-edge-litert: pip install 'pincel[import]'") from error
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror or error}") from error
    if content[4:8] != b"TFL3":
        raise WeightsError(f"{path} is no TFLite file")
    try:
        return convolutions(schema, schema.ModelT.InitFromPackedBuf(content))
    except Exception as error:
        raise WeightsError(f"{path} is damaged: download it again") from error


def convolutions(schema: Any, model: Any) -> dict[str, Tensor]:
    """Collect the convolutions of an unpacked model."""
    graph, operators = model.subgraphs[0], schema.BuiltinOperator
    # A float16 file stores constants that an operator widens before their use.
    stored = {}
    found = {}
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        if kind == operators.DEQUANTIZE:
            stored[operator.outputs[0]] = operator.inputs[0]
        elif kind in (operators.CONV_2D, operators.DEPTHWISE_CONV_2D):
            weight, bias = (graph.tensors[stored.get(index, index)] for index in operator.inputs[1:])
            name = re.sub(r"/(depthwise_)?weights(/read)?$", "", weight.name.decode())
            # Weights lie as [O, H, W, I], of a depthwise convolution as [1, H, W, O].
            order = (0, 3, 1, 2) if kind == operators.CONV_2D else (3, 0, 1, 2)
            found[f"{name}.weight"] = constant(schema, model, weight).permute(order)
            found[f"{name}.bias"] = constant(schema, model, bias)
    return found


def constant(schema: Any, model: Any, tensor: Any) -> Tensor:
    """Return a stored tensor as float32: `scale (q - zero)`, scale and zero being one number or one a channel."""
    types = {
        schema.TensorType.FLOAT32: np.float32,
        schema.TensorType.FLOAT16: np.float16,
        schema.TensorType.INT32: np.int32,
        schema.TensorType.INT8: np.int8,
    }
    values = np.frombuffer(bytes(model.buffers[tensor.buffer].data), types[tensor.type]).reshape(tensor.shape)
    quantization = tensor.quantization
    if quantization is not None and quantization.scale is not None:
        shape = [1] * values.ndim
        shape[quantization.quantizedDimension] = -1
        zero, scale = (np.reshape(each, shape) for each in (quantization.zeroPoint, quantization.scale))
        values = (values - zero) * scale
    return torch.tensor(values, dtype=torch.float32)
