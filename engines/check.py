"""The frame on which a compiled engine is held against plain PyTorch before it is used."""

import torch
from torch import Tensor

from engines.pixels import PixelGraph


def check_inputs(graph: PixelGraph, size: tuple[int, int]) -> list[Tensor]:
    """Return inputs that exercise the whole graph: texture, flat parts, edges, a past, and every control.

    Args:
        graph: float32, on the CPU; its network's encoder gives the style, of the frame turned upside down.
        size: height and width.
    """
    height, width = size
    generator = torch.Generator().manual_seed(0)
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    texture = torch.sin(40 * x * y) * (x > 0.5)
    disc = ((x - 0.3) ** 2 + (y - 0.6) ** 2 < 0.04).float()
    planes = [0.8 * y + 0.2 * disc, 0.5 + 0.3 * texture, 0.9 * x * (1 - disc)]
    bgr = (torch.stack(planes)[None] + 0.01 * torch.randn(1, 3, height, width, generator=generator)).clamp(0, 1)
    style = graph.network.encode(bgr.flip(1, 2))  # type: ignore[operator]
    _, scene = graph.network(torch.zeros(1, 3, 64, 64) + 0.5 * bgr[:, :, :64, :64], style, style * 0, torch.zeros(1))
    frame = (bgr * 255).round().permute(0, 2, 3, 1).to(torch.uint8).contiguous()
    previous = (bgr + 0.01 * torch.randn(1, 3, height, width, generator=generator)).clamp(0, 1)
    controls = torch.tensor([[0.3, 0.8, 0.01, 0.2]])
    return [frame, style, scene, previous, controls]
