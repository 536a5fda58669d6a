"""Where Pincel keeps things: the user's folders, and compiled engines that are never stale.

An engine is stored under a digest of everything that it was built from, in a folder of its own with a card that tells
the sha256 of its files. A folder appears whole or not at all; one that does not match its card is thrown away.
"""

import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import platformdirs

CARD = "card.json"
log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the folder for what can be made again; `PINCEL_HOME` overrides the system's choice."""
    home = os.environ.get("PINCEL_HOME")
    return Path(home) / "cache" if home else platformdirs.user_cache_path("pincel", appauthor=False)


def data_folder() -> Path:
    """Return the folder for what the user made; `PINCEL_HOME` overrides the system's choice."""
    home = os.environ.get("PINCEL_HOME")
    return Path(home) / "data" if home else platformdirs.user_data_path("pincel", appauthor=False)


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, its folder too where it is missing.

    Raises:
        OSError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(data)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


@dataclass(frozen=True, slots=True)
class EngineKey:
    """Everything that a compiled engine depends on; "any" where it does not."""

    network: str
    weights_sha256: str
    backend: str
    size: str
    batch: str
    precision: str
    device: str
    versions: str

    def digest(self) -> str:
        """Return a name for the engine's folder."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:32]


def engines_folder() -> Path:
    """Return the private folder of compiled engines."""
    folder = cache_folder() / "engines"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def fetch(key: EngineKey, build: Callable[[Path], dict[str, Any]]) -> tuple[Path, dict[str, Any]]:
    """Return the folder of an engine and the facts about it, building it when it is not stored whole.

    Args:
        key: what the engine depends on.
        build: writes the engine's files into the empty folder it is given and returns facts to remember.

    Raises:
        Whatever `build` raises; then nothing is stored.
    """
    folder = engines_folder() / key.digest()
    started = time.perf_counter()
    if folder.exists():
        facts = read_facts(folder)
        if facts is not None:
            log.info("%s engine loaded in %.1f s", key.backend, time.perf_counter() - started)
            return folder, facts
        log.warning("stored %s engine %s is damaged: building it again", key.backend, folder.name)
        shutil.rmtree(folder)
    reason = why_missing(key)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=folder.parent) as name:
        draft = Path(name) / "engine"
        draft.mkdir()
        facts = build(draft)
        files = {path.name: file_sha256(path) for path in sorted(draft.iterdir())}
        card = {"key": asdict(key), "files": files, "facts": facts}
        (draft / CARD).write_text(json.dumps(card, indent=1))
        if not folder.exists():  # else another process was faster, with the same result
            draft.replace(folder)
    log.info("%s engine built in %.1f s because: %s", key.backend, time.perf_counter() - started, reason)
    return folder, facts


def code_id(*names: str) -> str:
    """Return a digest of the source of the graph, its networks, and more files of this folder: a part of every key."""
    folder = Path(__file__).parent
    sources = (folder / "pixels.py", *sorted((folder / "networks").glob("*.py")), *(folder / name for name in names))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class StoredEngine:
    """An engine in the store: the fields of its key, what its builder found, its bytes, and when it was built."""

    folder: Path
    key: dict[str, str]
    facts: dict[str, Any]
    size_bytes: int
    built_at: float


def stored() -> list[StoredEngine]:
    """Return the engines in the store, newest first; those whose card cannot be read are left out."""
    found = []
    for path in engines_folder().glob(f"*/{CARD}"):
        try:
            card = json.loads(path.read_text())
            size_bytes = sum(each.stat().st_size for each in path.parent.iterdir())
            found.append(
                StoredEngine(path.parent, dict(card["key"]), dict(card["facts"]), size_bytes, path.stat().st_mtime)
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(found, key=lambda engine: engine.built_at, reverse=True)


def holds(key: EngineKey) -> bool:
    """Tell whether an engine is stored, whole."""
    return read_facts(engines_folder() / key.digest()) is not None


def clear() -> int:
    """Throw all stored engines away, damaged ones too; returns how many there were.

    Raises:
        OSError: one cannot be removed.
    """
    folders = [path for path in engines_folder().iterdir() if path.is_dir()]
    for folder in folders:
        shutil.rmtree(folder)
    return len(folders)


def read_facts(folder: Path) -> dict[str, Any] | None:
    """Return the facts of a stored engine, None when a file is missing or not what it was."""
    try:
        card = json.loads((folder / CARD).read_text())
        whole = all(file_sha256(folder / name) == digest for name, digest in card["files"].items())
        return dict(card["facts"]) if whole else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def why_missing(key: EngineKey) -> str:
    """Say in which fields the nearest stored engine differs."""
    wanted = asdict(key)
    differences: list[list[str]] = [
        [f"new {name} {value}" for name, value in wanted.items() if engine.key.get(name) != value]
        for engine in stored()
    ]
    nearest = min(differences, key=len, default=["first use"])
    return ", ".join(nearest)
