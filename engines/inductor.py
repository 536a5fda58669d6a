"""PyTorch's own compiler around the graph, on CUDA; plain PyTorch where it cannot, or paints something else."""

import logging
from collections.abc import Callable, Sequence
from subprocess import SubprocessError

import torch
from torch import Tensor

from engines.check import sample_frame
from engines.cuda_program import Runner
from engines.engine import Shape
from engines.pixels import PixelGraph

# Mean and largest difference between compiled and plain PyTorch, in grey levels.
TOLERANCE = (0.7, 6.0)
FAILURES = (RuntimeError, ImportError, OSError, SubprocessError)  # no Triton, no C compiler, what Inductor cannot do
STYLE_SIZE = (256, 256)

log = logging.getLogger(__name__)
Step = Callable[..., None]


class GraphRunner:
    """Runs the graph, compiled or not, and puts what it gives where it belongs."""

    can_be_captured = True

    def __init__(self, step: Step) -> None:
        self.step = step

    def __call__(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        self.step(*inputs, *outputs)


def plain(graph: PixelGraph) -> Step:
    """Return the graph as a function that writes its results into three more arguments."""

    def step(*tensors: Tensor) -> None:
        for target, result in zip(tensors[5:], graph(*tensors[:5]), strict=True):
            target.copy_(result)

    return step


@torch.inference_mode()
def compiled(graph: PixelGraph, shape: Shape) -> Runner:
    """Compile a graph for one shape and hold it against plain PyTorch on one frame; plain PyTorch where that fails."""
    eager = plain(graph)
    inputs = inputs_for(graph, shape)
    expected = outputs_for(inputs)
    eager(*inputs, *expected)
    painted = outputs_for(inputs)
    try:
        step: Step = torch.compile(eager, dynamic=False)
        step(*inputs, *painted)
    except torch.OutOfMemoryError:
        raise
    except FAILURES as error:
        log.warning("torch.compile cannot (%s): painting uncompiled, more slowly", " ".join(str(error).split())[:200])
        return GraphRunner(eager)
    difference = (painted[0].float() - expected[0].float()).abs()
    mean, largest = float(difference.mean()), float(difference.max())
    if mean > TOLERANCE[0] or largest > TOLERANCE[1]:
        log.warning("torch.compile is %.2f grey levels off, %.0f at most: painting uncompiled", mean, largest)
        return GraphRunner(eager)
    log.info("compiled: %.2f grey levels from plain PyTorch in the mean, %.0f at most", mean, largest)
    return GraphRunner(step)


def inputs_for(graph: PixelGraph, shape: Shape) -> list[Tensor]:
    """Return inputs of a shape that exercise the whole graph, on its device: a second frame, steadied, with a past."""
    weight = next(graph.parameters())
    count, height, width = shape
    bgr = sample_frame((height, width), torch.Generator().manual_seed(0)).to(weight.device)
    frame = (bgr * 255).round().permute(0, 2, 3, 1).to(torch.uint8).repeat(count, 1, 1, 1)
    face = sample_frame(STYLE_SIZE, torch.Generator().manual_seed(1)).to(weight)
    style = graph.network.encode(face).float().repeat(count, 1)  # type: ignore[operator]
    nothing = torch.zeros(count, 4, device=weight.device)
    _, scene, steadied = graph(frame, style, torch.zeros_like(style), bgr.repeat(count, 1, 1, 1), nothing)
    controls = torch.tensor([[0.3, 0.8, 0.01, 0.2]], device=weight.device).repeat(count, 1)
    return [frame.contiguous(), style, scene, (steadied * 0.99).contiguous(), controls]


def outputs_for(inputs: Sequence[Tensor]) -> list[Tensor]:
    """Return where to paint, of the same shapes."""
    return [torch.empty_like(inputs[index]) for index in (0, 2, 3)]
