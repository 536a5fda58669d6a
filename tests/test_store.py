import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engines import store

KEY = store.EngineKey("pincel", "aa", "openvino", "640x480", "1", "bf16", "a CPU", "1.0")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINCEL_HOME", str(tmp_path))


class Builder:
    """Counts how often it builds."""

    def __init__(self) -> None:
        self.built = 0

    def __call__(self, folder: Path) -> dict[str, Any]:
        self.built += 1
        (folder / "model.bin").write_bytes(b"engine")
        return {"mean": 0.25}


def test_an_engine_is_built_once() -> None:
    build = Builder()
    first, facts = store.fetch(KEY, build)
    again, facts_again = store.fetch(KEY, build)
    assert build.built == 1
    assert first == again
    assert facts == facts_again == {"mean": 0.25}
    assert (first / "model.bin").read_bytes() == b"engine"


@pytest.mark.parametrize("field", store.EngineKey.__dataclass_fields__)
def test_every_field_of_the_key_makes_another_engine(field: str) -> None:
    build = Builder()
    store.fetch(KEY, build)
    store.fetch(replace(KEY, **{field: "other"}), build)
    assert build.built == 2


def test_why_it_builds_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    store.fetch(KEY, Builder())
    assert "because: first use" in caplog.text
    store.fetch(replace(KEY, size="1920x1080"), Builder())
    assert "because: new size 1920x1080" in caplog.text


@pytest.mark.parametrize("damage", ["model.bin", "card.json", "missing"])
def test_a_damaged_engine_is_built_again(damage: str, caplog: pytest.LogCaptureFixture) -> None:
    build = Builder()
    folder, _ = store.fetch(KEY, build)
    if damage == "missing":
        (folder / "model.bin").unlink()
    else:
        (folder / damage).write_bytes(b"{}")
    again, _ = store.fetch(KEY, build)
    assert build.built == 2
    assert "damaged" in caplog.text
    assert (again / "model.bin").read_bytes() == b"engine"


def test_an_interrupted_build_leaves_nothing() -> None:
    def fail(folder: Path) -> dict[str, Any]:
        (folder / "model.bin").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.fetch(KEY, fail)
    assert list(store.engines_folder().iterdir()) == []


def test_of_two_builders_at_once_the_first_stays() -> None:
    def build(folder: Path) -> dict[str, Any]:
        store.fetch(KEY, Builder())
        (folder / "model.bin").write_bytes(b"later")
        return {}

    folder, _ = store.fetch(KEY, build)
    assert (folder / "model.bin").read_bytes() == b"engine"
    assert json.loads((folder / store.CARD).read_text())["key"]["size"] == "640x480"
