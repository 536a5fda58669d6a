"""What a run was: frames, drops, times. Written by `--report`, shown by the progress bar."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

KEPT_TIMES = 100_000


@dataclass
class Times:
    """Durations of one stage, in seconds; percentiles are of the last `KEPT_TIMES`."""

    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_TIMES))

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Time what happens inside."""
        started = time.perf_counter()
        yield
        self.seconds.append(time.perf_counter() - started)

    def percentiles(self) -> dict[str, float]:
        """Return p50, p95 and p99 in milliseconds, 0 where nothing was measured."""
        values = np.percentile(self.seconds, (50, 95, 99)) if self.seconds else np.zeros(3)
        return {f"p{p}_ms": round(float(value) * 1e3, 3) for p, value in zip((50, 95, 99), values, strict=True)}

    def recent_ms(self, *, percentile: float = 50, count: int = 30) -> float:
        """Return a percentile of the last few, in milliseconds."""
        last = list(islice(reversed(self.seconds), count))
        return float(np.percentile(last, percentile)) * 1e3 if last else 0.0


@dataclass
class Report:
    """What happened in a run.

    Attributes:
        frames: written to every sink.
        dropped: read but never painted (live sources alone).
        queued: most frames that ever waited to be painted.
        read, paint, write: per frame; reading and writing run beside painting.
        age: from a frame's coming in to its being written.
        painted_until: presentation time up to which frames are painted, in seconds.
        interrupted: whether it was ended by Ctrl-C.
        notes: what a person should know.
    """

    frames: int = 0
    dropped: int = 0
    queued: int = 0
    read: Times = field(default_factory=Times)
    paint: Times = field(default_factory=Times)
    write: Times = field(default_factory=Times)
    age: Times = field(default_factory=Times)
    started: float = field(default_factory=time.perf_counter)
    ended: float | None = None
    painted_until: float = 0.0
    interrupted: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Return how long it took, or has taken."""
        return (self.ended or time.perf_counter()) - self.started

    @property
    def fps(self) -> float:
        """Return frames a second over the whole run."""
        return self.frames / self.seconds if self.frames else 0.0

    def as_dict(self) -> dict[str, object]:
        """Return what `--report` writes."""
        return {
            "frames": self.frames,
            "dropped": self.dropped,
            "queued": self.queued,
            "seconds": round(self.seconds, 3),
            "fps": round(self.fps, 3),
            "painted_until_seconds": round(self.painted_until, 6),
            "interrupted": self.interrupted,
            "stages": {name: getattr(self, name).percentiles() for name in ("read", "paint", "write", "age")},
            "notes": self.notes,
        }
