import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.container import InputContainer
from numpy.typing import NDArray

from realtime.media import Frame, SourceError
from realtime.microphone import RATE, Chunk, Microphone, open_device
from realtime.pattern import Pattern, read_stamp
from realtime.recording import Recording
from realtime.video import VideoReader
from tests.commands import pincel

SIZE = (64, 96)
WALL = Pattern(SIZE, stamped=True)
CLICKS = "lavfi:aevalsrc='lt(mod(t,0.5),0.05)*sin(2*PI*1000*t)',arealtime"
FAILING = "lavfi:sine=frequency=440:duration=0.4,arealtime"
IN_STEP = 0.05  # seconds


class FakeMicrophone(Microphone):
    """One that has heard given chunks."""

    def __init__(self, chunks: list[Chunk]) -> None:
        self.layout = "mono"
        self.chunks = chunks

    def heard(self, until: float) -> Iterator[Chunk]:
        while self.chunks and self.chunks[0].heard_at < until:
            yield self.chunks.pop(0)


class FakeDevice:
    """A device that gives 10 ms of sound at a time, and fails in the end, by a clock that it moves on itself."""

    def __init__(self, waits: list[float]) -> None:
        self.now, self.waits, self.closed = 0.0, waits, False
        self.streams = av.open("sine", format="lavfi").streams

    def demux(self, stream: av.AudioStream) -> Iterator["FakeDevice.Packet"]:
        for wait in self.waits:
            self.now += wait
            yield FakeDevice.Packet()
        raise OSError(19, "No such device")

    def close(self) -> None:
        self.closed = True

    class Packet:
        def decode(self) -> list[av.AudioFrame]:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 480), np.int16), "s16", "mono")
            frame.sample_rate = RATE
            return [frame]


def clicks(at: list[float], *, first: float, seconds: float, lost: tuple[float, float] = (0, 0)) -> list[Chunk]:
    """Return silence with clicks, heard from `first` on in pieces of 10 ms, but for what a driver lost."""
    times = first + np.arange(round(seconds * RATE)) / RATE
    sound = np.zeros(times.size, np.float32)
    for click in at:
        inside = (times >= click) & (times < click + 0.02)
        sound[inside] = np.sin(2 * np.pi * 1000 * times[inside])
    pieces = np.arange(0, times.size, 480)
    return [Chunk(sound[None, i : i + 480], float(times[i])) for i in pieces if not lost[0] <= times[i] < lost[1]]


def sound_of(path: Path) -> tuple[NDArray[np.float32], float]:
    """Return the sound of a file, [N] at `RATE`, and the time of its first sample."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        assert all(one.time is not None for one in frames)
        assert all(frame.sample_rate == RATE for frame in frames)
        return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float32), frames[0].time or 0.0


def onsets(path: Path) -> list[float]:
    """Return when clicks begin."""
    sound, first = sound_of(path)
    loud = np.flatnonzero(np.abs(sound) > 0.3)
    begins = loud[np.diff(loud, prepend=-RATE) > 0.1 * RATE]
    return [float(each / RATE + first) for each in begins]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_sound_is_in_step_with_the_frames_of_every_recording(tmp_path: Path, suffix: str) -> None:
    at = [100.5, 101.25, 103.6]
    recording = Recording(
        SIZE, Fraction(30), tell=lambda line: None, microphone=FakeMicrophone(clicks(at, first=99.013, seconds=6))
    )
    for i in range(120):
        pts = i / 30
        if i in (3, 80, 90):  # 0.1 s, 2.67 s, 3 s
            recording.target = None if i == 80 else tmp_path / f"{i}{suffix}"
        recording.write(Frame(WALL.paint(i), pts, i, read_at=100 + pts))
    recording.close()
    assert onsets(tmp_path / f"3{suffix}") == pytest.approx([0.4, 1.15], abs=0.01)
    assert onsets(tmp_path / f"90{suffix}") == pytest.approx([0.6], abs=0.01)
    assert [read_stamp(each.pixels) for each in VideoReader(tmp_path / f"3{suffix}")] == list(range(3, 80))
    assert sound_of(tmp_path / f"3{suffix}")[0].size / RATE == pytest.approx(77 / 30, abs=0.1)


@pytest.mark.parametrize(("first", "lost"), [(100.3, (0, 0)), (99.9, (100.7, 101.2))], ids=["late", "lost"])
def test_sound_that_begins_late_or_has_gaps_keeps_its_time(
    tmp_path: Path, first: float, lost: tuple[float, float]
) -> None:
    chunks = clicks([100.5, 101.5, 102.5], first=first, seconds=3, lost=lost)
    recording = Recording(SIZE, Fraction(30), tell=lambda line: None, microphone=FakeMicrophone(chunks))
    recording.target = tmp_path / "x.mkv"
    for i in range(90):
        recording.write(Frame(WALL.paint(i), i / 30, i, read_at=100 + i / 30))
    recording.close()
    assert onsets(tmp_path / "x.mkv") == pytest.approx([0.5, 1.5, 2.5], abs=0.01)


def test_a_fast_sound_card_is_kept_in_step(tmp_path: Path) -> None:
    """One that gives 2 % more samples than the clock says."""
    at = list(np.arange(100.5, 106, 0.5))
    chunks = [
        Chunk(chunk.samples, 100 + (chunk.heard_at - 100) / 1.02) for chunk in clicks(at, first=100.0, seconds=6.1)
    ]
    recording = Recording(SIZE, Fraction(30), tell=lambda line: None, microphone=FakeMicrophone(chunks))
    recording.target = tmp_path / "x.mkv"
    for i in range(175):
        recording.write(Frame(WALL.paint(i), i / 30, i, read_at=100 + i / 30))
    recording.close()
    assert onsets(tmp_path / "x.mkv") == pytest.approx([(each - 100) / 1.02 for each in at], abs=IN_STEP)


def test_late_arrivals_do_not_move_the_sound_and_a_failure_is_told_once() -> None:
    waits = [0.01] * 20 + [0.3] + [0.0] * 29 + [0.01] * 20  # a busy machine: 30 pieces at once
    told: list[str] = []
    device = FakeDevice(waits)
    microphone = Microphone(cast(InputContainer, device), name="x", tell=told.append, clock=lambda: device.now)
    microphone._reader.thread.join(5)
    chunks = list(microphone.heard(until=float("inf")))
    microphone.close()
    starts = [chunk.heard_at for chunk in chunks]
    assert starts == pytest.approx([0.01 * i for i in range(70)], abs=1e-6)
    assert told == ["microphone x is lost (No such device): recordings go on without sound"]
    assert device.closed
    assert list(microphone.heard(until=float("inf"))) == []


def test_a_device_that_fails_ends_the_sound_and_not_the_recording(tmp_path: Path) -> None:
    told: list[str] = []
    before = threading.active_count()
    device = open_device(FAILING)
    microphone = Microphone(device, name="x", tell=told.append)
    recording = Recording(SIZE, Fraction(30), tell=told.append, microphone=microphone)
    recording.target = tmp_path / "x.mp4"
    started = time.perf_counter()
    for i in range(30):
        recording.write(Frame(WALL.paint(i), i / 30, i, read_at=started + i / 30))
        while not i and not any("is lost" in line for line in told):
            assert time.perf_counter() < started + 10
            time.sleep(0.01)
    recording.close()
    microphone.close()
    assert [read_stamp(each.pixels) for each in VideoReader(tmp_path / "x.mp4")] == list(range(30))
    assert 0.2 < sound_of(tmp_path / "x.mp4")[0].size / RATE < 0.6
    assert sum("is lost" in line for line in told) == 1
    assert threading.active_count() == before


REAL = """
import sys, time
from fractions import Fraction
from pathlib import Path
from realtime.media import Frame
from realtime.microphone import Microphone, open_device
from realtime.pattern import Pattern
from realtime.recording import Recording
wall = Pattern((64, 96), stamped=True)
microphone = Microphone(open_device(sys.argv[2]), name="x", tell=lambda line: None)
recording = Recording((64, 96), Fraction(30), tell=lambda line: None, microphone=microphone)
recording.target = Path(sys.argv[1])
started = time.perf_counter()
for i in range(100):
    time.sleep(max(0, started + i / 30 - time.perf_counter()))
    now = time.perf_counter()
    recording.write(Frame(wall.paint(i), now - started, i, read_at=now))
print("written", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no kill -9")
@pytest.mark.parametrize(("suffix", "device"), [(".mp4", CLICKS), (".mkv", CLICKS), (".mp4", FAILING)])
def test_a_killed_recording_keeps_its_sound(tmp_path: Path, suffix: str, device: str) -> None:
    path = tmp_path / f"x{suffix}"
    command = [sys.executable, "-c", REAL, str(path), device]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        os.kill(process.pid, signal.SIGKILL)
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) > 20
    if device == FAILING:
        return
    heard = onsets(path)
    assert len(heard) >= 3
    assert np.diff(heard) == pytest.approx(0.5, abs=IN_STEP)
    assert 1 < sound_of(path)[0].size / RATE < 3.2


def test_what_is_heard_is_stamped_with_the_clock() -> None:
    """Clicks of a device that keeps time come at its time, from its opening on."""
    opened = time.perf_counter()
    microphone = Microphone(open_device(CLICKS), name="x", tell=lambda line: None)
    chunks: list[Chunk] = []
    while not chunks or chunks[-1].heard_at < opened + 1.2:
        assert time.perf_counter() < opened + 10
        chunks += microphone.heard(until=float("inf"))
        time.sleep(0.01)
    microphone.close()
    sound = np.concatenate([chunk.samples[0] for chunk in chunks])
    starts = np.cumsum([0, *(chunk.samples.shape[1] for chunk in chunks)])
    loud = [
        chunk.heard_at - opened
        for (start, end), chunk in zip(itertools.pairwise(starts), chunks, strict=True)
        if np.abs(sound[start:end]).max() > 0.3
    ]
    first_of_each = [min(time for time in loud if second - 0.2 < time) for second in (0.5, 1.0)]
    assert first_of_each == pytest.approx([0.5, 1.0], abs=IN_STEP)


def test_a_live_run_records_what_is_heard(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    options = ("--camera", "test", "--size", "64x48", "--no-window", "--style", "irises", "--seconds", "1.5", "--quiet")
    result = pincel("webcam", *options, "--record", film, "--microphone", CLICKS)
    assert (result.code, result.err) == (0, "")
    sound, first = sound_of(film)
    assert 1.2 < sound.size / RATE < 1.8
    assert abs(first) < IN_STEP
    assert len(onsets(film)) >= 2


@pytest.mark.parametrize("name", ["moon", "9", "pulse:moon", "lavfi:color", "lavfi:none", "wav:none.wav"])
def test_what_is_no_microphone_is_refused_in_one_line_before_the_camera_opens(name: str) -> None:
    result = pincel("webcam", "--camera", "nowhere", "--style", "irises", "--no-window", "--microphone", name)
    assert result.code == 1
    assert f"microphone {name!r} does not open (tried " in result.line
    assert "sound cards listed:" in result.line


@pytest.mark.skipif(not Path("/usr/share/alsa/alsa.conf").exists(), reason="the system has no settings for ALSA")
def test_alsa_is_found_and_says_nothing_itself(capfd: pytest.CaptureFixture[str]) -> None:
    microphone = Microphone(open_device("alsa:null"), name="x", tell=lambda line: None)
    assert microphone.layout == "stereo"
    while not list(microphone.heard(until=float("inf"))):
        time.sleep(0.01)
    microphone.close()
    with pytest.raises(SourceError, match="tried alsa 'plughw:77'"):
        open_device("77")
    assert capfd.readouterr() == ("", "")
