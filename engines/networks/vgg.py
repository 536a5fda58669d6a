"""The features of VGG-19 (Simonyan and Zisserman 2015, arXiv 1409.1556): what losses and AdaIN's encoder look at."""

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.errors import WeightsError

LAYERS = {
    "conv1_1": (3, 64),
    "conv1_2": (64, 64),
    "conv2_1": (64, 128),
    "conv2_2": (128, 128),
    "conv3_1": (128, 256),
    "conv3_2": (256, 256),
    "conv3_3": (256, 256),
    "conv3_4": (256, 256),
    "conv4_1": (256, 512),
}
WIDTHS = tuple(outputs for name, (_, outputs) in LAYERS.items() if name.endswith("_1"))  # of what `Vgg` returns
POOLED = ("conv1_2", "conv2_2", "conv3_4")  # a 2x2 maximum follows


class Vgg(nn.Module):
    """The normalised VGG-19 of AdaIN (Huang and Belongie 2017) up to relu4_1, reflection padding, frozen."""

    def __init__(self) -> None:
        super().__init__()
        for name, (inputs, outputs) in LAYERS.items():
            self.add_module(name, nn.Conv2d(inputs, outputs, 3))
        self.requires_grad_(False)

    def forward(self, rgb: Tensor) -> list[Tensor]:
        """Return relu1_1, relu2_1, relu3_1 and relu4_1 of float [N, 3, H, W] in [0, 1], in the weights' dtype."""
        x = rgb.to(next(self.parameters()).dtype)
        features = []
        for name in LAYERS:
            x = F.relu(self.get_submodule(name)(F.pad(x, (1, 1, 1, 1), mode="reflect")))
            if name.endswith("_1"):
                features.append(x)
            if name in POOLED:
                x = F.max_pool2d(x, 2)
        return features


def load_vgg(path: Path) -> Vgg:
    """Read VGG weights, conv0 .. conv4_1.

    Raises:
        WeightsError: the file is missing, damaged or holds something else.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        vgg = Vgg()
        vgg.load_state_dict(fold_colours(load_file(path)))
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise WeightsError(f"{path} does not hold the VGG-19 weights conv0 .. conv4_1: {error}") from error
    return vgg


def fold_colours(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Fold conv0, a 1x1 convolution of the pixels, into conv1_1 in float32; other tensors stay as they are.

    Raises:
        KeyError: conv0 or conv1_1 is not there.
    """
    folded = dict(tensors)
    colours, offset = folded.pop("conv0.weight")[:, :, 0, 0].float(), folded.pop("conv0.bias").float()
    first = folded["conv1_1.weight"].float()
    folded["conv1_1.bias"] = folded["conv1_1.bias"] + torch.einsum("oihw,i->o", first, offset)
    folded["conv1_1.weight"] = torch.einsum("oihw,ij->ojhw", first, colours)
    return folded
