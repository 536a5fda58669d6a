import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import pytest

from realtime.media import Frame, Sink, SinkError, Source
from realtime.video import VideoReader
from realtime.video_writer import VideoWriter
from tests.clips import SIZE, TICK, UNEVEN, frames, names, stamped, stamps, write, write_clip


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("first", [0, 50, 3001])
def test_uneven_times_are_kept_to_the_tick(suffix: str, first: int, tmp_path: Path) -> None:
    ticks = tuple(tick + first for tick in UNEVEN)
    write(tmp_path / f"out{suffix}", ticks)
    read = list(VideoReader(tmp_path / f"out{suffix}"))
    assert stamps(read) == list(range(len(UNEVEN)))
    tolerance = 0.0006 if suffix == ".mkv" else 1e-9
    assert [f.pts_seconds for f in read] == pytest.approx([float(t * TICK) for t in ticks], abs=tolerance)


@pytest.mark.parametrize(
    "time_base",
    [Fraction(1, 25), Fraction(1001, 30_000), Fraction(1, 1000), Fraction(1, 57_600), Fraction(1, 1_000_000)],
    ids=str,
)
def test_the_ticks_of_any_source_are_kept(time_base: Fraction, tmp_path: Path) -> None:
    step = max(1, round(0.04 / time_base))
    ticks = range(2 * step, 14 * step, step)
    write(tmp_path / "out.mp4", ticks, time_base=time_base)
    read = list(VideoReader(tmp_path / "out.mp4"))
    assert [f.pts_seconds for f in read] == pytest.approx([float(t * time_base) for t in ticks], abs=1e-9)


def test_the_last_frame_stays_as_long_as_it_should(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", size=SIZE, rate=Fraction(25), time_base=TICK, encoder="software")
    writer.write(Frame(stamped(0), pts_seconds=0.0, index=0))
    writer.write(Frame(stamped(1), pts_seconds=0.04, index=1, duration_seconds=2.5))
    writer.close()
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert (container.duration or 0) / av.time_base == pytest.approx(2.54, abs=0.01)


def test_frames_nearer_than_a_tick_stay_in_order(tmp_path: Path) -> None:
    write(tmp_path / "out.mp4", (0, 24, 24, 24, 48))
    assert stamps(list(VideoReader(tmp_path / "out.mp4"))) == [0, 1, 2, 3, 4]


def test_times_that_go_back_are_refused(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", size=SIZE, rate=Fraction(25), encoder="software")
    first, second = frames((0, 24))
    writer.write(second)
    with pytest.raises(ValueError, match="comes after"):
        writer.write(first)
    writer.discard()


def test_a_beginning_before_zero_loses_no_frame(tmp_path: Path) -> None:
    writer = write(tmp_path / "out.mp4", (-48, -24, 0, 24))
    read = list(VideoReader(tmp_path / "out.mp4"))
    assert stamps(read) == [0, 1, 2, 3]
    assert [f.pts_seconds for f in read] == pytest.approx([0, 0.04, 0.08, 0.12])
    assert any("before 0" in note for note in writer.notes)


def test_reader_and_writer_are_a_source_and_a_sink(tmp_path: Path) -> None:
    source: Source = VideoReader(write_clip(tmp_path / "in.mp4"))
    sink: Sink = VideoWriter(tmp_path / "out.mp4", size=source.size, rate=source.rate, encoder="software")
    for frame in source:
        sink.write(frame)
    sink.close()
    source.close()
    assert names(tmp_path) == ["in.mp4", "out.mp4"]


# Whole or not at all


def test_nothing_stands_under_the_name_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"an earlier painting")
    writer = VideoWriter(path, size=SIZE, rate=Fraction(25), encoder="software")
    for frame in frames(UNEVEN):
        writer.write(frame)
    assert path.read_bytes() == b"an earlier painting"
    writer.close()
    writer.close()
    assert names(tmp_path) == ["out.mp4"]
    assert len(list(VideoReader(path))) == len(UNEVEN)


def test_what_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", size=SIZE, rate=Fraction(25), encoder="software")
    for frame in frames(UNEVEN):
        writer.write(frame)
    writer.discard()
    writer.discard()
    writer.close()
    assert names(tmp_path) == []


def test_a_file_without_frames_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="not one frame"):
        write(tmp_path / "out.mp4", ())
    assert names(tmp_path) == []


SCRIPT = """
import os, resource, signal, sys
from fractions import Fraction
import numpy as np
from realtime.media import Frame, SinkError
from realtime.video_writer import VideoWriter
path, mode = sys.argv[1:]
writer = VideoWriter(path, size=(64, 96), rate=Fraction(25), crf=1, encoder="software")
noise = np.random.default_rng(0)
if mode == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    for index in range(200):
        writer.write(Frame(noise.integers(0, 256, (64, 96, 3), dtype=np.uint8), index / 25, index))
        if mode == "kill" and index == 150:
            os.kill(os.getpid(), signal.SIGKILL)
    writer.close()
except SinkError as error:
    print(error)
    sys.exit(1)
"""


def run(path: Path, mode: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path), mode], check=False, capture_output=True, text=True, timeout=50
    )


def test_kill_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    done = run(tmp_path / "out.mp4", "kill")
    assert done.returncode == -9
    assert names(tmp_path) == ["out.mp4.part"]


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    done = run(tmp_path / "out.mp4", "full")
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1
    assert "out.mp4 cannot be written: File too large" in done.stdout
    assert done.stderr == ""
    assert names(tmp_path) == []


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "vp9", "prores"])
def test_encoders_print_nothing(codec: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "out.mkv", codec=codec)
    assert capfd.readouterr() == ("", "")
