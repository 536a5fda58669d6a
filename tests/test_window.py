import ctypes
import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from realtime.controls import KEYS, Controls
from realtime.media import SinkError
from realtime.overlay import Status, compose, figures
from realtime.palette import Palette
from realtime.pattern import Pattern
from realtime.report import Report
from realtime.window import SLIDERS, check_screen

ROOT = Path(__file__).parents[1]
SCREEN = 640, 480
BUILDING = 90  # seconds that a busy machine may take for the engine
LEAST = 0.01  # mean grey levels of the whole screen: a slider moves less, the letters REC more
STATUS = Status(fps=29.97, engine="fake fp32", flicker=0.4, notice="")


def controls() -> Controls:
    return Controls(Palette([(name, np.zeros(4, np.float32)) for name in ("night", "wave")]))


def test_the_figures_tell_speed_age_drops_style_and_engine() -> None:
    report = Report(dropped=12)
    report.age.seconds.extend([0.03] * 98 + [0.05] * 2)
    lines = "\n".join(figures(STATUS, controls(), report))
    for part in ("30.0 fps", "age 30/30/50 ms", "dropped 12", "night", "strength 100%", "flicker 0.4", "fake fp32"):
        assert part in lines


def test_what_is_written_leaves_the_painting_as_it_is() -> None:
    source, painted = Pattern((240, 320)).paint(0), Pattern((240, 320)).paint(90)
    kept = painted.copy()
    state = controls()
    state.help = state.recording = state.split = True
    shown = compose(source, painted, state, Status(30, "x", None, "camera lost"), Report())
    assert (painted == kept).all()
    assert (shown != painted).any()
    bare = controls()
    bare.overlay = False
    assert (compose(source, painted, bare, STATUS, Report()) == painted).all()


def test_split_shows_the_source_on_the_left_and_the_painting_on_the_right() -> None:
    source, painted = Pattern((120, 160)).paint(0), Pattern((240, 320)).paint(90)
    state = controls()
    state.split, state.overlay = True, False
    shown = compose(source, painted, state, STATUS, Report())
    assert (shown[:, 162:] == painted[:, 162:]).all()
    assert np.abs(shown[::2, :150:2].astype(int) - source[:, :75]).mean() < 5


@pytest.mark.skipif(sys.platform != "linux", reason="only X11 can be asked for its screen")
def test_a_missing_screen_is_an_error_and_not_the_end_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":4242")
    with pytest.raises(SinkError, match="use --no-window"):
        check_screen()


@dataclass
class Desktop:
    """`pincel webcam` on a screen of its own; keys go in, screenshots come out."""

    display: str
    framebuffer: Path
    folder: Path
    process: "subprocess.Popen[bytes]"

    def environment(self) -> dict[str, str]:
        return {**os.environ, "DISPLAY": self.display}

    def xdotool(self, *arguments: str) -> str:
        command = ["timeout", "5", "xdotool", *arguments]
        return subprocess.run(command, env=self.environment(), capture_output=True, text=True).stdout

    def press(self, key: str) -> None:
        self.xdotool("key", key)

    def screen(self) -> NDArray[np.int16]:
        """Take a screenshot from Xvfb's own file, in the format of xwd."""
        data = self.framebuffer.read_bytes()
        header = struct.unpack(">25I", data[:100])
        width, height, bits, row = header[4], header[5], header[11], header[12]
        pixels = np.frombuffer(data, np.uint8, offset=header[0] + header[19] * 12)[: height * row]
        return pixels.reshape(height, row)[:, : width * bits // 8].reshape(height, width, -1)[..., :3].astype(np.int16)

    def wait(self, wanted: Callable[[NDArray[np.int16]], bool], what: str, *, seconds: float = 15) -> NDArray[np.int16]:
        deadline = time.monotonic() + seconds
        while not wanted(shot := self.screen()):
            assert time.monotonic() < deadline, f"{what} was not seen"
            time.sleep(0.05)
        return shot

    def settled(self, *, rows: slice = slice(None)) -> NDArray[np.int16]:
        """Wait until the screen stands still in some rows for a second, and return it."""
        still, since = self.screen(), time.monotonic()

        def stands(shot: NDArray[np.int16]) -> bool:
            nonlocal still, since
            if (shot != still)[rows].any():
                still, since = shot, time.monotonic()
            return time.monotonic() - since > 1

        return self.wait(stands, "a still screen")

    def press_and_see(self, key: str, *, rows: slice = slice(None)) -> None:
        """Press a key and wait until the screen has changed by more than the pixel of a slider."""
        before = self.screen()[rows]
        self.press(key)
        self.wait(lambda shot: distance(shot[rows], before) > LEAST, f"an effect of {key}")

    def close_window(self, window: int) -> None:
        """Ask it to go as a window manager does when its cross is clicked; there is no manager here."""
        x11 = ctypes.CDLL("libX11.so.6")
        x11.XOpenDisplay.restype = ctypes.c_void_p
        x11.XInternAtom.restype = ctypes.c_ulong
        connection = ctypes.c_void_p(x11.XOpenDisplay(self.display.encode()))
        protocols, delete = (x11.XInternAtom(connection, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
        event = (ctypes.c_long * 24)(33, 0, 0, 0, window, protocols, 32, delete)  # an XClientMessageEvent
        x11.XSendEvent(connection, ctypes.c_ulong(window), 0, ctypes.c_long(0), ctypes.byref(event))
        x11.XCloseDisplay(connection)


def distance(one: NDArray[np.int16], other: NDArray[np.int16]) -> float:
    return float(np.abs(one - other).mean())


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    if not shutil.which("Xvfb") or not shutil.which("xdotool"):
        pytest.skip("needs Xvfb and xdotool: apt-get install xvfb xdotool")
    reading, writing = os.pipe()
    size = f"{SCREEN[0]}x{SCREEN[1]}x24"
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", size, "-fbdir", str(tmp_path), "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        with os.fdopen(reading) as answer:
            display = f":{answer.readline().strip()}"
        code = "from realtime.cli import main; main()"
        options = ("--camera", "test", "--size", "256x192", "--fade", "0.1", "--steady", "0", "--quiet")
        styles = ("--style", "irises", "--style", "the_scream", "--style", "great_wave")
        with subprocess.Popen(
            [sys.executable, "-c", code, "webcam", *options, *styles],
            cwd=tmp_path, env={**os.environ, "DISPLAY": display, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            yield Desktop(display, tmp_path / "Xvfb_screen0", tmp_path, process)
            process.kill()
        server.terminate()


@pytest.mark.timeout(180)
def test_every_key_has_an_effect_that_is_seen(desktop: Desktop) -> None:
    desktop.wait(lambda shot: shot.max() > 0, "the window", seconds=BUILDING)
    window = desktop.xdotool("search", "--name", "Pincel").split()[0]
    desktop.xdotool("windowfocus", "--sync", window)
    pressed = {"o", " "}
    desktop.press("space")  # one key at a time: OpenCV keeps only the last
    desktop.settled(rows=slice(40, None))  # the figures go on
    desktop.press("o")
    plain = desktop.settled()
    assert plain.max() > 0

    pairs = [("n", "p"), ("2", "1"), ("minus", "plus"), ("period", "comma"), ("c", "c"), ("v", "v"), ("m", "m")]
    pairs += [("h", "h"), ("r", "r"), ("o", "o")]
    named = {"minus": "-", "plus": "+", "period": ".", "comma": ","}
    for there, back in pairs:
        if there != "o":
            desktop.press_and_see(there)
            desktop.press(back)
            desktop.wait(lambda shot: distance(shot, plain) < LEAST, f"the end of {there}")
        pressed |= {named.get(key, key) for key in (there, back)}
    assert list(desktop.folder.glob("pincel-*.mp4"))

    desktop.press("o")
    desktop.wait(lambda shot: distance(shot, plain) > 0.1, "the figures")
    for key in ("bracketright", "bracketleft"):  # steadiness is seen in the second line of the figures alone
        desktop.press_and_see(key, rows=slice(10, 20))
    desktop.press("s")
    pressed |= {"]", "[", "s"}
    desktop.wait(lambda shot: bool(list(desktop.folder.glob("pincel-*.png"))), "a snapshot")
    desktop.press("q")
    assert desktop.process.wait(15) == 0
    assert set(KEYS) - pressed == {"q", "f"}


@pytest.mark.timeout(180)
def test_sliders_change_what_is_painted_and_keys_move_them(desktop: Desktop) -> None:
    desktop.wait(lambda shot: shot.max() > 0, "the window", seconds=BUILDING)
    window = desktop.xdotool("search", "--name", "Pincel").split()[0]
    desktop.xdotool("windowfocus", "--sync", window)
    desktop.press("space")
    desktop.settled(rows=slice(40, None))
    desktop.press("o")
    plain = desktop.settled()
    width, height = (int(side) for side in desktop.xdotool("getwindowgeometry", window).split()[-1].split("x"))
    picture, sliders = slice(0, height - SLIDERS), slice(height - SLIDERS, height)
    strength, blend = height - SLIDERS + 6, height - SLIDERS // 2 + 5

    def step(y: int, *, times: int) -> None:
        """Click to the right of a handle: each time it goes on by 5 %."""
        desktop.xdotool("mousemove", str(width - 6), str(y), "click", "--repeat", str(times), "--delay", "50", "1")

    def sees_plain(shot: NDArray[np.int16]) -> bool:
        return distance(shot[picture], plain[picture]) < LEAST

    desktop.xdotool("mousemove", str(width - 6), str(strength), "mousedown", "1")  # full strength is at the right end
    desktop.xdotool("mousemove", str(width // 2), str(strength), "mousemove", "2", str(strength), "mouseup", "1")
    desktop.wait(lambda shot: distance(shot[picture], plain[picture]) > 5, "no strength")
    step(strength, times=20)
    desktop.press("plus")  # the last click hits the handle itself, which stays
    desktop.wait(sees_plain, "the full strength")
    step(blend, times=4)
    desktop.wait(lambda shot: distance(shot[picture], plain[picture]) > 1, "some of the next style")
    moved = desktop.settled()
    for _ in range(2):  # 10 % each
        desktop.press_and_see("comma", rows=sliders)
    desktop.wait(sees_plain, "the first style alone")
    assert distance(desktop.screen()[sliders], moved[sliders]) > LEAST


@pytest.mark.skipif(not shutil.which("openbox"), reason="full screen needs a window manager: apt-get install openbox")
@pytest.mark.timeout(150)
def test_f_fills_the_screen_and_gives_it_back(desktop: Desktop) -> None:
    desktop.wait(lambda shot: shot.max() > 0, "the window", seconds=BUILDING)
    window = desktop.xdotool("search", "--name", "Pincel").split()[0]

    def fills() -> bool:
        return f"{SCREEN[0]}x{SCREEN[1]}" in desktop.xdotool("getwindowgeometry", window)

    def has_focus(shot: NDArray[np.int16]) -> bool:
        desktop.xdotool("windowactivate", window)
        return desktop.xdotool("getactivewindow").strip() == window

    with subprocess.Popen(["openbox"], env=desktop.environment(), stderr=subprocess.DEVNULL) as manager:
        try:
            desktop.wait(has_focus, "the focus")
            desktop.press("f")
            desktop.wait(lambda shot: fills(), "full screen")
            desktop.press("f")
            desktop.wait(lambda shot: not fills(), "the end of full screen")
        finally:
            manager.terminate()


@pytest.mark.timeout(150)
def test_closing_the_window_ends_the_run_well(desktop: Desktop) -> None:
    desktop.wait(lambda shot: shot.max() > 0, "the window", seconds=BUILDING)
    window = desktop.xdotool("search", "--name", "Pincel").split()[0]
    desktop.close_window(int(window))
    assert desktop.process.communicate(timeout=15)[1] == b""
    assert desktop.process.returncode == 0
