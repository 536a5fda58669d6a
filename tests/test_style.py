from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from engines import Cancelled, Style, WeightsError, blend, encode_style, encoder, library, network_id, style
from engines.encoder import REFINEMENT
from engines.networks import NETWORKS
from engines.networks.vgg import load_vgg
from engines.weights import load_network
from realtime.pattern import Pattern

NETWORK = network_id("pincel")
PICTURE = Pattern((64, 96)).paint(0)


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PINCEL_HOME", str(tmp_path))
    return tmp_path


def made(value: float, *, network: str = NETWORK, name: str = "a") -> Style:
    return Style(np.full(8, value, np.float32), network, name)


def test_a_blend_is_the_weighted_mean() -> None:
    mixed = blend([(made(1), 1.0), (made(5, name="b"), 3.0)])
    assert mixed.vector.dtype == np.float32
    assert mixed.vector == pytest.approx(np.full(8, 4.0))
    assert mixed.name == "a:0.25+b:0.75"


def test_a_blend_of_one_is_that_one() -> None:
    only = made(2)
    assert blend([(only, 0.3)]) is only


@pytest.mark.parametrize("weights", [[], [0.0, 0.0], [1.0, -0.5], [float("nan"), 1.0]])
def test_impossible_weights_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="cannot blend with the weights"):
        blend([(made(1), weight) for weight in weights])


def test_styles_of_two_networks_do_not_blend() -> None:
    with pytest.raises(WeightsError, match="pincel-1 and pincel-2 made them"):
        blend([(made(1, network="pincel-1"), 1.0), (made(1, network="pincel-2"), 1.0)])


def test_a_saved_style_comes_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "night.safetensors"
    saved = Style(np.arange(8, dtype=np.float32), NETWORK, "night", "ab12", "The Starry Night")
    style.save(saved, path)
    loaded = style.load(path, network=NETWORK)
    assert (loaded.vector == saved.vector).all()
    fields = ("network", "name", "picture_sha256", "title")
    assert [getattr(loaded, field) for field in fields] == [getattr(saved, field) for field in fields]
    assert [each.name for each in path.parent.iterdir()] == ["night.safetensors"]


def test_a_style_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.safetensors"
    style.save(made(1, network="pincel-0"), path)
    with pytest.raises(WeightsError, match=f"made by the network pincel-0, this one is {NETWORK}"):
        style.load(path, network=NETWORK)


def test_files_that_are_no_styles_are_refused(tmp_path: Path) -> None:
    text, tensors, broken = (tmp_path / f"{name}.safetensors" for name in ("text", "tensors", "broken"))
    text.write_text("not at all")
    save_file({"other": np.zeros(3, np.float32)}, tensors)
    style.save(made(float("nan")), broken)
    for path, says in ((text, "cannot read"), (tensors, "no Pincel style"), (broken, "not finite")):
        with pytest.raises(WeightsError, match=says):
            style.load(path, network=NETWORK)
    with pytest.raises(WeightsError, match="cannot read"):
        style.load(tmp_path / "missing.safetensors", network=NETWORK)


@pytest.mark.parametrize("name", [name for name, card in NETWORKS.items() if card.bundled])
def test_every_bundled_network_has_a_gallery(name: str) -> None:
    gallery, network = style.gallery(network_id(name)), load_network(name)
    assert len(gallery) == 21
    assert {"starry_night", "the_scream", "great_wave"} <= gallery.keys()
    for each in gallery.values():
        assert each.vector.shape == (network.style_size,)
        assert np.isfinite(each.vector).all()
        assert each.title
    assert style.gallery(f"{name}-of-another-age") == style.gallery("nothing-known") == {}


def test_the_gallery_is_what_its_pictures_encode_to(shared: Path) -> None:
    from realtime.images import read_picture

    known = style.gallery(NETWORK)["the_scream"]
    pixels = read_picture(shared / "styles" / "the_scream.jpg").pixels
    vgg = load_vgg(shared / "weights" / "vgg19_normalised_relu4_1.fp16.safetensors")
    vector, plain = (encoder.encode_vector(pixels, refinement=steps, judge=vgg) for steps in (REFINEMENT, 0))
    # Other processors round in other ways, which optimisation carries on.
    assert np.abs(vector - known.vector).mean() < 0.2 * np.abs(plain - known.vector).mean()
    assert style.picture_sha256(pixels) == known.picture_sha256


def test_a_picture_is_never_encoded_twice(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = encode_style(PICTURE, name="lake")
    monkeypatch.setattr(encoder, "encode_vector", None)
    again = encode_style(PICTURE.copy(), name="lake again")
    assert (again.vector == first.vector).all()
    assert again.name == "lake again"


def test_what_another_recipe_made_is_read_again(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = encode_style(PICTURE, name="lake")
    monkeypatch.setattr(encoder, "RECIPE", encoder.RECIPE + 1)
    monkeypatch.setattr(encoder, "encode_vector", lambda *_, **__: first.vector + 1)
    assert (encode_style(PICTURE, name="lake").vector == first.vector + 1).all()


def test_encoding_that_is_no_longer_wanted_ends_and_caches_nothing(own_home: Path) -> None:
    with pytest.raises(Cancelled):
        encode_style(PICTURE, name="lake", cancelled=lambda: True)
    assert not list(own_home.rglob("*.safetensors"))


def test_another_picture_is_another_style(own_home: Path) -> None:
    other = PICTURE.copy()
    other[0, 0, 0] ^= 1
    assert encode_style(PICTURE, name="x").picture_sha256 != encode_style(other, name="x").picture_sha256


def test_a_damaged_cache_is_encoded_again(own_home: Path) -> None:
    first = encode_style(PICTURE, name="lake")
    cached = next((own_home / "cache" / "styles").rglob("*.safetensors"))
    cached.write_bytes(b"damaged")
    assert (encode_style(PICTURE, name="lake").vector == first.vector).all()
    assert style.load(cached, network=NETWORK)


@pytest.mark.parametrize("shape", [(16, 16), (16, 400), (700, 40), (1080, 1920)], ids=str)
def test_pictures_of_every_shape_have_a_style(own_home: Path, shape: tuple[int, int]) -> None:
    vector = encode_style(Pattern(shape).paint(0), name="x").vector
    assert vector.shape == (2432,)
    assert np.isfinite(vector).all()


@pytest.mark.parametrize(
    "picture", [np.zeros((1, 1, 3), np.uint8), np.zeros((64, 64), np.uint8), np.zeros((64, 64, 3), np.float32)]
)
def test_what_is_no_picture_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a style picture is uint8"):
        encode_style(picture, name="x")


def test_own_styles_are_kept_found_and_forgotten(own_home: Path) -> None:
    library.add(made(1, name="Ana's drawing".replace("'", "")))
    assert "Anas drawing" in library.names(NETWORK)
    assert (library.find("Anas drawing", network=NETWORK).vector == 1).all()
    with pytest.raises(WeightsError, match="already a style"):
        library.add(made(2, name="Anas drawing"))
    library.add(made(2, name="Anas drawing"), force=True)
    assert (library.find("Anas drawing", network=NETWORK).vector == 2).all()
    library.remove("Anas drawing")
    assert "Anas drawing" not in library.names(NETWORK)


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(WeightsError, match="did you mean 'starry_night'"):
        library.find("stary_nigth", network=NETWORK)
    with pytest.raises(WeightsError, match="pincel styles list"):
        library.find("xqzw", network=NETWORK)


@pytest.mark.parametrize("name", ["../evil", "", "a/b", ".hidden", "x" * 99])
def test_names_that_are_no_file_names_are_refused(name: str) -> None:
    with pytest.raises(WeightsError, match="cannot be called"):
        library.add(made(1, name=name))


def test_a_built_in_style_stays(own_home: Path) -> None:
    with pytest.raises(WeightsError, match="not one of your own"):
        library.remove("starry_night")
