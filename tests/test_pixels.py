import pytest
import torch
from torch import Tensor, nn

from engines.pixels import PixelGraph, chroma, steady


class Mirror(nn.Module):
    """A network that gives RGB back, darkened; remembers what it was given."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.seen = torch.zeros(0)

    def forward(self, rgb: Tensor, style: Tensor, scene: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        self.seen = rgb
        return rgb * self.factor, scene


def paint(graph: PixelGraph, frame: Tensor, **controls: float) -> Tensor:
    count, height, width, _ = frame.shape
    row = [controls.get(name, 0.0) for name in ("memory", "gain", "noise", "colour")]
    vector = torch.zeros(count, 8)
    steadied = torch.zeros(count, 3, height, width)
    painted: Tensor = graph(frame, vector, vector, steadied, torch.tensor([row] * count)).frame
    return painted


@pytest.mark.parametrize("size", [(8, 8), (9, 15), (1, 1), (64, 50)], ids=str)
def test_bytes_go_through_unharmed_at_any_size(size: tuple[int, int]) -> None:
    frame = torch.randint(0, 256, (2, *size, 3), dtype=torch.uint8)
    network = Mirror()
    with torch.inference_mode():
        painted = paint(PixelGraph(network, stride=8, style_size=8), frame)
    assert (painted == frame).all()
    assert [length % 8 for length in network.seen.shape[2:]] == [0, 0]


def test_the_network_sees_rgb() -> None:
    frame = torch.zeros(1, 8, 8, 3, dtype=torch.uint8)
    frame[..., 2] = 255  # red, of B, G, R
    network = Mirror()
    with torch.inference_mode():
        paint(PixelGraph(network, stride=8, style_size=8), frame)
    assert network.seen.mean((0, 2, 3)).tolist() == [1.0, 0.0, 0.0]


def test_rounding_is_to_the_nearest_level() -> None:
    frame = torch.full((1, 8, 8, 3), 101, dtype=torch.uint8)
    frame[:, 4:] = 201
    with torch.inference_mode():
        half = paint(PixelGraph(Mirror(0.5), stride=8, style_size=8), frame)
        assert sorted(set(half.flatten().tolist())) == [51, 101]  # 50.5 and 100.5 round up
        assert (paint(PixelGraph(Mirror(9.0), stride=8, style_size=8), frame) == 255).all()


@pytest.mark.parametrize(
    ("sigma", "least", "most"), [(0.0, 0.0, 0.0), (1.5, 0.0, 0.0), (5.0, 0.3, 0.7), (9.0, 1.0, 1.0)]
)
def test_what_has_nothing_in_it_is_not_painted(sigma: float, least: float, most: float) -> None:
    torch.manual_seed(0)
    frame = (120 + sigma * torch.randn(1, 60, 80, 3)).round().clamp(0, 255).to(torch.uint8)
    graph = PixelGraph(Mirror(0.5), stride=8, style_size=8)
    with torch.inference_mode():
        painted = 1 - paint(graph, frame).float().mean() / frame.float().mean()
    assert least / 2 - 0.01 <= painted <= most / 2 + 0.01


def test_preserved_colour_is_the_paintings_luma_with_the_frames_chroma() -> None:
    frame = torch.randint(90, 160, (1, 16, 16, 3), dtype=torch.uint8)
    graph = PixelGraph(Mirror(0.8), stride=8, style_size=8)
    with torch.inference_mode():
        kept = paint(graph, frame, colour=1.0).permute(0, 3, 1, 2).float()
        painted = paint(graph, frame).permute(0, 3, 1, 2).float()
    source = frame.permute(0, 3, 1, 2).float()
    assert (chroma(kept) - chroma(source)).abs().max() <= 1.01
    assert ((kept - chroma(kept)) - (painted - chroma(painted))).abs().max() <= 1.01
    grey = (kept - chroma(kept))[0].mean(0)
    blue, green, red = kept[0]
    assert (grey - (0.2126 * red + 0.7152 * green + 0.0722 * blue)).abs().max() < 0.01


def still_and_noise(sigma: float, count: int) -> list[Tensor]:
    torch.manual_seed(1)
    still = torch.rand(1, 3, 48, 48) * 0.5 + 0.25
    return [still + sigma * torch.randn_like(still) for _ in range(count)]


def filtered(frames: list[Tensor], *, gain: float, noise: float) -> list[Tensor]:
    results = [frames[0]]
    for frame in frames[1:]:
        results.append(steady(frame, results[-1], gain=torch.tensor([gain]), noise=torch.tensor([noise])))
    return results


def test_noise_on_a_still_picture_goes_down_to_what_the_recursion_leaves() -> None:
    sigma, gain = 2 / 255, 0.85
    frames = still_and_noise(sigma, 40)
    results = filtered(frames, gain=gain, noise=sigma)
    change = (results[-1] - results[-2]).std()
    unfiltered = (frames[-1] - frames[-2]).std()
    assert change / unfiltered < 0.2
    assert (results[-1] - sum(frames) / len(frames)).std() < 0.45 * sigma


def test_what_moves_is_not_touched() -> None:
    sigma = 2 / 255
    frames = still_and_noise(sigma, 20)
    results = filtered(frames, gain=0.85, noise=sigma)
    moved = frames[-1].clone()
    moved[:, :, 16:32, 16:32] += 0.2
    after = steady(moved, results[-1], gain=torch.tensor([0.85]), noise=torch.tensor([sigma]))
    assert (after - moved)[:, :, 16:32, 16:32].abs().max() == 0
    gone = steady(frames[0], after, gain=torch.tensor([0.85]), noise=torch.tensor([sigma]))
    assert (gone - frames[0])[:, :, 16:32, 16:32].abs().max() < 4 * sigma  # no ghost stays behind


def test_no_gain_is_no_filter() -> None:
    frames = still_and_noise(0.01, 2)
    assert (filtered(frames, gain=0.0, noise=0.01)[1] == frames[1]).all()
