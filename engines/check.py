"""The frame on which a compiled engine is held against plain PyTorch before it is used."""

import torch
import torch.nn.functional as F
from torch import Tensor

from engines.pixels import PixelGraph


def check_inputs(graph: PixelGraph, size: tuple[int, int]) -> list[Tensor]:
    """Return inputs that exercise the whole graph: texture, flat parts, edges, a past, and every control.

    Args:
        graph: float32, on the CPU; its network's encoder gives the style, of the frame in other colours.
        size: height and width.
    """
    generator = torch.Generator().manual_seed(0)
    bgr = sample_frame(size, generator)
    style = graph.network.encode(bgr)  # type: ignore[operator]
    noise = 0.01 * torch.randn(bgr.shape, generator=generator)
    darker = F.avg_pool2d(bgr, 4) / 2
    _, scene = graph.network(darker[:, :, :16, :16], style, torch.zeros_like(style), torch.zeros(1))
    frame = (bgr * 255).round().permute(0, 2, 3, 1).to(torch.uint8).contiguous()
    return [frame, style, scene, (bgr + noise).clamp(0, 1), torch.tensor([[0.3, 0.8, 0.01, 0.2]])]


def sample_frame(size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Return a frame with a gradient, texture, an edge and noise, float32 [1, 3, H, W] in [0, 1]."""
    height, width = size
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    texture = torch.sin(40 * x * y) * (x > 0.5)
    disc = ((x - 0.3) ** 2 + (y - 0.6) ** 2 < 0.04).float()
    planes = [0.8 * y + 0.2 * disc, 0.5 + 0.3 * texture, 0.9 * x * (1 - disc)]
    noise = 0.01 * torch.randn(1, 3, height, width, generator=generator)
    return (torch.stack(planes)[None] + noise).clamp(0, 1)
