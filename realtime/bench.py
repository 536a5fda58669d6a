"""What `pincel bench` measures with: contenders that take turns, whole conversions, memory."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from realtime.pattern import Pattern
from realtime.pipeline import run
from realtime.report import Report
from realtime.stylizer import Stylizer
from realtime.video import VideoReader
from realtime.video_writer import VideoWriter

LEAST_TURNS = 3
STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass
class Contender:
    """Something to be timed in turns with others.

    Attributes:
        turn: does it for a moment; returns the seconds of each call.
        seconds: of all calls so far.
        joules, powered_seconds: energy used during the turns, and how long they took.
        stages_ms: medians of the stages, where there are any.
        failed: what ended it.
    """

    turn: Callable[[], Sequence[float]]
    seconds: list[float] = field(default_factory=list)
    joules: float = 0.0
    powered_seconds: float = 0.0
    stages_ms: dict[str, float] | None = None
    failed: str = ""

    @property
    def watts(self) -> float | None:
        """Return the mean power, None where no meter told."""
        known = self.powered_seconds and not math.isnan(self.joules)
        return self.joules / self.powered_seconds if known else None


@dataclass
class Row:
    """One measured figure.

    Attributes:
        engine: backend and precision.
        stage: "tensors" (on the device), "bytes" (in and out), "stream" (the same, transfers beside the painting) or
            "pipeline" (decode to encode).
        size: height and width.
        batch: frames a call.
        calls: how many were timed.
        p5_ms, p50_ms, p95_ms: of a call; of the pipeline, of a frame, percentiles over whole conversions.
        fps: frames a second at the median.
        gflop, gbyte: what a call costs at least, as counted.
        bound_ms: of a call, by the roofline.
        memory_mb: peak of what opening and painting added to the process; None where the system does not tell.
        cuda_mb, device_mb: peak of PyTorch's GPU memory; what is in use on the GPU by all.
        watts: mean while it ran.
        stages_ms: medians of reading, painting and writing.
        left_out: why there is nothing.
    """

    engine: str
    stage: str
    size: tuple[int, int]
    batch: int
    calls: int = 0
    p5_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    fps: float | None = None
    gflop: float | None = None
    gbyte: float | None = None
    bound_ms: float | None = None
    memory_mb: float | None = None
    cuda_mb: float | None = None
    device_mb: float | None = None
    watts: float | None = None
    stages_ms: dict[str, float] | None = None
    left_out: str = ""

    @property
    def reached(self) -> float | None:
        """Return the fraction of the roofline that was reached."""
        return self.bound_ms / self.p50_ms if self.bound_ms and self.p50_ms else None

    def fill(self, contender: Contender) -> None:
        """Take over what a contender has shown."""
        self.left_out = contender.failed
        if contender.failed or not contender.seconds:
            return
        low, median, high = np.percentile(contender.seconds, (5, 50, 95)) * 1e3
        self.calls = len(contender.seconds)
        self.p5_ms, self.p50_ms, self.p95_ms = (round(float(each), 4) for each in (low, median, high))
        self.fps = round(self.batch * 1e3 / float(median), 2)
        self.stages_ms = contender.stages_ms
        self.watts = None if contender.watts is None else round(contender.watts, 1)

    def as_dict(self) -> dict[str, object]:
        """Return what is known, for JSON; the size as "WIDTHxHEIGHT"."""
        reached = None if self.reached is None else round(self.reached, 4)
        values = asdict(self) | {"size": f"{self.size[1]}x{self.size[0]}", "reached": reached}
        return {name: value for name, value in values.items() if value not in (None, "")}


def take_turns(
    contenders: Sequence[Contender],
    *,
    seconds: float,
    failures: tuple[type[Exception], ...],
    joules: Callable[[], float] | None = None,
) -> None:
    """Let contenders take turns, so that a machine that slows down slows all of them.

    Args:
        contenders: warmed up; one that fails drops out and says why.
        seconds: for each; but every one gets `LEAST_TURNS`.
        failures: what may go wrong in a turn.
        joules: reads an energy meter.
    """
    started, turns = time.perf_counter(), 0
    while turns < LEAST_TURNS or time.perf_counter() - started < seconds * len(contenders):
        for contender in contenders:
            if contender.failed:
                continue
            before, energy = time.perf_counter(), joules() if joules else math.nan
            try:
                contender.seconds.extend(contender.turn())
            except failures as wrong:
                contender.failed = why(wrong)
            contender.joules += joules() - energy if joules else math.nan
            contender.powered_seconds += time.perf_counter() - before
        turns += 1


def why(wrong: Exception) -> str:
    """Return what an error says, in one line that is not long."""
    return " ".join(str(wrong).split())[:200] or type(wrong).__name__


def repeated(call: Callable[[], object], *, seconds: float = 0.05) -> Callable[[], list[float]]:
    """Return a turn that calls for a moment, at least once, and times each call."""

    def turn() -> list[float]:
        times: list[float] = []
        while sum(times) < seconds:
            started = time.perf_counter()
            call()
            times.append(time.perf_counter() - started)
        return times

    return turn


def make_clip(path: Path, *, size: tuple[int, int], count: int) -> Path:
    """Write the moving test picture as a video of 30 frames a second."""
    run(Pattern(size, frame_count=count), iter, [VideoWriter(path, size=size, rate=Fraction(30))])
    return path


def convert(source: Path, target: Path, paint: Stylizer, *, end_seconds: float | None = None) -> tuple[float, Report]:
    """Convert as the command line does, up to a time; returns seconds from opening to closing, and the report."""
    started = time.perf_counter()
    reader = VideoReader(source, end_seconds=end_seconds)
    sink = VideoWriter(
        target, size=reader.size, rate=reader.rate, time_base=reader.time_base, colour=reader.colour, tracks=source
    )
    report = run(reader, paint.paint_all, [sink])
    return time.perf_counter() - started, report


@dataclass
class Memory:
    """Peak of what some work added to the process, in MB; None where the system does not tell."""

    mb: float | None = None


@contextmanager
def memory_of() -> Iterator[Memory]:
    """Measure the memory of what happens inside, on Linux (proc(5): status, clear_refs)."""
    memory, before = Memory(), resident_mb("VmRSS")
    if FORGET.exists():
        FORGET.write_text("5")  # begins the peak anew
    yield memory
    after = resident_mb("VmHWM")
    if before is not None and after is not None:
        memory.mb = round(max(0.0, after - before), 1)


def resident_mb(which: str) -> float | None:
    """Return a line of the process's status, None where there is none."""
    lines = STATUS.read_text().splitlines() if STATUS.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{which}:")), None)
