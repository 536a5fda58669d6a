"""Which encoder writes a video, with which options, and which container holds what."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import cast

import av
from av import VideoFrame
from av.video.codeccontext import VideoCodecContext

from realtime.media import SinkError

# By suffix: FFmpeg's name of the container and the codecs it holds, the default first.
CONTAINERS = {
    ".mp4": ("mp4", ("h264", "hevc", "av1", "vp9")),
    ".mov": ("mov", ("h264", "hevc", "prores")),
    ".mkv": ("matroska", ("h264", "hevc", "av1", "vp9", "prores")),
    ".webm": ("webm", ("vp9", "av1")),
}

# In order of preference; which of them work is found out by encoding a frame.
_HARDWARE = ("nvenc", "videotoolbox", "qsv", "amf")


@dataclass(frozen=True, slots=True)
class _Software:
    encoder: str
    crf: int | None
    crf_limit: int
    preset: str


# Chosen on painted frames of 640x360, milliseconds of one core a frame: libx264 ultrafast 0.9 at three times the
# bytes, superfast 1.4, veryfast 2.2 at a tenth fewer, fast 6.2; libx265 superfast 9.9; libsvtav1 8 15.6, 9 13.0,
# 10 7.2 (its makers warn of artefacts from 10 on); libvpx-vp9 "realtime" 7 5.4, "good" 5 34.9. Painting has the same
# cores.
_SOFTWARE = {
    "h264": _Software("libx264", 20, 51, "superfast"),
    "hevc": _Software("libx265", 22, 51, "superfast"),
    "av1": _Software("libsvtav1", 30, 63, "9"),
    "vp9": _Software("libvpx-vp9", 30, 63, "7"),
    "prores": _Software("prores_ks", None, 0, "hq"),
}


@dataclass(frozen=True, slots=True)
class Encoding:
    """A choice of encoder.

    Attributes:
        encoder: FFmpeg's name of it.
        options: its options, FFmpeg's names.
        pix_fmt: the pixel format it gets.
        tag: codec tag in the container, None for the usual one.
        notes: what a user should know of the choice.
    """

    encoder: str
    options: dict[str, str]
    pix_fmt: str
    tag: str | None = None
    notes: list[str] = field(default_factory=list)


Probe = Callable[[str, tuple[int, int], str], bool]


@cache
def encoder_works(encoder: str, size: tuple[int, int], pix_fmt: str) -> bool:
    """Whether this machine can encode one black frame with it; nothing is printed, the answer is kept."""
    try:
        context = cast(VideoCodecContext, av.CodecContext.create(encoder, "w"))
        context.height, context.width = size
        context.pix_fmt = pix_fmt
        context.framerate, context.time_base = Fraction(25), Fraction(1, 25)
        context.open()
        frame = VideoFrame(size[1], size[0], pix_fmt)
        frame.pts = 0
        return bool([*context.encode(frame), *context.encode(None)])
    except (av.FFmpegError, ValueError):
        return False


def container_of(path: Path) -> str:
    """Give FFmpeg's name of the container a file name asks for.

    Raises:
        SinkError: it is none of the four.
    """
    if path.suffix.lower() not in CONTAINERS:
        raise SinkError(
            f"{path}: {path.suffix or 'no suffix'} is no container for video here: use {_listed(CONTAINERS)}"
        )
    return CONTAINERS[path.suffix.lower()][0]


def choose_encoding(
    path: Path,
    *,
    size: tuple[int, int],
    codec: str | None,
    crf: int | None,
    preset: str | None,
    encoder: str,
    works: Probe = encoder_works,
) -> Encoding:
    """Choose how to encode into a file.

    Args:
        path: its suffix names the container.
        size: (height, width) in pixels.
        codec: "h264", "hevc", "av1", "vp9", "prores"; None for the container's default.
        crf: constant quality, lower is better; None for the codec's default.
        preset: speed in the encoder's own words (the profile for prores); None for the default.
        encoder: "auto" for hardware where it works and else software, "software", or a kind of hardware
            ("nvenc", "videotoolbox", "qsv", "amf").
        works: tells whether an encoder works for a size and pixel format.

    Raises:
        SinkError: the container cannot hold the codec, or the encoder, preset or quality does not exist here.
    """
    container = container_of(path)
    codec = codec or CONTAINERS[path.suffix.lower()][1][0]
    software = _check(path, codec, crf)
    tag = "hvc1" if codec == "hevc" and container in {"mp4", "mov"} else None  # Apple's players want it
    hardware = None if encoder == "software" or codec == "prores" else _hardware(codec, size, encoder, works)
    if hardware:
        options = _hardware_options(hardware, crf if crf is not None else software.crf or 0, preset)
        return Encoding(hardware, options, _hardware_format(hardware), tag, [f"encoded in hardware by {hardware}"])
    if encoder not in {"auto", "software"}:
        raise SinkError(f"the encoder {encoder} does not work here for {codec} at {size[1]}x{size[0]}: use software")
    os.environ.setdefault("SVT_LOG", "0")  # SVT-AV1 writes its banner past libav's log
    options = _software_options(software, crf, preset)
    if software.encoder in {"libx264", "libx265"} and (size[0] % 2 or size[1] % 2):
        note = (
            f"{size[1]}x{size[0]} is odd: written as 4:4:4, which some players cannot show (vp9 and av1 can be 4:2:0)"
        )
        return Encoding(software.encoder, options, "yuv444p", tag, [note])
    return Encoding(software.encoder, options, "yuv422p10le" if codec == "prores" else "yuv420p", tag)


def _check(path: Path, codec: str, crf: int | None) -> _Software:
    if codec not in _SOFTWARE:
        raise SinkError(f"{codec} is no codec this can write: use {_listed(_SOFTWARE)}")
    held = CONTAINERS[path.suffix.lower()][1]
    if codec not in held:
        others = [suffix for suffix, (_, codecs) in CONTAINERS.items() if codec in codecs]
        raise SinkError(
            f"{path}: {path.suffix.lower()} cannot hold {codec}: name it {_listed(others)}, or use {_listed(held)}"
        )
    software = _SOFTWARE[codec]
    if crf is not None and software.crf is None:
        raise SinkError(
            f"crf {crf}: {codec} has no constant quality; choose a profile as preset (proxy, lt, standard, hq)"
        )
    if crf is not None and not 0 <= crf <= software.crf_limit:
        raise SinkError(f"crf {crf} is outside 0..{software.crf_limit} of {codec}: {software.crf} looks good")
    return software


def _hardware(codec: str, size: tuple[int, int], encoder: str, works: Probe) -> str | None:
    if encoder == "auto" and (size[0] % 2 or size[1] % 2):
        return None
    for kind in _HARDWARE if encoder == "auto" else (encoder.removeprefix(f"{codec}_"),):
        name = f"{codec}_{kind}"
        if kind in _HARDWARE and works(name, size, _hardware_format(name)):
            return name
    return None


def _hardware_format(encoder: str) -> str:
    return "yuv420p" if encoder.endswith("nvenc") else "nv12"


def _hardware_options(encoder: str, crf: int, preset: str | None) -> dict[str, str]:
    """Ask for constant quality in each maker's words; `crf` on the scale of the software encoder."""
    speed = {"preset": preset} if preset else {}
    if encoder.endswith("nvenc"):
        return {"rc": "vbr", "cq": str(crf), "b": "0", "preset": preset or "p4"}
    if encoder.endswith("qsv"):
        return {"global_quality": str(max(1, crf)), **speed}
    if encoder.endswith("amf"):
        return {"rc": "cqp", "qp_i": str(crf), "qp_p": str(crf), **speed}
    # VideoToolbox: 1..100, higher is better, in units of FF_QP2LAMBDA (118).
    return {"flags": "+qscale", "global_quality": str(118 * max(1, round(100 - 1.7 * crf)))}


def _software_options(software: _Software, crf: int | None, preset: str | None) -> dict[str, str]:
    speed, quality = preset or software.preset, str(software.crf if crf is None else crf)
    match software.encoder:
        case "libvpx-vp9":
            return {"crf": quality, "b": "0", "deadline": "realtime", "cpu-used": speed, "row-mt": "1"}
        case "prores_ks":
            return {"profile": speed}
        case "libx265":  # x265 writes its banner past libav's log
            return {"crf": quality, "preset": speed, "x265-params": "log-level=none"}
        case _:
            return {"crf": quality, "preset": speed}


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
