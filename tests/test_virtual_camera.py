import sys
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from realtime.media import Frame, SinkError
from realtime.pattern import Pattern, read_stamp
from realtime.pipeline import run
from realtime.virtual_camera import VirtualCamera, creation
from tests.commands import pincel

pyvirtualcam = pytest.importorskip("pyvirtualcam", reason="the extra virtual-camera is not installed")


class FakeDevice:
    """What pyvirtualcam asks of a backend; remembers what it was sent."""

    made: "list[FakeDevice]" = []  # noqa: RUF012 - pyvirtualcam makes the instances

    def __init__(self, *, width: int, height: int, fps: float, fourcc: int, device: str | None, **more: Any) -> None:
        if device == "/dev/none":
            raise RuntimeError("no such device")
        self.size, self.fps = (height, width), fps
        self.frames: list[NDArray[np.uint8]] = []
        self.closed = 0
        self.is_gone = False
        FakeDevice.made.append(self)

    def send(self, frame: NDArray[np.uint8]) -> None:
        if self.is_gone:
            raise RuntimeError("unplugged")
        self.frames.append(frame.reshape(*self.size, 3).copy())

    def close(self) -> None:
        self.closed += 1

    def device(self) -> str:
        return "fake"

    def native_fourcc(self) -> int | None:
        return None


@pytest.fixture(autouse=True)
def backend() -> Iterator[None]:
    before = dict(pyvirtualcam.camera.BACKENDS)
    pyvirtualcam.camera.BACKENDS.clear()
    pyvirtualcam.register_backend("fake", FakeDevice)
    FakeDevice.made.clear()
    yield
    pyvirtualcam.camera.BACKENDS.clear()
    pyvirtualcam.camera.BACKENDS.update(before)


def test_every_frame_arrives_in_order_and_unchanged() -> None:
    camera = VirtualCamera((64, 96), Fraction(30))
    run(Pattern((64, 96), frame_count=20, stamped=True), iter, [camera])
    (device,) = FakeDevice.made
    assert (device.size, device.fps, camera.device) == ((64, 96), 30.0, "fake")
    assert [read_stamp(frame) for frame in device.frames] == list(range(20))
    assert (device.frames[3] == Pattern((64, 96), stamped=True).paint(3)).all()
    assert device.closed == 1


def test_odd_sizes_are_made_even_as_devices_demand() -> None:
    camera = VirtualCamera((65, 97), Fraction(30))
    camera.write(Frame(np.zeros((65, 97, 3), np.uint8), 0.0, 0))
    camera.close()
    camera.close()
    assert FakeDevice.made[0].frames[0].shape == (64, 96, 3)
    assert FakeDevice.made[0].closed == 1


def test_a_device_that_goes_away_is_an_error_that_names_it() -> None:
    camera = VirtualCamera((64, 96), Fraction(30))
    FakeDevice.made[0].is_gone = True
    with pytest.raises(SinkError, match="the virtual camera fake takes no more frames: unplugged"):
        camera.write(Frame(np.zeros((64, 96, 3), np.uint8), 0.0, 0))
    camera.discard()


def test_without_a_device_the_error_tells_how_to_create_one() -> None:
    with pytest.raises(SinkError, match="no such device") as told:
        VirtualCamera((64, 96), Fraction(30), device="/dev/none")
    assert creation(sys.platform) in str(told.value)


@pytest.mark.parametrize(
    ("platform", "command"),
    [("linux", "sudo modprobe v4l2loopback"), ("darwin", "brew install --cask obs"), ("win32", "winget install OBS")],
)
def test_each_system_has_its_commands(platform: str, command: str) -> None:
    assert command in creation(platform)


LIVE = (
    "webcam",
    "--camera",
    "test",
    "--size",
    "64x48",
    "--style",
    "irises",
    "--no-window",
    "--quiet",
    "--seconds",
    "0.5",
)


def test_the_webcam_is_painted_into_the_virtual_camera() -> None:
    result = pincel(*LIVE, "--virtual-camera")
    assert (result.code, result.err) == (0, "")
    (device,) = FakeDevice.made
    assert len(device.frames) > 0
    assert device.frames[0].shape == (48, 64, 3)
    assert device.closed == 1


def test_without_a_device_the_command_says_how_to_create_one() -> None:
    pyvirtualcam.camera.BACKENDS.clear()
    result = pincel(*LIVE, "--virtual-camera")
    assert result.code == 1
    assert result.line == f"there is no virtual camera to write to (no device): {creation(sys.platform)}"
