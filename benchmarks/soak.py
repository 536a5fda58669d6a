"""Whether a live run stays as it began: `python -m benchmarks.soak --minutes 30`.

`pincel webcam` paints a stream over a socket and records it, while the sender is killed and started again all the
time. Memory, threads and open files are read from /proc (Linux) every few seconds; growth is that of the last fifth
of the run over the second fifth, for caches fill at the beginning.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import write
from tests.senders import Sender, free_port

OUTPUT = Path("benchmarks/results/soak.json")
EVERY_SECONDS = 3.0


def sample(pid: int) -> dict[str, float]:
    """Read what a process holds: memory in MB, threads, open files."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = {key: value.split()[0] for key, _, value in (line.partition(":") for line in lines) if value.strip()}
    files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return {"memory_mb": int(status["VmRSS"]) / 1024, "threads": int(status["Threads"]), "files": files}


def soak(folder: Path, *, seconds: float, sender_seconds: float) -> tuple[list[dict[str, float]], dict[str, Any]]:
    """Run it; returns the samples and the run's own report."""
    port, report = free_port(), folder / "report.json"
    command = [sys.executable, "-c", "from realtime.cli import main; main()", "webcam", "--no-window", "--quiet"]
    command += ["--camera", f"http://127.0.0.1:{port}/live", "--tour", "5", "--strength", "0.8"]
    command += ["--record", str(folder / "film.mkv"), "--report", str(report)]
    samples: list[dict[str, float]] = []

    def watch(pid: int) -> None:
        until = time.monotonic() + sender_seconds
        while time.monotonic() < until:
            time.sleep(EVERY_SECONDS)
            samples.append(sample(pid))

    started = time.monotonic()
    with Sender("http", port):
        process = subprocess.Popen(command)
        watch(process.pid)
    while time.monotonic() - started < seconds:
        with Sender("http", port):
            watch(process.pid)
    process.send_signal(signal.SIGINT)
    process.wait()
    return samples, json.loads(report.read_text())["runs"][0]


def growth(samples: list[dict[str, float]], name: str) -> float:
    """Return how much more there is in the last fifth than in the second, by their medians."""
    fifth = len(samples) // 5
    values = [each[name] for each in samples]
    return float(np.median(values[-fifth:]) - np.median(values[fifth : 2 * fifth]))


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--sender-seconds", type=float, default=20, help="after which the sender is killed")
    parser.add_argument("--json", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored under nohup, which the run would inherit
    with tempfile.TemporaryDirectory() as name:
        samples, run = soak(Path(name), seconds=arguments.minutes * 60, sender_seconds=arguments.sender_seconds)
    result = {
        "minutes": arguments.minutes,
        "frames": run["frames"],
        "outages": len(run["outages"]),
        "outages_over": sum(outage["seconds"] is not None for outage in run["outages"]),
        "memory_mb": round(samples[-1]["memory_mb"], 1),
        **{f"{name}_growth": round(growth(samples, name), 1) for name in ("memory_mb", "threads", "files")},
    }
    print(json.dumps(result))
    write(arguments.json, {"soak": result})


if __name__ == "__main__":
    main()
