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
            probabilities [1, 2, H, W] of background and person.

    Attributes:
        size: H and W.

    Raises:
        BackendUnavailable: OpenVINO is not installed.
        WeightsError: the file is missing, OpenVINO cannot run it, or it takes or gives something else.
    """

    def __init__(self, path: Path) -> None:
        try:
            import openvino as ov
        except ImportError as error:
            raise BackendUnavailable(f"masks need OpenVINO ({error}): pip install openvino") from error
        if not path.is_file():
            raise WeightsError(f"the mask model {path} does not exist: check the name and the folder")
        try:
            model = ov.Core().read_model(path)
            compiled = ov.Core().compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY"})
        except RuntimeError as error:
            reason = [line for line in str(error).splitlines() if line.strip()][-1].strip()
            raise WeightsError(f"OpenVINO cannot run the mask model {path}: {reason}") from error
        takes, gives = shapes(model.inputs), shapes(model.outputs)
        if len(takes) != 1 or takes[0][:2] != [1, 3] or gives[:1] != [[1, 2, *takes[0][2:]]]:
            raise WeightsError(
                f"the mask model {path} takes {takes} and gives {gives}: one is needed that takes [1, 3, H, W] and "
                "gives [1, 2, H, W], as SINet does"
            )
        self.size: tuple[int, int] = takes[0][2], takes[0][3]
        self._request = compiled.create_infer_request()

    def find_person(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability float32 [H, W] in [0, 1] of the person, for uint8 [H, W, 3] BGR of `size`."""
        if pixels.shape != (*self.size, 3):
            raise ValueError(f"the mask model takes {(*self.size, 3)}, not {pixels.shape}")
        planes = ((pixels - MEAN) / DEVIATION).transpose(2, 0, 1)[None]
        self._request.infer([np.ascontiguousarray(planes)])
        return np.array(self._request.get_output_tensor(0).data[0, 1], np.float32)


def shapes(ports: Any) -> list[list[int]]:
    """Return the shapes of inputs or outputs, -1 where a side is free."""
    return [[side.get_length() if side.is_static else -1 for side in port.partial_shape] for port in ports]
