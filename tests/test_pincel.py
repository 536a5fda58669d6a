from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from engines import WeightsError
from engines.networks.magenta import Magenta
from engines.networks.pincel import Doubling, Pincel
from engines.networks.statistics import Modulation, centre, mean_and_variance, statistics
from engines.networks.vgg import Vgg
from engines.weights import fill_network, load_network


@pytest.fixture(scope="module")
def network() -> Pincel:
    network = load_network("pincel")
    assert isinstance(network, Pincel)
    return network


def doubling(weight: torch.Tensor) -> torch.Tensor:
    """Turn nearest-neighbour enlargement and a convolution [O, I, 3, 3] into the same as one `Doubling`."""
    taps = torch.einsum("oiyx,yv,xu->iovu", weight.float(), *2 * [torch.eye(3, 4) + torch.eye(3, 4).roll(1, 1)])
    return taps.flip(2, 3)


def test_the_reference_painting_comes_out(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shared / "bootstrap"
    # The bootstrap reads styles in another way; it paints in the same, without the finest skip and with zeros around.
    tensors = load_file(folder / "pincel_bootstrap.safetensors")
    painter = {name: tensor for name, tensor in tensors.items() if not name.startswith(("style", "hyper"))}
    reads = {name: tensor for name, tensor in Pincel().state_dict().items() if name.startswith(("style", "hyper"))}
    nothing = {"fine.weight": torch.zeros(32, 32, 1, 1), "fine.bias": torch.zeros(32)}
    doublings = {name: doubling(painter[name]) for name in ("d1.weight", "d2.weight")}
    network = fill_network("pincel", painter | doublings | nothing | reads, origin="the bootstrap")
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.padding_mode = "zeros"
    monkeypatch.setattr(Doubling, "forward", lambda self, x: F.conv_transpose2d(x, self.weight, self.bias, 2, 1))
    reference = load_file(folder / "reference.safetensors")
    style = reference["style"]
    with torch.inference_mode():
        painted, _ = network(reference["content"], style, torch.zeros_like(style), torch.zeros(1))
    assert (painted - reference["painted"]).abs().max() < 1 / 255


def unevenness(network: Pincel) -> float:
    """Return how uneven a flat surface is painted beyond the reach of noise, to the border, in grey levels."""
    torch.manual_seed(0)
    rgb = torch.rand(3, 1, 1).expand(1, 3, 288, 384).clone()
    rgb[..., :96] = torch.rand(3, 288, 96)
    style = 0.3 * torch.randn(1, network.style_size)
    with torch.inference_mode():
        painted, _ = network(rgb, style, torch.zeros_like(style), torch.zeros(1))
    return 255 * float(painted[..., 192:].std((2, 3)).max())


def test_what_is_flat_is_painted_flat_by_level_weights() -> None:
    torch.manual_seed(0)
    network = Pincel()
    before = unevenness(network)
    network.level()
    assert unevenness(network) < 1e-3 * before


@pytest.mark.parametrize("name", ["pincel", "pincel-16"])
def test_bundled_weights_paint_what_is_flat_flat_to_the_border(name: str) -> None:
    bundled = load_network(name)
    assert isinstance(bundled, Pincel)
    assert unevenness(bundled) < 0.1


def test_the_style_encoder_sees_in_vgg_s_shapes() -> None:
    rgb = torch.rand(2, 3, 48, 64)
    with torch.inference_mode():
        seen, read = Vgg()(rgb), Pincel().style(rgb)
    assert [each.shape for each in read] == [each.shape for each in seen]


def test_sizes_are_as_said(network: Pincel) -> None:
    style = torch.zeros(2, network.style_size)
    with torch.inference_mode():
        painted, scene = network(torch.rand(2, 3, 48, 64), style, style, torch.zeros(2))
    assert painted.shape == (2, 3, 48, 64)
    assert scene.shape == style.shape == (2, 2432)
    assert painted.min() >= 0
    assert painted.max() <= 1


@pytest.mark.parametrize("kind", [Pincel, Magenta])
def test_centring_leaves_the_painting(kind: type[Pincel | Magenta]) -> None:
    torch.manual_seed(0)
    rgb, other = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 48, 80)
    network, centred = (kind().eval().requires_grad_(False) for _ in range(2))
    centred.load_state_dict(network.state_dict())
    with torch.inference_mode():
        style = network.encode(rgb)
        centre(centred, rgb)
        before, _ = network(other, style, style * 0, torch.zeros(1))
        after, _ = centred(other, style, style * 0, torch.zeros(1))
        _, scene = centred(rgb, style, style * 0, torch.zeros(1))
    assert (before - after).abs().max() < 1e-4
    assert scene.chunk(2, 1)[0].abs().max() < 1e-4


def test_adain_gives_the_styles_statistics() -> None:
    torch.manual_seed(0)
    x, scale, shift = torch.randn(2, 4, 16, 16) * 3 + 1, torch.rand(2, 4), torch.rand(2, 4)
    adain = Modulation(torch.cat([scale - 1, shift], 1), torch.zeros(2, 8), torch.zeros(2), [4])
    y = adain(x)
    assert y.mean((2, 3)) == pytest.approx(shift, abs=1e-4)
    assert y.std((2, 3), correction=0) == pytest.approx(scale, abs=1e-4)
    means, variances = adain.scene().chunk(2, 1)
    assert means == pytest.approx(x.mean((2, 3)), abs=1e-5)
    assert variances == pytest.approx(x.var((2, 3), correction=0), rel=1e-4)


def test_statistics_have_the_gradient_of_their_operations() -> None:
    torch.manual_seed(0)
    x = (torch.randn(2, 5, 6, 7) + 1).requires_grad_()
    shares = torch.randn(2, 2, 5)
    gradients = []
    for take in (statistics, mean_and_variance):
        mean, variance = take(x)
        loss = (shares[0] * mean).sum() + (shares[1] * variance.sqrt()).sum()
        gradients.append(torch.autograd.grad(loss, x)[0])
    torch.testing.assert_close(gradients[1], gradients[0])


def test_memory_mixes_statistics() -> None:
    x, before = torch.randn(1, 4, 8, 8), torch.rand(1, 8)
    current = Modulation(torch.zeros(1, 8), before, torch.zeros(1), [4])
    current(x)
    mixed = Modulation(torch.zeros(1, 8), before, torch.full((1,), 0.75), [4])
    mixed(x)
    assert mixed.scene() == pytest.approx(0.75 * before + 0.25 * current.scene(), abs=1e-5)


@pytest.mark.parametrize("change", ["missing", "unknown", "shape"])
def test_weights_that_do_not_fit_name_the_tensor(tmp_path: Path, network: Pincel, change: str) -> None:
    tensors = dict(network.state_dict())
    if change == "missing":
        del tensors["e2.weight"]
    elif change == "unknown":
        tensors["e4.weight"] = torch.zeros(1)
    else:
        tensors["e2.weight"] = torch.zeros(3, 3)
    save_file(tensors, tmp_path / "wrong.safetensors")
    says = {
        "missing": "no tensor e2.weight",
        "unknown": "unknown tensor e4.weight",
        "shape": r"e2.weight has shape \[3",
    }
    with pytest.raises(WeightsError, match=says[change]):
        load_network("pincel", tmp_path / "wrong.safetensors")


def test_a_damaged_or_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\x00")
    for name in ("cut", "missing"):
        with pytest.raises(WeightsError, match="cannot read the weights"):
            load_network("pincel", tmp_path / f"{name}.safetensors")
    with pytest.raises(WeightsError, match="no network is called 'gatys'"):
        load_network("gatys")
