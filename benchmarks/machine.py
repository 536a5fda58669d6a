"""What every result carries: the machine, the versions and the commit."""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("pincel", "torch", "openvino", "numpy", "opencv-python", "av")
ROOT = Path(__file__).parents[1]


def facts() -> dict[str, object]:
    """Return machine, versions, commit and time."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "machine": {"cpu": cpu(), "cores": os.cpu_count(), "system": platform.platform(terse=True)},
        "versions": {"python": platform.python_version(), **versions},
        "commit": git("rev-parse", "--short", "HEAD") + ("-dirty" if git("status", "--porcelain") else ""),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def cpu() -> str:
    """Return the CPU's model and what of 16-bit arithmetic it has."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    values = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    wide = [flag for flag in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if flag in values.get("flags", "").split()]
    return " ".join([values.get("model name", platform.processor()), *wide])


def git(*arguments: str) -> str:
    """Return what git says, "" outside a checkout."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def write(path: Path, results: dict[str, object]) -> None:
    """Write results with their facts as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts() | results, indent=1) + "\n")
    print(f"wrote {path}")
