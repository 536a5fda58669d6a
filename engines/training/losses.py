"""What training minimises and quality is measured by, in the features of VGG-19."""

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
POOLED = ("conv1_2", "conv2_2", "conv3_4")  # a 2x2 maximum follows
EPSILON = 1e-5


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
    """Read VGG weights, conv0 .. conv4_1; conv0, a 1x1 convolution of the pixels, is folded into conv1_1.

    Raises:
        WeightsError: the file is missing, damaged or holds something else.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = {key: tensor.float() for key, tensor in load_file(path).items()}
        colours, offset = tensors.pop("conv0.weight")[:, :, 0, 0], tensors.pop("conv0.bias")
        first = tensors["conv1_1.weight"]
        tensors["conv1_1.bias"] += torch.einsum("oihw,i->o", first, offset)
        tensors["conv1_1.weight"] = torch.einsum("oihw,ij->ojhw", first, colours)
        vgg = Vgg()
        vgg.load_state_dict(tensors)
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise WeightsError(f"{path} does not hold the VGG-19 weights conv0 .. conv4_1: {error}") from error
    return vgg


def mean_and_variance(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return both of every channel, [N, C, 1, 1]; on a CPU with channels last far faster than `torch.var_mean`."""
    mean = features.mean((2, 3), keepdim=True)
    return mean, (features - mean).square().mean((2, 3), keepdim=True)


def moments(features: Tensor) -> Tensor:
    """Return mean and deviation of every channel, float32 [N, 2, C]."""
    mean, variance = mean_and_variance(features.float())
    return torch.stack([mean, (variance + EPSILON).sqrt()], 1).flatten(2)


def normalised(features: Tensor) -> Tensor:
    """Take mean and deviation out of every channel, float32."""
    features = features.float()
    mean, variance = mean_and_variance(features)
    return (features - mean) * torch.rsqrt(variance + EPSILON)


def style_distance(painted: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Compare lists of `moments`, layer by layer: the sum of mean squared differences, float [N].

    The style loss of Huang and Belongie 2017 (eq. 13) with squares in place of norms.
    """
    return torch.stack([2 * (a - b).square().mean((1, 2)) for a, b in zip(painted, wanted, strict=True)]).sum(0)


def content_distance(painted: Tensor, photo: Tensor) -> Tensor:
    """Return the mean squared difference of features, float [N]."""
    return (painted.float() - photo.float()).square().mean((1, 2, 3))


def gram(features: Tensor) -> Tensor:
    """Return the Gram matrix of Gatys et al. 2016 over the number of positions, float32 [N, C, C]."""
    flat = features.float().flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def total_variation(rgb: Tensor) -> Tensor:
    """Return the mean absolute difference of neighbours."""
    down, right = rgb[:, :, 1:] - rgb[:, :, :-1], rgb[:, :, :, 1:] - rgb[:, :, :, :-1]
    return down.abs().mean() + right.abs().mean()


def overlap_distance(painted: Tensor, shifted: Tensor, offset: tuple[int, int]) -> Tensor:
    """Return the mean absolute difference of two pictures [3, H, W] where they show the same.

    Args:
        painted: a picture.
        shifted: another one, of the same size.
        offset: where the corner of `painted` lies in `shifted`, (down, right).
    """
    down, right = offset
    height, width = painted.shape[1] - abs(down), painted.shape[2] - abs(right)
    ours = painted[:, max(0, -down) :, max(0, -right) :][:, :height, :width]
    theirs = shifted[:, max(0, down) :, max(0, right) :][:, :height, :width]
    return (ours - theirs).abs().mean()
