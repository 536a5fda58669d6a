"""Where the person is: portrait segmentation, run by OpenVINO."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import BackendUnavailable, WeightsError

# Of SINet (Park et al. 2019, "SINet: Extreme lightweight portrait segmentation networks"), BGR, in grey levels;
# its training divides by 255 once more.
MEAN = np.array([102.890434, 111.25247, 126.91212], np.float32)
DEVIATION = np.array([62.93292, 62.82138, 66.355705], np.float32) * 255


class Segmenter:
    """Tells person from background. Not for more than one thread at a time.

    Args:
        path: an ONNX file (or OpenVINO's .xml) that takes float [1, 3, H, W] BGR normalised as SINet's and gives the
            probabilities [1, 2, H, W] of background and person; or a TFLite file that takes float [1, H, W, 3] RGB in
            [0, 1] and gives the probability [1, H, W, 1] of the person, as the selfie segmentation of ML Kit.

    Attributes:
        size: H and W.

    Raises:
        BackendUnavailable: OpenVINO is not installed.
        WeightsError: the file is missing, OpenVINO cannot run it, or it takes or gives something else.
    """

    def __init__(self, path: Path) -> None:
        try:
            import openvino as ov
            from openvino.frontend import ConversionExtension
        except ImportError as error:
            raise BackendUnavailable(f"masks need OpenVINO ({error}): pip install openvino") from error
        if not path.is_file():
            raise WeightsError(f"the mask model {path} does not exist: check the name and the folder")
        try:
            core = ov.Core()
            core.add_extension(ConversionExtension("Convolution2DTransposeBias", upsample))
            compiled = core.compile_model(core.read_model(path), "CPU", {"PERFORMANCE_HINT": "LATENCY"})
        except RuntimeError as error:
            reason = [line for line in str(error).splitlines() if line.strip()][-1].strip()
            raise WeightsError(f"OpenVINO cannot run the mask model {path}: {reason}") from error
        takes, gives = shapes(compiled.inputs), shapes(compiled.outputs)
        match takes, gives[:1]:
            case [[1, 3, height, width]], [[1, 2, *sides]] if sides == [height, width]:
                self._channels_last = False
            case [[1, height, width, 3]], [[1, *sides, 1]] if sides == [height, width]:
                self._channels_last = True
            case _:
                raise WeightsError(
                    f"the mask model {path} takes {takes} and gives {gives}: one is needed that takes [1, 3, H, W] and "
                    "gives [1, 2, H, W], as SINet does, or [1, H, W, 3] and [1, H, W, 1], as ML Kit's does"
                )
        self.size: tuple[int, int] = height, width
        self._request = compiled.create_infer_request()

    def find_person(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability float32 [H, W] in [0, 1] of the person, for uint8 [H, W, 3] BGR of `size`."""
        if pixels.shape != (*self.size, 3):
            raise ValueError(f"the mask model takes {(*self.size, 3)}, not {pixels.shape}")
        if self._channels_last:
            self._request.infer([pixels[None, ..., ::-1] / np.float32(255)])
            return np.array(self._request.get_output_tensor(0).data[0, ..., 0], np.float32)
        planes = ((pixels - MEAN) / DEVIATION).transpose(2, 0, 1)[None]
        self._request.infer([np.ascontiguousarray(planes)])
        return np.array(self._request.get_output_tensor(0).data[0, 1], np.float32)


def upsample(node: Any) -> list[Any]:
    """Translate the operation that MediaPipe adds to TFLite: a transposed convolution with a bias.

    Its kernels [O, H, W, I] lie side by side, so that the strides are their sides.
    """
    from openvino import opset13 as op

    pixels, kernels, bias = (node.get_input(index) for index in range(3))
    strides = list(kernels.get_shape())[1:3]
    planes = op.transpose(pixels, [0, 3, 1, 2])
    larger = op.convolution_backprop_data(planes, op.transpose(kernels, [3, 0, 1, 2]), strides)
    return [op.add(op.transpose(larger, [0, 2, 3, 1]), bias).output(0)]


def shapes(ports: Any) -> list[list[int]]:
    """Return the shapes of inputs or outputs, -1 where a side is free."""
    return [[side.get_length() if side.is_static else -1 for side in port.partial_shape] for port in ports]
