import sys
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.camera import Camera, open_camera
from realtime.devices import Device, available, find_devices, none_found, resolve
from realtime.media import Frame, Pixels, SourceError
from realtime.pattern import Pattern, read_stamp
from realtime.playback import Playback
from tests.clips import write_clip
from tests.senders import Sender, free_port, open_descriptors

WALL = Pattern((48, 64), stamped=True)


class FakeCapture:
    """Gives numbered frames as fast as told; says what goes wrong at which frame."""

    def __init__(self, script: Callable[[int], Pixels | None], *, interval: float = 0.005) -> None:
        self.script, self.interval = script, interval
        self.count = 0
        self.released = threading.Event()
        self.wanted: dict[int, float] = {}

    def read(self) -> tuple[bool, Pixels]:
        self.released.wait(self.interval)
        self.count += 1
        pixels = self.script(self.count)
        return pixels is not None, WALL.paint(0) if pixels is None else pixels

    def get(self, property_id: int) -> float:
        given = {cv2.CAP_PROP_FRAME_WIDTH: 64, cv2.CAP_PROP_FRAME_HEIGHT: 48, cv2.CAP_PROP_FPS: 25}
        return given.get(property_id, 0)

    def set(self, property_id: int, value: float) -> bool:
        self.wanted[property_id] = value
        return True

    def release(self) -> None:
        self.released.set()


class Desk:
    """Opens one fake capture after the other; None for a camera that is not there."""

    def __init__(self, *scripts: Callable[[int], Pixels | None] | None) -> None:
        self.scripts = list(scripts)
        self.opened: list[FakeCapture] = []

    def __call__(self, text: str) -> FakeCapture:
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        if script is None:
            raise SourceError(f"{text} is not plugged in")
        self.opened.append(FakeCapture(script))
        return self.opened[-1]


def good(number: int) -> Pixels:
    return WALL.paint(number)


def until(frames: Iterator[Frame], wanted: Callable[[Frame], bool]) -> Frame:
    return next(frame for frame in frames if wanted(frame))


def camera(desk: Desk, *, text: str = "0", stall_seconds: float = 0.2, told: list[str] | None = None) -> Camera:
    lines: list[str] = [] if told is None else told
    return Camera(text, opener=desk, tell=lines.append, stall_seconds=stall_seconds, first_delay=0.01)


def test_a_camera_tells_what_it_delivers_and_counts_its_frames() -> None:
    eye = camera(Desk(good))
    frames = list(islice(eye, 5))
    eye.close()
    assert (eye.size, eye.rate) == ((48, 64), Fraction(25))
    assert str(eye.delivered) == "64x48 at 25 fps"
    indices = [frame.index for frame in frames]
    stamps = [read_stamp(frame.pixels) or 0 for frame in frames]
    assert [index - indices[0] for index in indices] == [stamp - stamps[0] for stamp in stamps]
    assert [frame.pts_seconds for frame in frames] == sorted(frame.pts_seconds for frame in frames)


def test_a_reader_that_is_late_gets_the_newest_frame() -> None:
    eye = camera(Desk(good))
    frames = iter(eye)
    first = next(frames)
    deadline = time.monotonic() + 5
    while eye._number < first.index + 20 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert next(frames).index >= 15
    eye.close()


def fails_at_five(number: int) -> Pixels | None:
    return good(number) if number < 5 else None


def hangs_at_five(number: int) -> Pixels | None:
    if number == 5:
        time.sleep(0.8)
    return good(number)


def freezes_at_five(number: int) -> Pixels | None:
    return good(min(number, 5))


@pytest.mark.parametrize(
    ("script", "reason"),
    [(fails_at_five, "no more pictures"), (hangs_at_five, "no picture came"), (freezes_at_five, "stands still")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_camera_that_breaks_is_opened_again_and_the_stream_goes_on(
    script: Callable[[int], Pixels | None], reason: str
) -> None:
    told: list[str] = []
    desk = Desk(script, None, None, good)
    eye = camera(desk, told=told)
    frames = iter(eye)
    passed = [next(frames)]
    while passed[-1].notice or not eye.outages:
        passed.append(next(frames))
    eye.close()
    assert any(reason in frame.notice for frame in passed)
    assert [frame.index for frame in passed] == sorted({frame.index for frame in passed})
    assert [frame.pts_seconds for frame in passed] == sorted(frame.pts_seconds for frame in passed)
    (outage,) = eye.outages
    assert reason in outage.reason
    assert outage.attempts == 3
    assert outage.seconds is not None
    assert 0 < outage.seconds < 5
    assert len(told) == 2
    assert all(capture.released.wait(5) for capture in desk.opened)


def test_during_an_outage_the_last_frame_comes_again() -> None:
    eye = camera(Desk(fails_at_five, None))
    frames = iter(eye)
    lost = until(frames, lambda frame: frame.notice != "")
    again = next(frames)
    eye.close()
    assert (again.pixels == lost.pixels).all()
    assert again.index == lost.index + 1
    assert again.pts_seconds > lost.pts_seconds


def test_a_covered_lens_is_no_outage() -> None:
    black = np.zeros((48, 64, 3), np.uint8)
    eye = camera(Desk(lambda number: black), stall_seconds=0.05)
    assert all(frame.notice == "" for frame in islice(eye, 40))
    eye.close()


def test_a_stream_may_show_a_still_picture() -> None:
    eye = camera(Desk(lambda number: good(7)), text="http://x/y", stall_seconds=0.05)
    assert all(frame.notice == "" for frame in islice(eye, 40))
    eye.close()


def test_a_camera_that_comes_back_in_another_size_keeps_the_size_of_the_stream() -> None:
    large = Pattern((96, 128))
    eye = camera(Desk(fails_at_five, large.paint))
    frames = iter(eye)
    until(frames, lambda frame: frame.notice != "")
    assert until(frames, lambda frame: frame.notice == "").pixels.shape == (48, 64, 3)
    eye.close()


def test_a_camera_that_is_not_there_is_one_error() -> None:
    with pytest.raises(SourceError, match="not plugged in"):
        camera(Desk(None))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells names")
def test_a_name_finds_the_camera_whatever_its_number(tmp_path: Path) -> None:
    for number, name, node in ((4, "Integrated Camera", 0), (5, "Integrated Camera", 1), (7, "USB Eye", 0)):
        folder = tmp_path / f"video{number}"
        folder.mkdir()
        (folder / "name").write_text(f"{name}\n")
        (folder / "index").write_text(f"{node}\n")
    there = (
        find_devices(tmp_path) if sys.platform == "linux" else [Device(4, "Integrated Camera"), Device(7, "USB Eye")]
    )
    assert [str(device) for device in there] == ["4 (Integrated Camera)", "7 (USB Eye)"]
    assert resolve("usb eye", devices=lambda: there) == 7
    assert resolve("2") == 2
    assert resolve("/dev/video2") == "/dev/video2"
    assert resolve("rtsp://host/live") == "rtsp://host/live"
    with pytest.raises(SourceError, match=r"called 'moon' \(named cameras: 4 \(Integrated Camera\)"):
        resolve("moon", devices=lambda: there)


def test_the_list_of_cameras_tells_formats_and_leaves_out_what_does_not_open() -> None:
    def opener(text: str) -> FakeCapture:
        if text == "1":
            raise SourceError("busy")
        return FakeCapture(good)

    found = list(available(devices=lambda: [Device(0, "Eye"), Device(1)], opener=opener))
    assert [(device.index, [str(each) for each in given]) for device, given in found] == [(0, ["64x48 at 25 fps"])]
    assert "--camera test" in none_found([])


def test_the_pattern_is_a_camera() -> None:
    source = open_camera("test", size=(48, 64), rate=Fraction(200))
    assert source.live
    assert [frame.pixels.shape for frame in islice(source, 3)] == [(48, 64, 3)] * 3
    source.close()


def test_a_file_plays_in_its_own_time_again_and_again(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", ticks=(0, 24, 96))
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    player = Playback(clip, clock=lambda: now, sleep=sleep)
    frames, times = [], []
    for frame in islice(player, 6):
        frames.append(frame)
        times.append(now)
    player.close()
    assert [read_stamp(frame.pixels) for frame in frames] == [0, 1, 2, 0, 1, 2]
    assert [frame.index for frame in frames] == list(range(6))
    assert times == pytest.approx([frame.pts_seconds for frame in frames], abs=1e-6)
    assert frames[2].pts_seconds == pytest.approx(4 * frames[1].pts_seconds)
    assert frames[3].pts_seconds > frames[2].pts_seconds


@pytest.mark.parametrize("kind", ["tcp", "http"])
def test_a_stream_over_a_socket_that_breaks_goes_on(kind: str) -> None:
    """Kill and restart the sender five times: every outage is reported, nothing leaks."""
    port = free_port()
    url = f"tcp://127.0.0.1:{port}" if kind == "tcp" else f"http://127.0.0.1:{port}/live"
    threads = threading.active_count()
    with Sender(kind, port):
        eye = Camera(url, stall_seconds=2.0, first_delay=0.05)
        frames = iter(eye)
        until(frames, lambda frame: read_stamp(frame.pixels) is not None)
    seen = []
    for _ in range(5):
        until(frames, lambda frame: frame.notice != "")
        with Sender(kind, port):
            until(frames, lambda frame: frame.notice == "")
            seen.append(open_descriptors())
    eye.close()
    assert [outage.seconds is not None for outage in eye.outages[:5]] == [True] * 5
    assert max(seen[1:]) <= seen[0] + 1
    deadline = time.monotonic() + 5
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() == threads
