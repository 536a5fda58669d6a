"""Tensors, networks, compilers and weights: what paints a frame. Importing this imports no torch."""

import logging
from functools import partial
from pathlib import Path

from engines.encoder import encode_style, encode_vector
from engines.engine import Backend, Engine, Stream, one_late
from engines.errors import BackendUnavailable, BuildError, Cancelled, EngineError, WeightsError
from engines.style import Style, blend
from engines.weights import network_id

__all__ = [
    "BACKENDS",
    "BackendUnavailable",
    "BuildError",
    "Cancelled",
    "Engine",
    "EngineError",
    "Stream",
    "Style",
    "WeightsError",
    "blend",
    "encode_style",
    "network_id",
    "one_late",
    "open_engine",
]

BACKENDS = ("openvino", "tensorrt", "torch")

log = logging.getLogger(__name__)


def open_engine(
    network: str = "pincel", *, backend: str = "auto", precision: str = "auto", weights: Path | None = None
) -> Engine:
    """Open an engine.

    Args:
        network: name of the network.
        backend: one of `BACKENDS`, or "auto": TensorRT where there is an NVIDIA GPU and Torch-TensorRT, torch where
            there is a CUDA or Apple GPU, else OpenVINO.
        precision: "fp32", "bf16", "fp16", or "auto" for the fastest that stands the check against plain PyTorch.
        weights: safetensors file, the bundled weights by default.

    Raises:
        BackendUnavailable: the backend does not exist or cannot run here.
        WeightsError: the weights cannot be used.
        BuildError: the compiled engine disagrees with plain PyTorch.
    """
    if backend == "auto":
        backend, why = pick_backend()
        log.info("engine auto: %s, because %s", backend, why)
    return Engine(
        open_backend(backend, network=network, precision=precision, weights=weights),
        read_style=partial(encode_vector, network=network, weights=weights),
    )


def pick_backend() -> tuple[str, str]:
    """Return the backend that "auto" stands for here, and why."""
    from engines.machine import accelerator

    device = accelerator()
    if device == "cpu":
        return "openvino", "there is no GPU that PyTorch can use"
    if device == "cuda":
        from engines.tensorrt_build import load_compiler

        try:
            load_compiler()
        except BackendUnavailable as error:
            return "torch", f"it runs on cuda ({error})"
        return "tensorrt", "there is an NVIDIA GPU and Torch-TensorRT"
    return "torch", f"it runs on {device}"


def open_backend(name: str, *, network: str, precision: str, weights: Path | None) -> Backend:
    """Open a backend by name; the compilers are imported only here."""
    if name == "torch":
        from engines.torch_engine import TorchBackend

        return TorchBackend(network=network, weights=weights, precision=precision)
    if name == "tensorrt":
        from engines.tensorrt_engine import TensorRTBackend

        return TensorRTBackend(network=network, weights=weights, precision=precision)
    if name == "openvino":
        try:
            from engines.openvino_engine import OpenVINOBackend
        except ImportError as error:
            raise BackendUnavailable(
                f"OpenVINO is not installed ({error}): pip install openvino, or use --engine torch"
            ) from error
        return OpenVINOBackend(network=network, weights=weights, precision=precision)
    raise BackendUnavailable(f"no engine is called {name!r}: choose one of auto, {', '.join(BACKENDS)}")
