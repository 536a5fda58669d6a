"""The pipeline is a `for` loop: a source, a painter, sinks."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

from realtime.channel import Channel, Reader, Writer
from realtime.media import Frame, MediaError, Sink, Source
from realtime.report import Report, Times

MOST_WAITING, MOST_WAITING_BYTES = 8, 2**24
T = TypeVar("T")
Paint = Callable[[Iterable[Frame]], Iterable[Frame]]
Show = Callable[[Frame, Report], bool]


def run(
    source: Source,
    paint: Paint,
    sinks: Sequence[Sink],
    *,
    show: Show | None = None,
    progress: Callable[[Report], None] | None = None,
) -> Report:
    """Paint a source into sinks until it ends.

    A live source's frames are dropped at the source when painting is slower; of a file no frame is lost or reordered.
    An error anywhere ends the run once: the sinks' half-written results are discarded and the error is raised here.
    Ctrl-C ends it well: what is painted is written, the sinks are closed, and the report says so. Source and sinks
    are closed in every case.

    Args:
        source: iterated in a thread of its own.
        paint: makes of the frames their paintings, in this thread; it may begin the next before it gives one.
        sinks: written to in a thread of their own.
        show: called in this thread with each painting, before the sinks get it; False ends the run well.
        progress: called in this thread after each frame.

    Raises:
        MediaError: the source or a sink failed.
        Anything that `paint`, `show` or `progress` raises.
    """
    report = Report()
    height, width = source.size
    capacity = 1 if source.live else max(2, min(MOST_WAITING, MOST_WAITING_BYTES // (height * width * 3)))
    frames = Channel[Frame](capacity, policy="newest" if source.live else "wait")
    reader = Reader(lambda: timed(source, report.read), frames)
    writer = Writer(lambda frame: write(frame, sinks, report), Channel[Frame](capacity))
    try:
        try:
            waits, turns = Times(), Times()
            for count, painted in enumerate(timed(paint(timed(frames, waits)), turns), 1):
                report.paint.seconds.append(turns.seconds[-1] - sum(waits.seconds))
                waits.seconds.clear()
                report.dropped = painted.index + 1 - count if source.live else 0
                report.queued = max(report.queued, frames.longest)
                if show and not show(painted, report):
                    break
                writer.send(painted)
                if progress:
                    progress(report)
        except KeyboardInterrupt:
            report.interrupted = True
        reader.stop()
        writer.finish()
        for sink in sinks:
            if report.frames:
                sink.close(interrupted=report.interrupted)
            else:  # an empty file would not play
                sink.discard()
    except BaseException:
        writer.stop()
        for sink in sinks:
            with suppress(MediaError):  # the first error is the one to tell
                sink.discard()
        raise
    finally:
        reader.stop()
        source.close()
        report.ended = time.perf_counter()
    return report


def timed(items: Iterable[T], times: Times) -> Iterator[T]:
    """Iterate, noting how long each item takes to come."""
    iterator = iter(items)
    while True:
        started = time.perf_counter()
        try:
            item = next(iterator)
        except StopIteration:
            return
        finally:
            times.seconds.append(time.perf_counter() - started)
        yield item


def write(frame: Frame, sinks: Sequence[Sink], report: Report) -> None:
    """Write a frame to every sink and note it."""
    with report.write.measure():
        for sink in sinks:
            sink.write(frame)
    report.age.seconds.append(time.perf_counter() - frame.read_at)
    report.frames += 1
    report.painted_until = max(report.painted_until, frame.pts_seconds + frame.duration_seconds)
