"""Frames a second of every engine at every size, bytes in to bytes out: `python -m benchmarks.throughput`.

The engines take turns frame by frame, so that a machine that slows down slows all of them; each figure is the median
after a warm-up, with its 5th and 95th percentile. Frames are the moving test picture, not zeros; steadying is on.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.machine import write
from engines import BackendUnavailable, Engine, Stream, library, open_engine
from realtime.pattern import Pattern

SIZES = ((240, 320), (360, 640), (480, 640), (720, 1280), (1080, 1920))
ENGINES = (("openvino", "bf16"), ("openvino", "fp32"), ("torch", "fp32"))
WARM_UP = 2
OUTPUT = Path("benchmarks/results/throughput.json")


def measure(engines: dict[str, Engine], size: tuple[int, int], seconds: float) -> dict[str, dict[str, float]]:
    """Time engines in turn on frames of a size; returns milliseconds and frames a second by engine."""
    pattern = Pattern(size)
    frames = [pattern.paint(index)[None] for index in range(4)]
    streams = {name: Stream() for name in engines}
    times: dict[str, list[float]] = {name: [] for name in engines}
    started = time.perf_counter()
    index = 0
    while time.perf_counter() - started < seconds or index < WARM_UP + 5:
        for name, engine in engines.items():
            style = library.find("starry_night", network=engine.network).vector
            before = time.perf_counter()
            engine.paint(frames[index % 4], style, stream=streams[name], gain=0.85, memory=0.8, noise=0.01)
            times[name].append(time.perf_counter() - before)
        index += 1
    results = {}
    for name, values in times.items():
        low, median, high = np.percentile(values[WARM_UP:], (5, 50, 95)) * 1e3
        results[name] = {
            "p5_ms": round(low, 2), "p50_ms": round(median, 2), "p95_ms": round(high, 2), "fps": round(1e3 / median, 2)
        }  # fmt: skip
    return results


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15, help="for each size")
    parser.add_argument("--json", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    engines = {}
    for backend, precision in ENGINES:
        try:
            engines[f"{backend} {precision}"] = open_engine(backend=backend, precision=precision)
        except BackendUnavailable as error:
            print(f"left out: {error}")
    results = {}
    for size in SIZES:
        label = f"{size[1]}x{size[0]}"
        results[label] = measure(engines, size, arguments.seconds)
        print(label, *(f"{name} {row['p50_ms']} ms" for name, row in results[label].items()), sep="  ")
    write(arguments.json, {"throughput": results})


if __name__ == "__main__":
    main()
