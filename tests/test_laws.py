"""The walls of the house, read from the import statements."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "realtime": {"torch", "openvino", "torch_tensorrt", "tensorrt"},
    "engines": {"cv2", "av", "realtime", "typer", "rich"},
}
# The stylizer and the commands are the doors through which engines are used.
DOORS = {"realtime/stylizer.py", "realtime/cli.py", *(f"realtime/commands/{p.name}" for p in
         (ROOT / "realtime/commands").glob("*.py"))}  # fmt: skip
MOST_LINES = 300
SOURCES = sorted(path for room in FORBIDDEN for path in (ROOT / room).rglob("*.py"))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def label(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=label)
def test_nothing_but_arrays_passes_the_wall(path: Path) -> None:
    assert not imports(path) & FORBIDDEN[label(path).split("/")[0]]


@pytest.mark.parametrize("path", sorted((ROOT / "realtime").rglob("*.py")), ids=label)
def test_engines_are_used_through_the_doors(path: Path) -> None:
    assert "engines" not in imports(path) or label(path) in DOORS


@pytest.mark.parametrize("path", SOURCES, ids=label)
def test_threads_live_in_one_file(path: Path) -> None:
    concurrent = {"threading", "_thread", "concurrent", "multiprocessing", "asyncio", "queue"}
    # A training computes the batches of a step side by side; nothing else shares anything with it.
    assert not imports(path) & concurrent or label(path) in {"realtime/channel.py", "engines/training/trainer.py"}


@pytest.mark.parametrize("path", SOURCES, ids=label)
def test_nothing_unpickles(path: Path) -> None:
    assert not imports(path) & {"pickle", "shelve", "dill", "joblib", "marshal"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "load":
            assert ast.unparse(node.func.value) != "torch" or "weights_only=True" in ast.unparse(node)


@pytest.mark.parametrize("path", SOURCES, ids=label)
def test_a_file_is_one_idea(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("module", ["engines", "realtime.cli"])
def test_importing_loads_no_compiler(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'torch', 'openvino'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
