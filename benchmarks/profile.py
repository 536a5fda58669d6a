"""Where the time of painting goes, kernel by kernel: `python -m benchmarks.profile`."""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from engines import open_engine
from engines.engine import Resident
from realtime.commands.bench import read_size
from realtime.pattern import Pattern
from realtime.stylizer import GAIN, MEMORY

WARM_UP, COUNT = 5, 20


def main() -> None:
    """Profile and write a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="pincel")
    parser.add_argument("--engine", default="torch")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--size", default="1080p")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    size = read_size(arguments.size)
    engine = open_engine(arguments.network, backend=arguments.engine, precision=arguments.precision)
    program = engine.prepare(size)
    if not isinstance(program, Resident):
        raise SystemExit(f"{engine.name} cannot be profiled on its device")
    frames = Pattern(size).paint(0)[None]
    given = frames, engine.read_style(frames[0])[None], np.array([[MEMORY, GAIN, 0.01, 0.0]], np.float32)
    state = program.blank()
    program.repeat(*given, state, WARM_UP)
    on_gpu = torch.cuda.is_available()
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]) as found:
        seconds = program.repeat(*given, state, COUNT)
    order = "cuda_time_total" if on_gpu else "cpu_time_total"
    table = found.key_averages().table(sort_by=f"self_{order}", row_limit=25)
    arguments.output.write_text(
        f"{engine.backend.reason}, {size[1]}x{size[0]}: {seconds / COUNT * 1e3:.3f} ms\n{table}\n"
    )
    print(table)


if __name__ == "__main__":
    main()
