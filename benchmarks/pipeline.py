"""What the pipeline adds to painting: `python -m benchmarks.pipeline`.

* ratio: time of a whole conversion over frames x time of painting alone, in alternating runs on a 640x360 clip;
* start: from the start of the process to its first painted frame, with an empty cache and with a filled one;
* memory: peak of a 1080p conversion, and resident after 200 and after the last of many frames.

Runs on Linux, which tells memory in /proc.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.machine import write
from engines import Stream, library, open_engine
from realtime.bench import convert, make_clip
from realtime.grid import bordered
from realtime.media import Frame
from realtime.pattern import Pattern
from realtime.pipeline import run
from realtime.stylizer import Stylizer
from realtime.video import VideoReader
from realtime.video_writer import VideoWriter

STYLE = "starry_night"
OUTPUT = Path("benchmarks/results/pipeline.json")


def convert_clip(source: Path, target: Path) -> tuple[float, int]:
    """Convert as the command line does; returns seconds from opening to closing, and frames."""
    engine = open_engine()
    engine.prepare(bordered((360, 640)))
    stylizer = Stylizer(engine, library.find(STYLE, network=engine.network).vector)
    seconds, report = convert(source, target, stylizer)
    return seconds, report.frames


def paint_alone(size: tuple[int, int], count: int) -> float:
    """Return the median seconds that the engine alone takes for a frame with its border."""
    engine = open_engine()
    pattern, stream = Pattern(bordered(size)), Stream()
    style = library.find(STYLE, network=engine.network).vector
    times = []
    for index in range(count):
        frame = pattern.paint(index)[None]
        started = time.perf_counter()
        engine.paint(frame, style, stream=stream, gain=0.85, memory=0.8, noise=0.01)
        times.append(time.perf_counter() - started)
    return float(np.median(times[2:]))


def ratio(folder: Path, *, rounds: int, count: int) -> dict[str, float]:
    """Compare a conversion with painting alone, in turns."""
    clip = make_clip(folder / "clip.mp4", size=(360, 640), count=count)
    ratios, alone = [], []
    for _ in range(rounds):
        before = paint_alone((360, 640), count // 2)
        seconds, frames = convert_clip(clip, folder / "out.mp4")
        engine = (before + paint_alone((360, 640), count // 2)) / 2
        ratios.append(seconds / (frames * engine))
        alone.append(engine)
    return {"ratio": round(float(np.median(ratios)), 3), "ratios": [round(each, 3) for each in ratios],  # type: ignore[dict-item]
            "engine_ms": round(float(np.median(alone)) * 1e3, 2), "frames": frames}  # fmt: skip


FIRST_FRAME = f"""
import sys, time
from realtime.__main__ import main
from realtime import stylizer
begin = stylizer.Stylizer.begin
def stop(self, frame):
    begin(self, frame)()
    print(time.time())
    sys.stdout.flush()
    import os; os._exit(0)
stylizer.Stylizer.begin = stop
sys.argv[1:] = ["convert", sys.argv[1], "-o", sys.argv[2], "--style", "{STYLE}", "--quiet", "--force"]
main()
"""


def start(folder: Path, *, rounds: int) -> dict[str, float]:
    """Time processes from their start to their first painted frame."""
    clip = make_clip(folder / "short.mp4", size=(360, 640), count=30)
    results = {}
    for kind in ("empty cache", "filled cache"):
        times = []
        for index in range(rounds):
            home = folder / ("home" if kind == "filled cache" else f"home{index}")
            environment = os.environ | {"PINCEL_HOME": str(home)}
            command = [sys.executable, "-c", FIRST_FRAME, str(clip), str(folder / "first.mp4")]
            if kind == "filled cache" and index == 0:
                subprocess.run(command, env=environment, check=True, capture_output=True)
            began = time.time()
            done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            times.append(float(done.stdout) - began)
        results[kind.replace(" ", "_") + "_seconds"] = round(float(np.median(times)), 2)
    return results


def peak_memory(folder: Path) -> dict[str, float]:
    """Convert a 1080p clip in processes of their own, the first of which has to build the engine; returns peaks."""
    clip = make_clip(folder / "hd.mp4", size=(1080, 1920), count=40)
    command = [sys.executable, "-m", "realtime", "convert", str(clip), "-o", str(folder / "hd-out.mp4")]
    environment = os.environ | {"PINCEL_HOME": str(folder / "hd-home")}
    peaks = {}
    for kind in ("first_run", "later_run"):
        process = subprocess.Popen([*command, "--style", STYLE, "--quiet", "--force"], env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise RuntimeError(f"the conversion ended with status {status}")
        peaks[f"peak_1080p_{kind}_mb"] = round(usage.ru_maxrss / 1024, 1)
    return peaks


def growth(*, count: int) -> dict[str, float]:
    """Paint many frames through the whole pipeline and compare resident memory after 200 and at the end."""
    engine = open_engine()
    stylizer = Stylizer(engine, library.find(STYLE, network=engine.network).vector, rate=Fraction(30))
    resident: dict[int, float] = {}

    def paint(frame: Frame) -> Frame:
        if frame.index in (200, count - 1):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            resident[frame.index] = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
        return stylizer.paint(frame)

    with tempfile.TemporaryDirectory() as name:
        size = (90, 160)
        clip = make_clip(Path(name) / "long.mp4", size=size, count=count)
        sink = VideoWriter(Path(name) / "out.mp4", size=size, rate=Fraction(30), tracks=clip)
        run(VideoReader(clip), partial(map, paint), [sink])
    return {"growth_mb": round(resident[count - 1] - resident[200], 1), "growth_frames": count}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=150, help="of the clip that is converted each round")
    parser.add_argument("--json", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    results: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in (
            peak_memory(folder),
            start(folder, rounds=arguments.rounds),
            ratio(folder, rounds=arguments.rounds, count=arguments.frames),
            growth(count=3001),
        ):
            print(json.dumps(part))
            results |= part
    write(arguments.json, {"pipeline": results})


if __name__ == "__main__":
    main()
