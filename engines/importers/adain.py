"""AdaIN's weights: pytorch-AdaIN's `vgg_normalised.pth` and `decoder.pth`, or safetensors with the layers' names.

The published VGG goes on to relu5_4; what lies beyond relu4_1 is left out.
"""

from pathlib import Path

from torch import Tensor

from engines.errors import WeightsError
from engines.importers import parameters, read_checkpoint, shapes_of, take
from engines.networks.adain import DECODER, AdaIN
from engines.networks.vgg import LAYERS, fold_colours

# Where the convolutions stand in the published `nn.Sequential`s, between padding, ReLU, pooling and upsampling.
VGG_PLACES = dict(zip(("conv0", *LAYERS), (0, 2, 5, 9, 12, 16, 19, 22, 25, 29), strict=True))
DECODER_PLACES = dict(zip(DECODER, (1, 5, 8, 11, 14, 18, 21, 25, 28), strict=True))
PARTS = {"VGG-19": VGG_PLACES, "decoder": DECODER_PLACES}


def convert(paths: list[Path]) -> dict[str, Tensor]:
    """Make the weights of `engines.networks.adain.AdaIN` from one file of each kind, in any order.

    Raises:
        WeightsError: a file is missing, damaged or another, or a tensor of it is.
    """
    shapes = {key.removeprefix("vgg."): shape for key, shape in shapes_of(AdaIN).items()}
    shapes |= {"conv0.weight": (3, 3, 1, 1), "conv0.bias": (3,)}
    found: dict[str, dict[str, Tensor]] = {}
    for path in paths:
        tensors = read_checkpoint(path)
        part, layers = recognise(tensors, path=path)
        if part in found:
            raise WeightsError(f"{path} is a second file with AdaIN's {part}: give one of each")
        found[part] = take(tensors, parameters(layers), path=path, shapes=shapes)
    for part in PARTS:
        if part not in found:
            raise WeightsError(f"AdaIN's {part} is missing: give the files of its {' and its '.join(PARTS)}")
    vgg = {f"vgg.{key}": tensor for key, tensor in fold_colours(found["VGG-19"]).items()}
    return vgg | found["decoder"]


def recognise(tensors: dict[str, Tensor], *, path: Path) -> tuple[str, dict[str, str]]:
    """Return which part a file is, and its layers, {ours: theirs}: by their names or by their places."""
    for part, places in PARTS.items():
        for layers in ({layer: layer for layer in places}, {layer: str(place) for layer, place in places.items()}):
            if f"{next(iter(layers.values()))}.weight" in tensors:
                return part, layers
    raise WeightsError(f"{path} is none of AdaIN's files: give those of its {' and its '.join(PARTS)}")
