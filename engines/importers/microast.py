"""MicroAST's weights: the authors' four files, which are told apart by the beginning of their names."""

from pathlib import Path

from torch import Tensor

from engines.errors import WeightsError
from engines.importers import read_checkpoint, shapes_of, take
from engines.networks.microast import MicroAST

PARTS = ("content_encoder", "style_encoder", "modulator", "decoder")
LAYER = ".conv_layer"  # what the published names have before the parameter's


def convert(paths: list[Path]) -> dict[str, Tensor]:
    """Make the weights of `engines.networks.microast.MicroAST` from the four files, in any order.

    Raises:
        WeightsError: a file is missing, damaged or another, or a tensor of it is.
    """
    files = {part: [path for path in paths if path.name.startswith(part)] for part in PARTS}
    for path in paths:
        if not any(path in each for each in files.values()):
            raise WeightsError(f"{path} is none of MicroAST's files: they are called {'*, '.join(PARTS)}*")
    weights: dict[str, Tensor] = {}
    shapes = shapes_of(MicroAST)
    for part, each in files.items():
        if len(each) != 1:
            raise WeightsError(f"of MicroAST's four files give one called {part}*, not {len(each)}")
        names = {}
        for key in shapes:
            if key.startswith(f"{part}."):
                layer, _, parameter = key.removeprefix(f"{part}.").rpartition(".")
                names[key] = f"{layer}{LAYER}.{parameter}"
        weights |= take(read_checkpoint(each[0]), names, path=each[0], shapes=shapes)
    return weights
