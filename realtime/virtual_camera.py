"""The painting as a camera that meeting programs can choose, through pyvirtualcam."""

import sys
from fractions import Fraction
from importlib import import_module

from realtime.media import Frame, SinkError
from realtime.sizes import to_size

_LINUX = (
    "install v4l2loopback and load it: sudo apt install v4l2loopback-dkms && "
    "sudo modprobe v4l2loopback devices=1 exclusive_caps=1 card_label=Pincel"
)
_MACOS = (
    "install OBS: brew install --cask obs; open it once, click Start Virtual Camera, allow its camera extension in "
    "System Settings, click Stop, and close it"
)
_WINDOWS = "install OBS: winget install OBSProject.OBSStudio; open it once, click Start and Stop Virtual Camera"


class VirtualCamera:
    """A camera of this machine that shows what is written; a `Sink`.

    Args:
        size: of every frame; other sizes are brought to it.
        rate: frames a second, a hint.
        device: name or path of the virtual device, None for the first free one.
        backend: pyvirtualcam's, None for the system's own.

    Attributes:
        device: what other programs find it under.

    Raises:
        SinkError: pyvirtualcam is not installed, or there is no virtual device; tells how to create one.
    """

    def __init__(
        self, size: tuple[int, int], rate: Fraction, *, device: str | None = None, backend: str | None = None
    ) -> None:
        try:
            pyvirtualcam = import_module("pyvirtualcam")
        except ImportError as error:
            raise SinkError(
                f"virtual cameras need pyvirtualcam ({error}): pip install 'pincel[virtual-camera]'"
            ) from error
        height, width = self._size = size[0] - size[0] % 2, size[1] - size[1] % 2
        try:
            self._camera = pyvirtualcam.Camera(
                width, height, float(rate), fmt=pyvirtualcam.PixelFormat.BGR, device=device, backend=backend
            )
        except (RuntimeError, KeyError) as error:
            reason = " ".join(str(error).split()) or "no device"
            raise SinkError(f"there is no virtual camera to write to ({reason}): {creation(sys.platform)}") from error
        self.device: str = self._camera.device

    def write(self, frame: Frame) -> None:
        """Show a frame.

        Raises:
            SinkError: the device is gone.
        """
        try:
            self._camera.send(to_size(frame.pixels, self._size))
        except (RuntimeError, OSError) as error:
            raise SinkError(f"the virtual camera {self.device} takes no more frames: {error}") from error

    def close(self, *, interrupted: bool = False) -> None:
        """Let the device go. Closing again does nothing."""
        self._camera.close()

    def discard(self) -> None:
        self._camera.close()


def creation(platform: str) -> str:
    """Return how to create a virtual camera on a system, as `sys.platform` names it."""
    if platform == "darwin":
        return _MACOS
    return _WINDOWS if platform == "win32" else _LINUX
