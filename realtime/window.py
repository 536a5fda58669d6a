"""The live window: OpenCV's, in the main thread."""

import os
import socket
import sys
from pathlib import Path

import cv2

from realtime.controls import Controls
from realtime.media import Pixels, SinkError

STRENGTH, BLEND = "strength %", "blend %"
LARGEST = (720, 1280)
SLIDERS = 44  # pixels below the picture
FONT_FOLDERS = ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/TTF", "/usr/share/fonts/dejavu-sans-fonts")


class Window:
    """Shows pictures, and hands keys and sliders to the controls. In the main thread, as systems demand.

    Args:
        title: of the window, unique in this process.
        size: of the pictures, which the window begins with where the screen is likely to hold it.
        controls: get the keys.

    Raises:
        SinkError: there is no screen, or OpenCV was built without windows.
    """

    def __init__(self, title: str, *, size: tuple[int, int], controls: Controls) -> None:
        check_screen()
        self._title, self._controls = title, controls
        self._is_full = False
        find_fonts()
        try:
            # The plain kind: Qt's own keys (Ctrl-S, Ctrl-P) and buttons are left out.
            cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        except cv2.error as error:
            raise SinkError(
                "this OpenCV has no windows: pip install opencv-python in place of opencv-python-headless, "
                "or use --no-window"
            ) from error
        scale = min(1.0, *(most / length for most, length in zip(LARGEST, size, strict=True)))
        cv2.resizeWindow(title, round(size[1] * scale), round(size[0] * scale) + SLIDERS)
        cv2.createTrackbar(STRENGTH, title, round(controls.strength * 100), 100, self._slide_strength)
        cv2.createTrackbar(BLEND, title, round(controls.palette.blend * 100), 100, self._slide_blend)

    def show(self, pixels: Pixels) -> None:
        """Show a picture, uint8 [H, W, 3] BGR, and do what was typed, slid and closed since the one before."""
        if self._controls.ended:
            return
        cv2.imshow(self._title, pixels)
        code = cv2.waitKey(1)
        if not self._is_open():
            self._controls.ended = True
            return
        if code != -1:
            self._controls.press(code)
            self._move_sliders()
        if self._controls.fullscreen != self._is_full:
            self._is_full = self._controls.fullscreen
            mode = cv2.WINDOW_FULLSCREEN if self._is_full else cv2.WINDOW_NORMAL
            cv2.setWindowProperty(self._title, cv2.WND_PROP_FULLSCREEN, mode)

    def _is_open(self) -> bool:
        try:
            return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:  # Qt's answer once its last window is gone
            return False

    def close(self) -> None:
        """Take the window away. Closing again does nothing."""
        try:
            cv2.destroyWindow(self._title)
            cv2.waitKey(1)  # some systems close it only now
        except cv2.error:  # the person has closed it
            return

    def _slide_strength(self, percent: int) -> None:
        self._controls.strength = percent / 100

    def _slide_blend(self, percent: int) -> None:
        self._controls.palette.blend = percent / 100

    def _move_sliders(self) -> None:
        for name, value in ((STRENGTH, self._controls.strength), (BLEND, self._controls.palette.blend)):
            if cv2.getTrackbarPos(name, self._title) != round(value * 100):
                cv2.setTrackbarPos(name, self._title, round(value * 100))


def check_screen() -> None:
    """Make sure that there is a screen: without one Qt ends the process on the spot.

    Raises:
        SinkError: there is none.
    """
    if sys.platform != "linux":
        return
    display = os.environ.get("DISPLAY", "")
    if not display:
        raise SinkError("there is no screen (DISPLAY is not set): use --no-window, with --record or --virtual-camera")
    host, _, number = display.partition(":")
    path = f"/tmp/.X11-unix/X{number.split('.')[0]}"  # noqa: S108 - where X listens
    if host not in ("", "unix") or number.startswith(":"):
        return  # another machine's: only Qt can tell
    for address in (path, f"\0{path}"):
        with socket.socket(socket.AF_UNIX) as trial:
            if trial.connect_ex(address) == 0:
                return
    raise SinkError(f"the screen {display} (DISPLAY) does not answer: use --no-window, with --record")


def find_fonts() -> None:
    """Point Qt to fonts: those that OpenCV's package promises are not in it."""
    if sys.platform == "linux" and not Path(os.environ.get("QT_QPA_FONTDIR", "")).is_dir():
        found = next((folder for folder in FONT_FOLDERS if Path(folder).is_dir()), None)
        if found:
            os.environ["QT_QPA_FONTDIR"] = found
