"""The microphone: what is heard while a camera is painted, in step with the frames of a recording."""

import os
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from platform import machine

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from numpy.typing import NDArray

from realtime.channel import Channel, HungUp, Reader
from realtime.media import SourceError

RATE = 48_000
CHUNK = RATE // 100
KEPT_CHUNKS = 2000  # 20 s: more than any frame takes to be painted
STEP_SECONDS = 0.04  # how far sound may stray from the clock; lips and voice part at some 80 ms
SETTLING_SECONDS = 3.0  # some virtual sound servers give two seconds at a time
NAP_SECONDS = 0.005
STOP_SECONDS = 1.0
_FORMATS = {"linux": "alsa", "darwin": "avfoundation", "win32": "dshow"}
_CARDS = Path("/proc/asound/cards")
# Where a system keeps the settings and plugins of ALSA: PyAV's wheel looks where it was built.
_ALSA = {
    "ALSA_CONFIG_DIR": ("/usr/share/alsa",),
    "ALSA_PLUGIN_DIR": (f"/usr/lib/{machine()}-linux-gnu/alsa-lib", "/usr/lib64/alsa-lib", "/usr/lib/alsa-lib"),
}


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of sound.

    Attributes:
        samples: float32 [channels, N] in [-1, 1], `RATE` a second.
        heard_at: `time.perf_counter()` at the first sample.
    """

    samples: NDArray[np.float32]
    heard_at: float


class Microphone:
    """Hears in a thread of its own, from the beginning to `close`; serves one recording after another.

    Samples are counted, and the count is set to the clock by the promptest arrival of the last seconds: a
    busy machine makes sound come late, never early. A device that fails ends the sound, not the run.

    Args:
        device: as `open_device` gives it; closed by the thread.
        name: for what is told.
        tell: given a line when the device fails; in the thread.
        clock: in seconds; that of `Frame.read_at`.

    Attributes:
        layout: "mono" or "stereo".
    """

    def __init__(
        self,
        device: InputContainer,
        *,
        name: str,
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.layout = "mono" if device.streams.audio[0].channels == 1 else "stereo"
        self._name, self._tell, self._clock = name, tell, clock
        self._waiting: deque[Chunk] = deque()
        self._reader = Reader(lambda: self._listen(device), Channel[Chunk](KEPT_CHUNKS, policy="newest"))

    def heard(self, until: float) -> Iterator[Chunk]:
        """Take what began before a time and has arrived, oldest first; for one thread at a time."""
        with suppress(TimeoutError, HungUp):
            while True:
                self._waiting.append(self._reader.channel.receive(timeout_seconds=0))
        while self._waiting and self._waiting[0].heard_at < until:
            yield self._waiting.popleft()

    def close(self) -> None:
        """Stop hearing; a driver that blocks is left behind. Closing again does nothing."""
        self._reader.stop(timeout_seconds=STOP_SECONDS)

    def _listen(self, device: InputContainer) -> Iterator[Chunk]:
        resampler = av.AudioResampler("fltp", self.layout, RATE, frame_size=CHUNK)
        count, delays = 0, deque[tuple[float, float]]()
        reason = "no more comes"
        try:
            for frame in _frames(device):
                frame.pts = None
                for each in resampler.resample(frame):
                    now = self._clock()
                    began, count = count / RATE, count + each.samples
                    delays.append((now, now - count / RATE))
                    while now - delays[0][0] > SETTLING_SECONDS:
                        delays.popleft()
                    samples = np.asarray(each.to_ndarray(), np.float32)
                    yield Chunk(samples, min(delay for _, delay in delays) + began)
        except (av.FFmpegError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
        finally:
            device.close()
        self._tell(f"microphone {self._name} is lost ({reason}): recordings go on without sound")


class SoundTrack:
    """What a microphone hears, as a sound track beside the frames of a video.

    Its times are counts of samples; where they would stray from the clock, as after samples that a driver lost,
    silence fills in or what is too much is left out.

    Args:
        microphone: heard from the first frame on.
        output: the container, whose header is not written yet.
    """

    def __init__(self, microphone: Microphone, *, output: OutputContainer) -> None:
        self._microphone, self._output = microphone, output
        self._stream = output.add_stream("aac", rate=RATE)
        self._stream.codec_context.layout = microphone.layout
        self._channels = self._stream.channels
        self._stream.codec_context.bit_rate = 96_000 * self._channels
        self._origin: float | None = None
        self._count = 0

    def write_until(self, seconds: float, *, clock: float | None = None) -> None:
        """Write what was heard before a time of the file.

        Args:
            seconds: in the file.
            clock: what the clock showed then; the first one sets the sound to the frames.
        """
        if self._origin is None and clock is not None:
            self._origin = clock - seconds
        if self._origin is not None:
            for chunk in self._microphone.heard(self._origin + seconds):
                self._place(chunk, self._origin)

    def finish(self, seconds: float) -> None:
        """Write the rest, up to the last frame."""
        self.write_until(seconds)
        self._output.mux(self._stream.encode(None))

    def _place(self, chunk: Chunk, origin: float) -> None:
        samples = chunk.samples
        missing = round((chunk.heard_at - origin) * RATE) - self._count
        if not self._count or abs(missing) > STEP_SECONDS * RATE:
            samples = samples[:, max(0, -missing) :]
            for start in range(0, missing, RATE):
                self._encode(np.zeros((self._channels, min(RATE, missing - start)), np.float32))
        self._encode(samples)

    def _encode(self, samples: NDArray[np.float32]) -> None:
        if not samples.shape[1]:
            return
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", self._microphone.layout)
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), self._count
        self._count += samples.shape[1]
        self._output.mux(self._stream.encode(frame))


def open_device(name: str) -> InputContainer:
    """Open what a person calls a microphone.

    Args:
        name: "default", a part of the name or the number of a sound card (Linux), the system's own name of a device,
            or FORMAT:NAME for another of FFmpeg's inputs, as "alsa:pulse" or "lavfi:sine=frequency=440,arealtime".

    Raises:
        SourceError: it does not open; the message tells what was tried and what there is.
    """
    text, usual = name, _FORMATS.get(sys.platform, "oss")
    kind, colon, rest = name.partition(":")
    if colon and (kind in av.formats_available or kind in {*_FORMATS.values(), "pulse", "jack"}):
        usual, text = kind, rest
    devices = _devices(usual)
    target = _target(usual, text, devices)
    try:
        with _hushed():
            device = av.open(target, format=usual, options={"audio_buffer_size": "50"} if usual == "dshow" else {})
            if not device.streams.audio:
                device.close()
                raise SourceError("it has no sound")
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        there = ", ".join(devices.values()) or "none"
        raise SourceError(
            f"microphone {name!r} does not open (tried {usual} {target!r}: {reason}; sound cards listed: {there}): "
            "plug one in, or name it as your system does, with FORMAT:NAME for another of FFmpeg's inputs"
        ) from error
    return device


def _devices(kind: str) -> dict[str, str]:
    """Return what the system lists: what FFmpeg calls a device, and what a person reads."""
    if kind == "alsa":
        for variable, folders in _ALSA.items():
            if folder := next((each for each in folders if Path(each).is_dir()), None):
                os.environ.setdefault(variable, folder)
        cards = _CARDS.read_text(encoding="utf-8", errors="replace") if _CARDS.exists() else ""
        found = re.findall(r"^ *(\d+) \[\S+ *\]: .*? - (.+)$", cards, re.MULTILINE)
        return {f"plughw:{number}": f"{number} ({label})" for number, label in found}
    with suppress(av.FFmpegError, OSError, ValueError):
        return {each.name: each.description for each in av.enumerate_input_devices(kind) if "audio" in each.media_types}
    return {}


def _target(kind: str, text: str, devices: dict[str, str]) -> str:
    """Return FFmpeg's name of a device, for a person's."""
    if text != "default" or kind == "dshow":  # which knows no default
        wanted = "" if text == "default" else text.lower()
        named = (each for each, label in devices.items() if wanted in label.lower())
        text = f"plughw:{text}" if kind == "alsa" and text.isdecimal() else next(named, text)
    return {"avfoundation": f":{text}", "dshow": f"audio={text}"}.get(kind, text)


def _frames(device: InputContainer) -> Iterator[av.AudioFrame]:
    while True:
        try:
            for packet in device.demux(device.streams.audio[0]):
                yield from packet.decode()
        except av.BlockingIOError:  # avfoundation does not wait
            time.sleep(NAP_SECONDS)
        else:
            return


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep ALSA from writing to standard error: what is wrong is told by our own errors."""
    if sys.platform != "linux":
        yield
        return
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
