import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from engines import encoder
from realtime.commands.painting import live_network
from realtime.commands.session import Session
from realtime.commands.terminal import UsageError
from realtime.commands.watched import StyleFolder
from realtime.pattern import Pattern
from realtime.report import Report
from realtime.sizes import to_size
from realtime.video import VideoReader
from tests.commands import pincel
from tests.senders import Sender, free_port
from tests.test_streaming import Receiver

SMALL = ("--camera", "test", "--size", "64x48", "--no-window", "--style", "irises", "--style", "the_scream")
ROOT = Path(__file__).parents[1]


def told(path: Path) -> dict[str, Any]:
    run: dict[str, Any] = json.loads(path.read_text())["runs"][0]
    return run


def test_a_live_run_is_recorded_and_reported(tmp_path: Path) -> None:
    film, report = tmp_path / "film.mp4", tmp_path / "report.json"
    result = pincel("webcam", *SMALL, "--seconds", "1", "--record", film, "--report", report, "--fade", "0.3")
    assert result.code == 0, result.err
    run = told(report)
    assert run["styles"] == ["irises", "the_scream"]
    assert (run["queued"], run["outages"], run["recordings"]) == (1, [], [str(film)])
    assert set(run["stages"]["age"]) == {"p50_ms", "p95_ms", "p99_ms"}
    frames = list(VideoReader(film))
    assert len(frames) == run["frames"]
    assert frames[0].pixels.shape == (48, 64, 3)
    assert frames[-1].pts_seconds <= 1.1
    assert film.stat().st_size > 0


@pytest.mark.parametrize(
    ("network", "backend", "device", "painter"),
    [
        ("auto", "auto", "cpu", "pincel-16"),
        ("auto", "torch", "cpu", "pincel-16"),
        ("auto", "openvino", "cuda", "pincel-16"),
        ("auto", "auto", "cuda", "pincel"),
        ("auto", "torch", "mps", "pincel"),
        ("pincel", "auto", "cpu", "pincel"),
    ],
)
def test_where_a_cpu_paints_the_light_network_does(
    network: str, backend: str, device: str, painter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.commands.painting.accelerator", lambda: device)
    assert live_network(network, backend=backend) == painter


@pytest.mark.parametrize(
    ("network", "painted", "work_size", "offer"),
    [
        ("pincel-ab", 9, (480, 640), "--network pincel-16"),
        ("pincel-ab", 10, (480, 640), "--work-size 240p"),
        ("pincel-16-ab", 9, (480, 640), "--work-size 240p"),
        ("pincel-16-ab", 9, (240, 320), None),
        ("pincel-16-ab", 20, (480, 640), None),
    ],
)
def test_a_machine_too_weak_is_offered_what_it_can_do(
    network: str, painted: int, work_size: tuple[int, int], offer: str | None
) -> None:
    session: Any = object.__new__(Session)
    session.source, session.engine = None, SimpleNamespace(network=network)
    session.stylizer, session.recording = SimpleNamespace(work_size=work_size), SimpleNamespace(size=(480, 640))
    line = session.summary(Report(frames=painted, dropped=10))
    assert line.startswith(f"{painted} frames in ")
    assert re.findall(r"--[a-z-]+ \S+", line) == ([offer] if offer else [])


def test_a_live_run_is_streamed_and_reported(tmp_path: Path) -> None:
    port, report = free_port(), tmp_path / "report.json"
    with Receiver(port) as receiver:
        to = f"tcp://127.0.0.1:{port}"
        result = pincel("webcam", *SMALL, "--seconds", "2", "--stream", to, "--report", report, "--quiet")
    assert result.code == 0, result.err
    stream = told(report)["stream"]
    assert (stream["to"], stream["outages"]) == (to, [])
    assert len(receiver.stamps) >= stream["frames"] - 2 > 0


def test_the_background_alone_is_painted(shared: Path, tmp_path: Path) -> None:
    clip, film = shared / "media/LivePortrait__d13.mp4", tmp_path / "film.mkv"
    model = shared / "weights/segmentation/SINet_Softmax.onnx"
    mask = ("--mask", "background", "--mask-model", model)
    options = ("--camera", clip, "--size", "160x160", "--no-window", "--style", "the_scream", "--seconds", "1")
    result = pincel("webcam", *options, *mask, "--record", film, "--quiet")
    assert result.code == 0, result.err
    source = to_size(next(iter(VideoReader(clip))).pixels, (160, 160)).astype(int)
    change = np.abs(next(iter(VideoReader(film))).pixels - source).mean(2)
    assert 5 * change[80:110, 70:90].mean() < change[:40, :30].mean()


def test_quiet_says_nothing(tmp_path: Path) -> None:
    result = pincel("webcam", *SMALL, "--seconds", "0.2", "--quiet")
    assert (result.code, result.err, result.out) == (0, "", "")


@pytest.mark.parametrize(
    ("options", "code", "line"),
    [
        (("--camera", "moon"), 1, "no camera is called 'moon'"),
        (("--size", "8x8"), 1, "size (8, 8) is too small"),
        (("--tour", "0"), 2, "--tour 0: give a number above 0"),
        (("--fps", "nan"), 2, "--fps nan: give a number above 0"),
        (("--fade", "-1"), 2, "--fade -1: give a number from 0 to 60"),
        (("--record", "film.txt"), 2, "name it film.mp4"),
        (("--record", "nowhere/film.mp4"), 1, "nowhere is no folder"),
        (("--styles", "nowhere"), 2, "--styles nowhere is no folder"),
        (("--style", "no_such_style"), 2, "no_such_style"),
        (("--stream", "film.mp4"), 1, "film.mp4 is no address to stream to"),
        (("--mask", "person"), 2, "--mask-model FILE go together"),
        (("--mask", "person", "--mask-model", "none.onnx"), 1, "none.onnx does not exist"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_one_line(options: tuple[str, ...], code: int, line: str) -> None:
    result = pincel("webcam", *SMALL, "--seconds", "1", "--quiet", *options)
    assert result.code == code
    assert line in result.line


@pytest.mark.skipif(sys.platform != "linux", reason="only X11 can be asked for its screen")
def test_without_a_screen_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    result = pincel("webcam", "--camera", "test", "--size", "64x48", "--style", "irises", "--quiet")
    assert (result.code, "there is no screen" in result.line) == (1, True)
    monkeypatch.setenv("DISPLAY", ":4242")
    result = pincel("webcam", "--camera", "test", "--size", "64x48", "--style", "irises", "--quiet")
    assert "the screen :4242 (DISPLAY) does not answer" in result.line


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which cameras there are")
def test_without_a_camera_it_lists_what_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    if list(Path("/dev").glob("video*")):
        pytest.skip("this machine has a camera")
    for result in (pincel("cameras"), pincel("webcam", "--no-window", "--quiet")):
        assert result.code == 1
        assert "no camera opens (tried: nothing is listed" in result.line
        assert "--camera test" in result.line


def start(*arguments: str | Path) -> subprocess.Popen[bytes]:
    code = "from realtime.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "webcam", *map(str, arguments)], cwd=ROOT, stderr=subprocess.PIPE
    )


def heard(process: subprocess.Popen[bytes], wanted: str) -> str:
    """Read what it says until a line has what is wanted."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line.decode())
        if wanted in lines[-1]:
            return lines[-1]
    raise AssertionError(f"{wanted!r} was not said, but {lines}")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no kill -9")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=str)
def test_a_recording_that_is_ended_from_outside_plays(tmp_path: Path, number: signal.Signals) -> None:
    film = tmp_path / "film.mp4"
    with start(*SMALL, "--record", film) as process:
        heard(process, "recording to")
        deadline = time.monotonic() + 30
        while film.stat().st_size < 10_000 and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(process.pid, number)
    assert process.returncode in (130, -number)
    assert len(list(VideoReader(film))) > 10


def test_a_stream_whose_sender_dies_is_painted_on_when_it_is_back(tmp_path: Path) -> None:
    port, report = free_port(), tmp_path / "report.json"
    url = f"http://127.0.0.1:{port}/live"
    options = ("--no-window", "--style", "irises", "--report", report, "--strength", "0")
    with Sender("http", port):
        process = start("--camera", url, *options)
        heard(process, "camera: ")
    with process:
        heard(process, "is lost")
        with Sender("http", port):
            heard(process, "is back after")
        heard(process, "is lost")
        process.send_signal(signal.SIGINT)
        heard(process, "2 outages")
    run = told(report)
    assert process.returncode == 130
    assert [outage["seconds"] is not None for outage in run["outages"]] == [True, False]
    assert all(outage["reason"] and outage["began_seconds"] >= 0 for outage in run["outages"])


def wait_for(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_pictures_dropped_into_a_folder_become_styles(tmp_path: Path) -> None:
    lines: list[str] = []
    cv2.imwrite(str(tmp_path / "first.png"), Pattern((64, 64)).paint(0))
    folder = StyleFolder(tmp_path, tell=lines.append)
    names: list[str] = []

    def has(name: str) -> bool:
        names.extend(name for name, _ in folder.take())
        return name in names

    wait_for(lambda: has("first"))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("no picture either")
    cv2.imwrite(str(tmp_path / "second.jpg"), 255 - Pattern((64, 64)).paint(0))
    wait_for(lambda: has("second") and any("broken.png is no style" in line for line in lines))
    folder.close()
    assert names == ["first", "second"]
    assert sum("broken" in line for line in lines) == 1
    assert not folder._reader.thread.is_alive()


def test_a_folder_that_is_closed_encodes_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    cv2.imwrite(str(tmp_path / "slow.png"), Pattern((64, 64)).paint(77))
    began, encode = threading.Event(), encoder.encode_vector

    def announced(*arguments: Any, **options: Any) -> Any:
        began.set()
        return encode(*arguments, **options | {"refinement": 100_000})  # hours

    monkeypatch.setattr(encoder, "encode_vector", announced)
    folder = StyleFolder(tmp_path, tell=lines.append)
    assert began.wait(15)
    folder.close()
    assert not folder._reader.thread.is_alive()
    assert not lines


def test_a_folder_of_styles_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no folder"):
        StyleFolder(tmp_path / "nowhere", tell=lambda line: None)
