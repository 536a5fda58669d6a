"""What this machine has to compute with, and what a result must tell of it."""

import os
import platform
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

Device = Literal["cuda", "mps", "cpu"]
PACKAGES = (
    "pincel", "torch", "openvino", "torch-tensorrt", "torch-tensorrt-rtx", "triton", "numpy", "opencv-python", "av",
    "safetensors",
)  # fmt: skip
ROOT = Path(__file__).parents[1]


def accelerator() -> Device:
    """Return the fastest device that PyTorch can use here."""
    # Importing torch takes seconds: look for a GPU's traces first.
    if sys.platform != "darwin" and not shutil.which("nvidia-smi") and not Path("/dev/nvidiactl").exists():
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def facts() -> dict[str, object]:
    """Return machine, driver, versions, commit and time: what every result carries."""
    machine = {"cpu": cpu(), "cores": os.cpu_count(), "system": platform.platform(terse=True)}
    if gpu := said("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"):
        machine["gpu"], _, machine["driver"] = gpu.splitlines()[0].partition(", ")
    return {
        "machine": machine,
        "versions": {"python": platform.python_version(), **versions()},
        "commit": commit(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def versions() -> dict[str, str]:
    """Return the versions of Pincel and of what it stands on."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def cpu() -> str:
    """Return the CPU's model and what of 16-bit arithmetic it has."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    values = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    wide = [flag for flag in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if flag in values.get("flags", "").split()]
    return " ".join([values.get("model name", platform.processor()), *wide])


def commit() -> str:
    """Return the git commit of this code, "-dirty" where it was changed since, "" where it is not in its checkout."""
    checkout = said("git", "-C", str(ROOT), "rev-parse", "--show-toplevel")
    if not checkout or Path(checkout).resolve() != ROOT.resolve():
        return ""
    dirty = "-dirty" if said("git", "-C", str(ROOT), "status", "--porcelain") else ""
    return said("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD") + dirty


def said(name: str, *arguments: str) -> str:
    """Return what a program prints, "" where it is missing or fails."""
    path = shutil.which(name)
    if path is None:
        return ""
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout.strip() if done.returncode == 0 else ""
