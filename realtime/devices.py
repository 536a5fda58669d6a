"""Which cameras there are, and how each is opened."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import cv2

from realtime.media import SourceError

MOST_INDICES = 4
SYSTEM_FOLDER = Path("/sys/class/video4linux")
TRIED_SIZES = ((480, 640), (720, 1280), (1080, 1920), (2160, 3840))
OPEN_SECONDS, STALL_SECONDS = 10.0, 2.0
_FOURCC = "MJPG"  # raw pictures of 1080p need more than USB 2 carries
# FFmpeg as a live player: nothing is collected before the first picture.
_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_STREAM_OPTIONS = "fflags;nobuffer|flags;low_delay|rtsp_transport;tcp"


class Capture(Protocol):
    """The part of `cv2.VideoCapture` in use here."""

    def read(self) -> tuple[bool, Any]:
        """Wait for the next frame, uint8 [H, W, 3] BGR; False when there is none."""

    def get(self, property_id: int, /) -> float: ...

    def set(self, property_id: int, value: float, /) -> bool: ...

    def release(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Device:
    """A camera of this machine.

    Attributes:
        index: OpenCV's number of it.
        name: what the system calls it, "" where it does not tell.
    """

    index: int
    name: str = ""

    def __str__(self) -> str:
        return f"{self.index} ({self.name})" if self.name else str(self.index)


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a camera gives, which need not be what was asked for."""

    size: tuple[int, int]
    rate: Fraction | None
    fourcc: str

    def __str__(self) -> str:
        rate = f" at {float(self.rate):.4g} fps" if self.rate else ""
        return f"{self.size[1]}x{self.size[0]}{rate}{f' in {self.fourcc}' if self.fourcc else ''}"


def find_devices(system_folder: Path = SYSTEM_FOLDER) -> list[Device]:
    """List the cameras that may be there; where the system tells nothing, the first few numbers."""
    if sys.platform != "linux":
        return [Device(index) for index in range(MOST_INDICES)]
    found = []
    for folder in system_folder.glob("video*"):
        try:
            name = (folder / "name").read_text(encoding="utf-8", errors="replace").strip()
            # One camera may have several nodes, of which the first gives pictures and others give data.
            node = (folder / "index").read_text().strip() if (folder / "index").exists() else "0"
        except OSError:  # unplugged just now
            continue
        if node == "0" and folder.name[5:].isdigit():
            found.append(Device(int(folder.name[5:]), name))
    return sorted(found, key=lambda device: device.index)


def resolve(text: str, *, devices: Callable[[], list[Device]] = find_devices) -> int | str:
    """Return what OpenCV opens for what a person calls a camera: its number, or a path or URL.

    Args:
        text: "0", "/dev/video2", "rtsp://...", or a part of a name.
        devices: asked where it is a name, each time anew: a camera that is plugged in again has another number.

    Raises:
        SourceError: no camera is called so.
    """
    if text.isdecimal():
        return int(text)
    if "://" in text or text.startswith("/dev/"):
        return text
    there = devices()
    for device in there:
        if text.lower() in device.name.lower():
            return device.index
    named = ", ".join(str(device) for device in there if device.name) or "none"
    raise SourceError(
        f"no camera is called {text!r} (named cameras: {named}): `pincel cameras` lists what can be opened"
    )


def open_capture(text: str, *, size: tuple[int, int] | None = None, rate: Fraction | None = None) -> Capture:
    """Open a camera or a stream, and ask for a size and a rate.

    Raises:
        SourceError: it does not open.
    """
    target = resolve(text)
    if isinstance(target, str) and "://" in target:
        limits = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(OPEN_SECONDS * 1000),
            cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(STALL_SECONDS * 1000),
            cv2.CAP_PROP_N_THREADS, 1,  # more would each hold a picture back
        ]  # fmt: skip
        with quiet(), _stream_options():
            capture = cv2.VideoCapture(target, cv2.CAP_FFMPEG, limits)
    else:
        with quiet():
            capture = cv2.VideoCapture(target)
        if capture.isOpened():
            ask(capture, size=size, rate=rate)
    if not capture.isOpened():
        capture.release()
        raise SourceError(f"{_label(target)} cannot be opened: {_remedy(target)}")
    return capture


def ask(capture: Capture, *, size: tuple[int, int] | None, rate: Fraction | None) -> None:
    """Ask a camera for MJPG, a size and a rate; `delivered` tells what came of it."""
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*_FOURCC))  # first: it bounds the sizes
    if size:
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[1])
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[0])
    if rate:
        capture.set(cv2.CAP_PROP_FPS, float(rate))


def delivered(capture: Capture) -> Delivered:
    """Tell what an opened camera says it gives."""
    size = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)), int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
    rate = capture.get(cv2.CAP_PROP_FPS)
    code = int(capture.get(cv2.CAP_PROP_FOURCC))
    fourcc = "".join(chr(code >> shift & 0xFF) for shift in (0, 8, 16, 24)) if code > 0 else ""
    known = Fraction(rate).limit_denominator(1001) if 1 <= rate <= 1000 else None
    return Delivered(size, known, fourcc if re.fullmatch(r"[ -~]{4}", fourcc) else "")


def formats(capture: Capture) -> list[Delivered]:
    """Try the usual sizes, and tell what each request gives."""
    found = {}
    for size in TRIED_SIZES:
        ask(capture, size=size, rate=Fraction(60))
        given = delivered(capture)
        found[given.size] = given
    return list(found.values())


def available(
    *, devices: Callable[[], list[Device]] = find_devices, opener: Callable[[str], Capture] = open_capture
) -> Iterator[tuple[Device, list[Delivered]]]:
    """Open each camera that may be there; gives those that open, with what they deliver."""
    for device in devices():
        try:
            capture = opener(str(device.index))
        except SourceError:
            continue
        try:
            yield device, formats(capture)
        finally:
            capture.release()


def none_found(devices: list[Device]) -> str:
    """Return the line for a machine without a camera."""
    tried = ", ".join(str(device) for device in devices) or f"nothing is listed in {SYSTEM_FOLDER}"
    return (
        f"no camera opens (tried: {tried}): plug one in, close programs that hold it, name a stream with "
        "--camera URL, or use --camera test"
    )


@contextmanager
def _stream_options() -> Iterator[None]:
    """Set what OpenCV takes from the environment alone, for one opening: files would not open with it."""
    if _OPTIONS in os.environ:
        yield
        return
    os.environ[_OPTIONS] = _STREAM_OPTIONS
    try:
        yield
    finally:
        del os.environ[_OPTIONS]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep OpenCV from printing: what is wrong is told by our own errors."""
    before = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)


def _label(target: int | str) -> str:
    return f"camera {target}" if isinstance(target, int) else target


def _remedy(target: int | str) -> str:
    if isinstance(target, str) and "://" in target:
        return "is it sent, and can this machine reach it?"
    return "is it plugged in, and is no other program using it? `pincel cameras` lists what opens"
