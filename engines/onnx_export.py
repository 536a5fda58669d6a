"""The graph as an ONNX file, for runtimes other than ours: bytes in, bytes out, in float32."""

import warnings
from pathlib import Path
from typing import Any

import torch

from engines import store
from engines.check import check_inputs
from engines.errors import BackendUnavailable
from engines.tensorrt_build import INPUTS
from engines.torch_engine import load_graph

EXAMPLE_SIZE = (64, 96)
OUTPUTS = ("painted", "next_scene", "next_steadied")


def export_onnx(path: Path, *, network: str, weights: Path | None = None) -> None:
    """Write a network's graph for one stream and every height and width that are multiples of its stride.

    Inputs and outputs are those of `PixelGraph.forward`, named `INPUTS` and `OUTPUTS`.

    Raises:
        BackendUnavailable: a package is missing.
        WeightsError: the weights cannot be used.
        OSError: the file cannot be written.
    """
    graph = load_graph(network, weights)
    with torch.inference_mode():
        inputs = check_inputs(graph, EXAMPLE_SIZE)
    height, width = (graph.stride * torch.export.Dim(name, min=2) for name in ("h", "w"))
    free = ({1: height, 2: width}, None, None, {2: height, 3: width}, None)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program: Any = torch.onnx.export(
                graph,
                tuple(each.clone() for each in inputs),
                dynamo=True,
                dynamic_shapes=free,
                input_names=INPUTS,
                output_names=OUTPUTS,
                verbose=False,
            )
    except ImportError as error:
        raise BackendUnavailable(f"ONNX export lacks a package ({error}): pip install onnx onnxscript") from error
    store.write_whole(path, program.model_proto.SerializeToString())
