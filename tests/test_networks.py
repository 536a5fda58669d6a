"""Weights that are not bundled: how they come in, and what is said when they do not fit."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engines import WeightsError, network_id, open_engine
from engines.importers import read_checkpoint
from engines.networks import NETWORKS
from engines.networks.pincel import Pincel
from engines.weights import import_network, load_network
from tests.commands import pincel


def convert(paths: list[Path]) -> dict[str, Tensor]:
    """Import a network whose published file is its state dict."""
    return read_checkpoint(paths[0])


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the tests a folder, and a network `mine` that has Pincel's shape and no weights yet."""
    monkeypatch.setenv("PINCEL_HOME", str(tmp_path / "home"))
    card = replace(NETWORKS["pincel"], name="mine", bundled=None, importer=__name__, files=("mine.pth",))
    monkeypatch.setitem(NETWORKS, "mine", card)
    return iter(())


@pytest.fixture
def tensors() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return Pincel().state_dict()


@pytest.fixture
def published(tmp_path: Path, tensors: dict[str, Tensor]) -> Path:
    torch.save(tensors, tmp_path / "mine.pth")
    return tmp_path / "mine.pth"


def test_a_network_without_weights_says_how_to_get_them() -> None:
    for use in (lambda: network_id("mine"), lambda: load_network("mine"), lambda: open_engine("mine")):
        with pytest.raises(WeightsError, match=r"'mine' is not installed: pincel networks import mine mine\.pth"):
            use()


def test_an_imported_network_is_there_for_good(published: Path, tensors: dict[str, Tensor]) -> None:
    result = pincel("networks", "import", "mine", published)
    assert (result.code, "--network mine" in result.err) == (0, True)
    loaded = load_network("mine").state_dict()
    assert all((loaded[key] == tensors[key]).all() for key in tensors)
    listed = [line.split() for line in pincel("networks", "list").out.splitlines()]
    assert [words[-1] for words in listed if words[0] in ("pincel", "mine")] == ["bundled", "installed"]
    told = pincel("networks", "info", "mine").out
    assert network_id("mine") in told
    assert "mine.pth" in told


def test_an_import_replaces_the_weights_and_their_id(published: Path, tensors: dict[str, Tensor]) -> None:
    import_network("mine", [published])
    before = network_id("mine")
    torch.save(tensors | {"e1.bias": tensors["e1.bias"] + 1}, published)
    import_network("mine", [published])
    assert network_id("mine") != before


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("cut", "mine.pth is damaged"),
        ("text", "mine.pth is damaged"),
        ("missing file", "cannot read .*mine.pth: No such file"),
        ("list", "holds no named tensors"),
        ("code", "mine.pth is damaged"),
        ("missing", "mine.pth is not for the network 'mine': no tensor e2.weight"),
        ("unknown", "mine.pth is not for the network 'mine': unknown tensor e9.weight"),
        ("shape", r"mine.pth: e2.weight has shape \[3, 3\], the network 'mine' wants \[64, 32, 3, 3\]"),
        ("nan", "mine.pth: e2.weight holds numbers that are not finite"),
    ],
)
def test_files_that_do_not_fit_install_nothing(
    published: Path, tensors: dict[str, Tensor], damage: str, says: str
) -> None:
    weight = tensors["e2.weight"]
    whole = published.read_bytes()
    changed = {
        "missing": {key: tensor for key, tensor in tensors.items() if key != "e2.weight"},
        "unknown": tensors | {"e9.weight": weight},
        "shape": tensors | {"e2.weight": torch.zeros(3, 3)},
        "nan": tensors | {"e2.weight": weight * float("nan")},
        "list": [weight],
        "code": {"e2.weight": Path("/")},
    }
    if damage in changed:
        torch.save(changed[damage], published)
    elif damage == "missing file":
        published.unlink()
    else:
        published.write_bytes(b"not at all" if damage == "text" else whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match=says):
        import_network("mine", [published])
    assert not NETWORKS["mine"].weights.parent.exists()
    result = pincel("networks", "import", "mine", published)
    assert (result.code, result.line != "") == (1, True)


def test_a_bundled_network_is_not_imported(published: Path) -> None:
    assert "comes with Pincel" in pincel("networks", "import", "pincel", published).line
    assert "choose one of" in pincel("networks", "info", "nonsense").line
