"""What `pincel bench` runs: engines against each other, at one size after the other, in every stage."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from engines import Engine, EngineError, Stream, open_engine
from engines.engine import Overlapping, Resident
from engines.machine import accelerator
from realtime.bench import LEAST_TURNS, Contender, Row, convert, make_clip, memory_of, repeated, take_turns, why
from realtime.media import MediaError, Pixels
from realtime.pattern import Pattern
from realtime.stylizer import GAIN, MEMORY, Stylizer

if TYPE_CHECKING:
    from engines.measure import Ceilings, GpuMeter

STAGES = ("tensors", "bytes", "stream", "pipeline")
NOISE = 0.01
STYLE_SIZE = (256, 256)
RESIDENT_SECONDS = 0.05
FEWEST_FRAMES, MOST_FRAMES = 4, 90  # of a converted clip
FAILURES = (EngineError, MediaError, OSError, RuntimeError, MemoryError)


@dataclass
class Opened:
    """An engine that takes part, with the style float32 [K] it paints in; or why it does not."""

    name: str
    engine: Engine | None = None
    style: Any = None
    left_out: str = ""

    @property
    def device(self) -> str:
        """Return where it computes."""
        return "cpu" if self.name.startswith("openvino") else accelerator()


def open_all(network: str, backends: Sequence[str], precisions: Sequence[str]) -> list[Opened]:
    """Open every backend in every precision; what cannot be opened says why."""
    opened: dict[str, Opened] = {}
    for backend in backends:
        for precision in precisions:
            name = backend if precision == "auto" else f"{backend} {precision}"
            try:
                engine = open_engine(network, backend=backend, precision=precision)
                style = engine.read_style(Pattern(STYLE_SIZE).paint(0))
            except FAILURES as wrong:
                opened[name] = Opened(name, left_out=why(wrong))
            else:
                opened[engine.name] = Opened(engine.name, engine, style)
    return list(opened.values())


class Entry:
    """An engine at one size and batch, warmed up."""

    def __init__(self, opened: Opened, frames: list[Pixels], meter: "GpuMeter | None") -> None:
        """Compile and paint; `frames` are uint8 [N, H, W, 3].

        Raises:
            What of `FAILURES` goes wrong.
        """
        assert opened.engine is not None  # noqa: S101
        self.engine, self.style, self.frames = opened.engine, opened.style, frames
        self.stream, self.index = Stream(), 0
        self.gpu_memory: tuple[float, float] | None = None
        meter = meter if opened.device == "cuda" else None
        if meter:
            meter.restart()
        with memory_of() as self.memory:
            program = self.engine.prepare((frames[0].shape[1], frames[0].shape[2]), batch=len(frames[0]))
            self.overlaps = isinstance(program, Overlapping)
            self.paint()
            self.call_seconds = float(np.median(repeated(self.paint)()))
        if meter:
            self.gpu_memory = meter.memory()

    def paint(self) -> None:
        """Paint the next frames, bytes in to bytes out."""
        frames = self.frames[self.index % len(self.frames)]
        self.engine.paint(frames, self.style, stream=self.stream, gain=GAIN, memory=MEMORY, noise=NOISE)
        self.index += 1

    def tensors(self) -> Contender:
        """Time painting of what lies on the device, as RobustVideoMatting's speed test does (arXiv 2108.11515)."""
        frames = self.frames[0]
        count, height, width, _ = frames.shape
        program = self.engine.prepare((height, width), batch=count)
        if not isinstance(program, Resident):
            return Contender(list, failed="this engine cannot be timed without the transfers")
        style = np.tile(self.style, (count, 1))
        controls = np.tile(np.array([MEMORY, GAIN, NOISE, 0.0], np.float32), (count, 1))
        state = program.blank()
        times = max(1, math.ceil(RESIDENT_SECONDS / self.call_seconds))
        program.repeat(frames, style, controls, state, times)
        return Contender(lambda: [program.repeat(frames, style, controls, state, times) / times])

    def successive(self) -> Contender:
        """Time painting of successive frames, each on its way while another is painted."""
        frames = self.frames * max(3, math.ceil(RESIDENT_SECONDS / self.call_seconds / len(self.frames)))

        def turn() -> list[float]:
            started = time.perf_counter()
            for _ in self.engine.paint_all(frames, self.style, gain=GAIN, memory=MEMORY, noise=NOISE):
                pass
            return [(time.perf_counter() - started) / len(frames)]

        turn()
        return Contender(turn)

    def pipeline(self, clip: Path, *, count: int) -> Contender:
        """Time conversions of the first frames of a clip."""
        target = clip.with_name("painted.mp4")
        contender = Contender(list)

        def turn() -> list[float]:
            stylizer = Stylizer(self.engine, self.style)
            seconds, report = convert(clip, target, stylizer, end_seconds=count / 30)
            contender.stages_ms = {
                name: getattr(report, name).percentiles()["p50_ms"] for name in ("read", "paint", "write")
            }
            return [seconds / report.frames]

        contender.turn = turn
        return contender


@dataclass
class Contest:
    """A run of the benchmark.

    Attributes:
        network: its name.
        opened: the engines.
        seconds: for every engine and stage at every size and batch.
        ceilings: what the machine reaches, by device and precision, as far as it was measured.
    """

    network: str
    opened: list[Opened]
    seconds: float
    ceilings: "dict[str, Ceilings]" = field(default_factory=dict)

    def __post_init__(self) -> None:
        from engines.measure import GpuMeter

        self.meter = GpuMeter() if any(each.engine and each.device == "cuda" for each in self.opened) else None

    def measure(self, size: tuple[int, int], batch: int, stages: Sequence[str]) -> list[Row]:
        """Let all engines take turns at one size and batch; the pipeline takes frames one by one."""
        pattern = Pattern(size)
        frames = [np.stack([pattern.paint(batch * i + j) for j in range(batch)]) for i in range(3)]
        rows, entries = [], []
        for opened in self.opened:
            if opened.engine is None:
                continue
            mine = [Row(opened.name, stage, size, 1 if stage == "pipeline" else batch) for stage in stages]
            opened.engine.programs.clear()  # those of the size before
            try:
                entry = Entry(opened, frames, self.meter)
            except FAILURES as wrong:
                for row in mine:
                    row.left_out = why(wrong)
            else:
                mine = [row for row in mine if row.stage != "stream" or entry.overlaps]
                entries.append((entry, mine, opened))
            rows += mine
        for entry, mine, opened in entries:
            self.note(entry, mine, opened)
        with TemporaryDirectory() as folder:
            for group in (("tensors", "bytes", "stream"), ("pipeline",)):
                parts = [(entry, row) for entry, mine, _ in entries for row in mine if row.stage in group]
                self.compete(parts, Path(folder))
        return rows

    def compete(self, parts: list[tuple[Entry, Row]], folder: Path) -> None:
        """Time what can be timed in turns, and fill the rows."""
        counts = [self.clip_length(entry, row) for entry, row in parts]
        clip = folder / "clip.mp4"
        if any(row.stage == "pipeline" for _, row in parts):
            make_clip(clip, size=parts[0][1].size, count=max(counts))
        contenders = []
        for (entry, row), count in zip(parts, counts, strict=True):
            if row.stage == "tensors":
                contenders.append(entry.tensors())
            elif row.stage == "stream":
                contenders.append(entry.successive())
            elif row.stage == "bytes":
                contenders.append(Contender(repeated(entry.paint)))
            else:
                contenders.append(entry.pipeline(clip, count=count))
        joules = self.meter.joules if self.meter else None
        take_turns(contenders, seconds=self.seconds, failures=FAILURES, joules=joules)
        for (_, row), contender in zip(parts, contenders, strict=True):
            row.fill(contender)

    def clip_length(self, entry: Entry, row: Row) -> int:
        """Return how many frames to convert, so that every engine gets its turns in its time."""
        frame_seconds = entry.call_seconds / len(entry.frames[0])
        return max(FEWEST_FRAMES, min(MOST_FRAMES, round(self.seconds / LEAST_TURNS / frame_seconds)))

    def note(self, entry: Entry, rows: list[Row], opened: Opened) -> None:
        """Put memory and roofline into the rows."""
        from engines.measure import ceilings, count_work

        assert opened.engine is not None  # noqa: S101
        backend = opened.engine.backend
        key = f"{opened.device} {backend.precision}"
        if key not in self.ceilings:
            self.ceilings[key] = ceilings(opened.device, backend.precision)
        batch, height, width, _ = entry.frames[0].shape
        operations = count_work(self.network, (batch, height, width), backend.precision)
        for row in rows:
            row.memory_mb = entry.memory.mb
            if entry.gpu_memory:
                row.cuda_mb, row.device_mb = (round(each / 2**20, 1) for each in entry.gpu_memory)
            if row.stage != "pipeline":
                row.gflop = round(sum(each.flops for each in operations) / 1e9, 3)
                row.gbyte = round(sum(each.bytes for each in operations) / 1e9, 4)
                row.bound_ms = round(self.ceilings[key].bound(operations) * 1e3, 4)
