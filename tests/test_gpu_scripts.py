"""The scripts for a machine with a GPU, rehearsed without one."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.test_training import vgg_file, webp

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not shutil.which("bash"), reason="the scripts need bash, on Linux or macOS"
)


def script(name: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Rehearse a script of benchmarks/."""
    given = {"PINCEL_REHEARSE": "1", "PYTHON": sys.executable, "OMP_NUM_THREADS": "1", **environment}
    command = ["bash", str(ROOT / "benchmarks" / name), str(folder)]
    return subprocess.run(command, env=os.environ | given, capture_output=True, text=True, check=False)


@pytest.mark.timeout(180)
def test_the_gpu_script_leaves_every_result_and_does_nothing_twice(tmp_path: Path) -> None:
    folder, out = tmp_path / "gpu", tmp_path / "out"
    out.mkdir()
    late = script("gpu.sh", folder, PINCEL_SECONDS="0")
    assert late.returncode == 3, late.stderr
    assert not list(folder.iterdir())
    done = script("gpu.sh", folder, OUT=str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    names = {path.name for path in folder.iterdir()}
    assert {"facts.json", "parity-pincel.json", "profile.txt", "bench-pincel-32x24-1-fp32.json"} <= names
    assert not [name for name in names if name.startswith("draft-")]
    parity = json.loads((folder / "parity-pincel.json").read_text())["parity"]
    assert {"engine": "torch fp32", "size": "48x32", "mean": 0.0, "largest": 0} in parity
    assert any("left_out" in row for row in parity)
    with tarfile.open(out / "gpu.tar.gz") as packed:
        assert names == {Path(name).name for name in packed.getnames() if name != "."}
    again = script("gpu.sh", folder)
    assert again.returncode == 0
    assert "+" not in again.stdout


@pytest.mark.timeout(180)
def test_the_training_script_goes_on_until_the_weights_are_there(tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="Pillow, of the extra `train`, is not installed")
    data = {}
    for index, name in enumerate(("PHOTOS", "PAINTINGS")):
        (tmp_path / name).mkdir()
        for i in range(3):
            (tmp_path / name / f"{i}.webp").write_bytes(webp(10 * index + i))
        data[name] = str(tmp_path / name)
    data["VGG"] = str(vgg_file(tmp_path / "vgg.safetensors"))
    folder, out = tmp_path / "train", tmp_path / "out"
    out.mkdir()
    first = script("train_gpu.sh", folder, PINCEL_SECONDS="0", **data)
    assert first.returncode == 3, first.stdout + first.stderr
    assert json.loads((folder / "pincel/pincel.json").read_text())["progress"] == 0.5
    second = script("train_gpu.sh", folder, OUT=str(out), **data)
    assert second.returncode == 0, second.stdout + second.stderr
    for network in ("pincel", "pincel-16"):
        assert json.loads((out / network / f"{network}.json").read_text())["steps"] == 2
    whole, half = (load_file(out / network / f"{network}.safetensors", "cpu") for network in ("pincel", "pincel-16"))
    assert torch.equal(whole["style.c2.weight"], half["style.c2.weight"])
    third = script("train_gpu.sh", folder, **data)
    assert (third.returncode, third.stdout.startswith("trained: ")) == (0, True)
