"""Bytes in, bytes out: one graph around a network, the same for every backend."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

REC709_LUMA = (0.0722, 0.7152, 0.2126)  # of B, G, R; ITU-R BT.709-6, item 3.2
MARGIN = 16  # this far outside the picture, the frame that zero padding inside a network paints can be cut away
WINDOW = 5
SURELY_STILL, SURELY_MOVING = 1.5, 3.0
LEAST_NOISE = 0.5 / 255  # what rounding and compression leave of the cleanest camera
# Standard deviation of a frame with nothing in it but noise, and of one with surely something.
NOTHING, SOMETHING = 2 / 255, 8 / 255
GLANCE = 1 / 5  # every fifth pixel, across and down, tells


class Painted(NamedTuple):
    """What the graph gives back; scene and steadied are the stream's state for the next frame."""

    frame: Tensor
    scene: Tensor
    steadied: Tensor


class PixelGraph(nn.Module):
    """A network that takes and gives frames as cameras, files and windows have them.

    Steadying, colour order, scaling, padding to the network's stride, the crop, the frame's own chroma, the clamp and
    the rounding all stand inside, so that no backend has its own.

    OpenVINO has no fast kernels for flips, for slices of channels, for sums over them and for pooling one channel or
    with gaps: there are none.
    """

    reverse: Tensor

    def __init__(self, network: nn.Module, *, stride: int, style_size: int, margin: int = MARGIN) -> None:
        super().__init__()
        self.network = network
        self.stride = stride
        self.margin = margin
        self.style_size = style_size
        self.register_buffer("reverse", torch.tensor([2, 1, 0]), persistent=False)

    def forward(self, frame: Tensor, style: Tensor, scene: Tensor, steadied: Tensor, controls: Tensor) -> Painted:
        """Paint one frame of each of N streams.

        Args:
            frame: uint8 [N, H, W, 3] BGR, any size.
            style: float32 [N, K].
            scene: float32 [N, K], as returned for the previous frame.
            steadied: float32 [N, 3, H, W] BGR in [0, 1], as returned for the previous frame.
            controls: float32 [N, 4]: memory of the scene in [0, 1); gain of the steadying filter in [0, 1), 0 for a
                stream's first frame; sensor noise, a standard deviation in [0, 1]; how much of the frame's own
                colour to keep in [0, 1].

        Returns:
            The painted frame uint8 [N, H, W, 3] BGR, the new scene and the new steadied frame. What has nothing in it
            stays as it is.
        """
        levels, scene, bgr = self.paint(frame.float(), style, scene, steadied, controls)
        return Painted(levels.to(torch.uint8), scene, bgr)

    def paint(self, frame: Tensor, style: Tensor, scene: Tensor, steadied: Tensor, controls: Tensor) -> Painted:
        """Do as `forward`, with the whole grey levels of frames in float32: TensorRT converts no bytes."""
        height, width = frame.shape[1], frame.shape[2]
        memory, gain, noise, colour = controls.unbind(1)
        bgr = steady(frame.permute(0, 3, 1, 2) / 255, steadied, gain=gain, noise=noise)
        margin = self.margin
        right, bottom = (margin + -(length + 2 * margin) % self.stride for length in (width, height))
        padded = F.pad(bgr, (margin, right, margin, bottom), mode="replicate")
        dtype = next(self.network.parameters()).dtype
        rgb, scene = self.network(padded.index_select(1, self.reverse).to(dtype), style, scene, memory)
        rgb = rgb[:, :, margin : margin + height, margin : margin + width]
        painted = rgb.index_select(1, self.reverse).float()
        painted = painted + colour[:, None, None, None] * chroma(bgr - painted)
        painted = bgr + presence(padded) * (painted - bgr)
        whole = torch.floor(painted.clamp(0, 1) * 255 + 0.5)
        return Painted(whole.permute(0, 2, 3, 1), scene, bgr)


def paint_still(network: nn.Module, rgb: Tensor, style: Tensor, *, margin: int) -> Tensor:
    """Paint pictures that have no past, with the margin that `PixelGraph` gives them and cuts away.

    Args:
        network: takes and gives what `engines.networks.pincel.Pincel` does.
        rgb: float [N, 3, H, W] in [0, 1]; with the margin around, H and W are multiples of the network's stride.
        style: float [N, K].
        margin: in pixels.

    Returns:
        float [N, 3, H, W] in [0, 1].
    """
    nothing = torch.zeros_like(style)
    padded = F.pad(rgb, (margin,) * 4, mode="replicate").contiguous(memory_format=torch.channels_last)
    painted: Tensor = network(padded, style, nothing, nothing[:, 0])[0]
    return painted[:, :, margin : margin + rgb.shape[2], margin : margin + rgb.shape[3]]


def steady(frame: Tensor, previous: Tensor, *, gain: Tensor, noise: Tensor) -> Tensor:
    """Filter sensor noise out of still parts: `x + k (previous - x)`, a recursive filter that follows motion.

    k is `gain` where the local difference (mean over a window and the colours) is of the size of noise, and falls to
    0 where something moves. The difference of two noisy pixels has a mean magnitude of about 1.1 sigma
    (sigma sqrt(2) sqrt(2 / pi)); the previous frame being filtered, 0.8 to 0.9 sigma.

    Args:
        frame: float [N, 3, H, W] in [0, 1].
        previous: the previous result, of the same shape.
        gain: float [N] in [0, 1).
        noise: float [N], standard deviation in [0, 1].
    """
    difference = previous - frame
    blue, green, red = torch.split(difference.abs(), 1, 1)
    wide = F.pad((blue + green + red) / 3, (WINDOW // 2,) * 4, mode="replicate")
    level = F.conv2d(wide, wide.new_full((1, 1, WINDOW, WINDOW), WINDOW**-2))
    motion = level / noise.clamp(min=LEAST_NOISE)[:, None, None, None]
    stillness = ((SURELY_MOVING - motion) / (SURELY_MOVING - SURELY_STILL)).clamp(0, 1)
    return frame + gain[:, None, None, None] * stillness * difference


def presence(bgr: Tensor) -> Tensor:
    """Tell whether there is anything in frames to be painted: float [N, 1, 1, 1] in [0, 1] of [N, 3, H, W] in [0, 1].

    Normalisation blows up what little there is: of black, as in a fade, it would make stripes or a texture of noise.
    """
    few = F.interpolate(bgr, scale_factor=GLANCE)  # a slice with steps would tie an exported graph to some sizes
    variance = (few - few.mean((2, 3), keepdim=True)).square().mean((1, 2, 3), keepdim=True)
    return ((variance.sqrt() - NOTHING) / (SOMETHING - NOTHING)).clamp(0, 1)


def chroma(bgr: Tensor) -> Tensor:
    """Return what of a colour is not luma: float [N, 3, H, W] BGR minus its Rec. 709 luma in every channel."""
    blue, green, red = torch.split(bgr, 1, 1)
    return bgr - (REC709_LUMA[0] * blue + REC709_LUMA[1] * green + REC709_LUMA[2] * red)
