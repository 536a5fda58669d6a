import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.flicker import FlickerMeter
from realtime.images import read_picture
from realtime.media import Frame
from realtime.pattern import Pattern, read_stamp
from realtime.recording import Recording
from realtime.video import VideoReader

WALL = Pattern((64, 96), stamped=True)


def frame(index: int, pts_seconds: float) -> Frame:
    return Frame(WALL.paint(index), pts_seconds, index)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_recording_starts_and_stops_at_will_in_the_time_of_the_wall(tmp_path: Path, suffix: str) -> None:
    told: list[str] = []
    recording = Recording((64, 96), Fraction(30), tell=told.append)
    times = [0.0, 0.04, 0.1, 0.3, 0.5, 0.52, 0.6]
    for index, pts in enumerate(times):
        if index == 2:
            recording.target = tmp_path / f"one{suffix}"
        if index == 5:
            recording.target = None
        recording.write(frame(index, pts))
    recording.close()
    read = list(VideoReader(tmp_path / f"one{suffix}"))
    assert [read_stamp(each.pixels) for each in read] == [2, 3, 4]
    assert [each.pts_seconds for each in read] == pytest.approx([0.0, 0.2, 0.4], abs=1e-3)
    assert told == [f"recording to {recording.files[0]}", f"recorded {recording.files[0]}"]


def test_a_snapshot_is_the_painted_frame(tmp_path: Path) -> None:
    recording = Recording((64, 96), Fraction(30), tell=lambda line: None)
    recording.snapshots.append(tmp_path / "now.png")
    recording.write(frame(5, 0.0))
    recording.close()
    assert (read_picture(tmp_path / "now.png").pixels == WALL.paint(5)).all()


def test_a_place_that_cannot_be_written_ends_the_recording_and_not_the_run(tmp_path: Path) -> None:
    told: list[str] = []
    recording = Recording((64, 96), Fraction(30), tell=told.append)
    recording.target = tmp_path / "nowhere" / "x.mp4"
    recording.snapshots.append(tmp_path / "nowhere" / "x.png")
    recording.write(frame(0, 0.0))
    recording.write(frame(1, 0.1))
    recording.close()
    assert len(told) == 2
    assert recording.files == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_ends_the_recording_and_not_the_run(tmp_path: Path) -> None:
    told: list[str] = []
    recording = Recording((64, 96), Fraction(30), tell=told.append)
    full = tmp_path / "full.mkv"
    full.symlink_to("/dev/full")
    recording.target = full
    for i in range(60):
        recording.write(frame(i, i / 30))
    recording.target = tmp_path / "next.mkv"
    for i in range(60, 65):
        recording.write(frame(i, i / 30))
    recording.close()
    assert any("full.mkv cannot be written: No space left on device" in line for line in told)
    assert [read_stamp(each.pixels) for each in VideoReader(tmp_path / "next.mkv")] == list(range(60, 65))


def test_what_was_recorded_before_an_error_is_kept(tmp_path: Path) -> None:
    recording = Recording((64, 96), Fraction(30), tell=lambda line: None)
    recording.target = tmp_path / "x.mp4"
    for i in range(3):
        recording.write(frame(i, i / 30))
    recording.discard()
    assert [read_stamp(each.pixels) for each in VideoReader(tmp_path / "x.mp4")] == [0, 1, 2]


KILLED = """
import sys
from fractions import Fraction
from pathlib import Path
from realtime.media import Frame
from realtime.pattern import Pattern
from realtime.recording import Recording
wall = Pattern((64, 96), stamped=True)
recording = Recording((64, 96), Fraction(30), tell=lambda line: None)
recording.target = Path(sys.argv[1])
for i in range(300):
    recording.write(Frame(wall.paint(i), i / 30, i))
print("written", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no kill -9")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_killed_recording_plays_but_for_its_last_seconds(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        os.kill(process.pid, signal.SIGKILL)
    with av.open(str(path)) as container:
        stamps = [
            read_stamp(np.asarray(each.to_ndarray(format="bgr24"), np.uint8)) for each in container.decode(video=0)
        ]
    assert len(stamps) >= 300 - 3 * 30
    whole = stamps[:-4]  # of the last few a reference may be missing
    assert whole == list(range(len(whole)))


def test_flicker_is_what_changes_where_the_source_stands_still() -> None:
    meter = FlickerMeter()
    source = WALL.paint(0)
    for i in range(10):
        moving, painted = source.copy(), np.full_like(source, 100 + 3 * (i % 2))
        moving[:, 32:], painted[:, 32:] = 20 * i, 255 - 20 * i  # what moves does not count
        meter.update(moving, painted)
    assert meter.mean == pytest.approx(3)
    assert meter.recent == pytest.approx(3)


def test_a_new_style_is_no_flicker() -> None:
    meter = FlickerMeter()
    source = WALL.paint(0)
    meter.update(source, source)
    meter.reset()
    meter.update(source, 255 - source)
    assert meter.mean is None
