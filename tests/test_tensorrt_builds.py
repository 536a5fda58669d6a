"""TensorRT's own builder takes every network whole, on a machine without a GPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engines.networks import NETWORKS

WHEELS = os.environ.get("PINCEL_TRT_WHEELS", "")
LONGEST = 360  # seconds; four builds take one or two minutes

pytestmark = [
    pytest.mark.tensorrt_wheels,
    pytest.mark.timeout(LONGEST + 10),
    pytest.mark.skipif(
        not Path(WHEELS, "torch_tensorrt").is_dir(),
        reason="PINCEL_TRT_WHEELS is no folder with TensorRT-RTX's wheels: see benchmarks/trt_build_check.py",
    ),
]


@pytest.mark.parametrize("network", NETWORKS)
def test_no_operator_is_left_to_pytorch(network: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.trt_build_check", "--all", network],
        env=os.environ | {"PYTHONPATH": os.pathsep.join((WHEELS, "."))},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith(network)]
    builds = [line for line in lines if "ONNX" not in line]
    assert len(builds) == 4, "both precisions, for one size and for any"
    assert all("whole, " in line for line in builds)
    assert "parsed, " in lines[-1], "onnx and onnxscript are to be installed"
