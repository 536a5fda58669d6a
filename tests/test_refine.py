import pytest
import torch

from engines import losses
from engines.encoder import REFINEMENT
from engines.leaves import dead_leaves
from engines.networks.pincel import Pincel
from engines.pixels import paint_still
from engines.refine import PICTURES, SIDE, look, refine
from engines.weights import load_network


def test_leaves_are_the_same_for_the_same_seed_and_others_for_another() -> None:
    first, again, other = (dead_leaves(seed, side=48) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert (first - other).abs().mean() > 0.02
    assert first.shape == (1, 3, 48, 48)
    assert 0 <= first.min() < first.max() <= 1


def test_leaves_have_detail_at_every_scale() -> None:
    pictures = torch.cat([dead_leaves(seed, side=128) for seed in range(4)])
    for scale in (1, 2, 4, 8):
        small = torch.nn.functional.avg_pool2d(pictures, scale)
        assert (small[..., 1:] - small[..., :-1]).abs().mean() > 0.01


def test_a_refined_style_paints_closer_to_its_picture() -> None:
    network = load_network("pincel")
    assert isinstance(network, Pincel)
    picture = dead_leaves(100, side=128).flip(1).pow(0.5)
    unseen = dead_leaves(200, side=128)
    with torch.inference_mode():
        style = network.encode(picture)
    refined = refine(network, style.clone(), picture, steps=REFINEMENT)

    def painted(rgb: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return paint_still(network, rgb, vector, margin=network.margin)

    def distance(vector: torch.Tensor) -> float:
        seen, wanted = (look(network.style, rgb)[1] for rgb in (painted(unseen, vector), picture))
        return float(losses.style_distance(seen, wanted))

    def loss_of_its_own(vector: torch.Tensor) -> float:
        return float((painted(picture, vector) - picture).abs().mean())

    assert distance(refined) < 0.7 * distance(style)
    assert loss_of_its_own(refined) < 0.8 * loss_of_its_own(style)
    first, again = (refine(network, style.clone(), picture, steps=2) for _ in range(2))
    assert (first - again).abs().mean() < 2.5e-4  # threads may round in other ways; a step moves by 0.0125


def test_another_judge_is_asked_in_the_encoders_place() -> None:
    network, asked = Pincel().eval().requires_grad_(False), []

    def judge(rgb: torch.Tensor) -> list[torch.Tensor]:
        asked.append(rgb.shape[2])
        return [rgb * scale for scale in (1.0, 2.0, 3.0, 4.0)]

    style = torch.zeros(1, network.style_size)
    refine(network, style, torch.rand(1, 3, 32, 32), steps=1, judge=judge)
    assert asked == [32, 16, *[SIDE] * PICTURES, SIDE, SIDE // 2]


@pytest.mark.parametrize("steps", [0, 1])
def test_refining_leaves_the_style_it_was_given(steps: int) -> None:
    network = Pincel().eval().requires_grad_(False)
    style = torch.zeros(1, network.style_size)
    refined = refine(network, style, torch.rand(1, 3, 33, 110), steps=steps)
    assert not style.any()
    assert refined.any() == bool(steps)
