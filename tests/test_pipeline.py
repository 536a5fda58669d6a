import time
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

from realtime.media import Frame, SinkError, SourceError
from realtime.pattern import Pattern, read_stamp
from realtime.pipeline import Paint, run
from realtime.report import Report


class FakeSource:
    """Hands out numbered frames; may fail after some."""

    size = (4, 4)
    rate = Fraction(25)

    def __init__(self, count: int, *, live: bool = False, fails_at: int | None = None) -> None:
        self.frame_count: int | None = count
        self.live = live
        self.fails_at = fails_at
        self.closed = 0

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self.frame_count or 0):
            if index == self.fails_at:
                raise SourceError("the camera is gone")
            yield Frame(np.full((4, 4, 3), index % 256, np.uint8), index / 25, index)

    def close(self) -> None:
        self.closed += 1


class FakeSink:
    """Remembers what it was given, and how it ended."""

    def __init__(self, *, fails_at: int | None = None, close_fails: bool = False) -> None:
        self.frames: list[Frame] = []
        self.fails_at = fails_at
        self.close_fails = close_fails
        self.ended: list[str] = []

    def write(self, frame: Frame) -> None:
        if len(self.frames) == self.fails_at:
            raise SinkError("the disk is full")
        self.frames.append(frame)

    def close(self, *, interrupted: bool = False) -> None:
        if self.close_fails:
            raise SinkError("the disk is full at the end")
        self.ended.append("interrupted" if interrupted else "closed")

    def discard(self) -> None:
        self.ended.append("discarded")


def same(frames: Iterable[Frame]) -> Iterable[Frame]:
    return frames


def interrupt_at(index: int) -> Paint:
    def paint(frame: Frame) -> Frame:
        if frame.index == index:
            raise KeyboardInterrupt
        return frame

    return partial(map, paint)


def test_a_file_loses_no_frame_and_keeps_their_order() -> None:
    source, sink = FakeSource(500), FakeSink()
    report = run(source, same, [sink])
    assert [frame.index for frame in sink.frames] == list(range(500))
    assert (report.frames, report.dropped, report.interrupted) == (500, 0, False)
    assert sink.ended == ["closed"]
    assert source.closed == 1


def test_every_sink_gets_every_frame() -> None:
    sinks = [FakeSink(), FakeSink()]
    run(FakeSource(20), same, sinks)
    assert [len(sink.frames) for sink in sinks] == [20, 20]


def test_a_live_source_drops_frames_and_counts_them() -> None:
    source, sink = FakeSource(300, live=True), FakeSink()
    report = run(source, same, [sink])
    indices = [frame.index for frame in sink.frames]
    assert indices == sorted(indices)
    assert indices[-1] == 299
    assert report.frames + report.dropped == 300


def test_a_failing_source_ends_the_run_once_and_discards() -> None:
    source, sink = FakeSource(50, fails_at=10), FakeSink()
    with pytest.raises(SourceError, match="the camera is gone"):
        run(source, same, [sink])
    assert sink.ended == ["discarded"]
    assert source.closed == 1


def test_a_failing_painter_ends_the_run_once_and_discards() -> None:
    source, sink = FakeSource(50), FakeSink()

    def fail(frame: Frame) -> Frame:
        raise RuntimeError("out of paint")

    with pytest.raises(RuntimeError, match="out of paint"):
        run(source, partial(map, fail), [sink])
    assert sink.ended == ["discarded"]
    assert source.closed == 1


@pytest.mark.parametrize("fails_at", [0, 10, 49])
def test_a_failing_sink_ends_the_run_once_and_discards_all(fails_at: int) -> None:
    source, sinks = FakeSource(50), [FakeSink(), FakeSink(fails_at=fails_at)]
    with pytest.raises(SinkError, match="the disk is full"):
        run(source, same, sinks)
    assert [sink.ended for sink in sinks] == [["discarded"], ["discarded"]]
    assert source.closed == 1


def test_a_sink_that_cannot_be_closed_is_an_error() -> None:
    sink = FakeSink(close_fails=True)
    with pytest.raises(SinkError, match="full at the end"):
        run(FakeSource(5), same, [sink])
    assert sink.ended == ["discarded"]


def test_ctrl_c_keeps_what_is_painted() -> None:
    source, sink = FakeSource(50), FakeSink()
    report = run(source, interrupt_at(12), [sink])
    assert report.interrupted
    assert [frame.index for frame in sink.frames] == list(range(12))
    assert sink.ended == ["interrupted"]
    assert report.painted_until == pytest.approx(11 / 25)
    assert source.closed == 1


def test_ctrl_c_before_the_first_frame_leaves_nothing() -> None:
    sink = FakeSink()
    report = run(FakeSource(50), interrupt_at(0), [sink])
    assert report.frames == 0
    assert sink.ended == ["discarded"]


def test_progress_is_told_after_each_frame_and_its_errors_are_not_swallowed() -> None:
    calls = 0

    def progress(report: Report) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise ValueError("the terminal is gone")

    with pytest.raises(ValueError, match="the terminal is gone"):
        run(FakeSource(50), same, [FakeSink()], progress=progress)


def test_what_shows_the_paintings_can_end_the_run_well() -> None:
    source, sink = FakeSource(50), FakeSink()
    shown = []

    def show(frame: Frame, report: Report) -> bool:
        shown.append(frame.index)
        return frame.index < 5

    report = run(source, same, [sink], show=show)
    assert shown == list(range(6))
    assert [frame.index for frame in sink.frames] == list(range(5))
    assert sink.ended == ["closed"]
    assert not report.interrupted
    assert source.closed == 1


def test_a_live_run_never_has_a_second_frame_waiting() -> None:
    assert run(FakeSource(300, live=True), same, [FakeSink()]).queued == 1


def test_the_report_tells_every_stage() -> None:
    report = run(Pattern((64, 96), frame_count=10, stamped=True), same, [FakeSink()]).as_dict()
    stages = report["stages"]
    assert isinstance(stages, dict)
    assert set(stages) == {"read", "paint", "write", "age"}
    assert all(0 <= times["p50_ms"] <= times["p95_ms"] <= times["p99_ms"] for times in stages.values())
    assert report["frames"] == 10


def test_the_time_of_painting_is_without_what_it_waits_for_frames() -> None:
    def slow(frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            time.sleep(0.03)
            yield frame

    class SlowSource(FakeSource):
        def __iter__(self) -> Iterator[Frame]:
            return slow(super().__iter__())

    waiting = run(SlowSource(10), same, [FakeSink()])
    assert waiting.paint.percentiles()["p50_ms"] < 10
    painting = run(FakeSource(10), slow, [FakeSink()])
    assert painting.paint.percentiles()["p50_ms"] >= 29


def test_stamped_frames_come_out_as_they_went_in() -> None:
    sink = FakeSink()
    run(Pattern((64, 96), frame_count=30, stamped=True), same, [sink])
    assert [read_stamp(frame.pixels) for frame in sink.frames] == list(range(30))
