"""Opening media files, and what their headers say."""

from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from realtime.media import SourceError
from realtime.timeline import ticks

_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


def open_container(path: Path) -> InputContainer:
    """Open a media file for reading.

    Raises:
        SourceError: it is missing, a folder, empty, or nothing FFmpeg knows.
    """
    if path.is_dir():
        raise SourceError(f"{path} is a folder: name one video in it")
    if not path.exists():
        raise SourceError(f"{path} does not exist: check the name and the folder")
    if path.is_file() and path.stat().st_size == 0:
        raise SourceError(f"{path} is empty (0 bytes): copy or record it again")
    try:
        container = av.open(str(path), "r", metadata_errors="replace")
    except av.FFmpegError as error:
        raise SourceError(
            f"{path} is no video that FFmpeg can read ({error.strerror}): check that it is one"
        ) from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error
    if container.format.name == "tty":  # FFmpeg paints text files as a terminal would show them
        container.close()
        raise SourceError(f"{path} is a text file, no video")
    return container


def trim_ticks(
    container: InputContainer, time_base: Fraction, start_seconds: float | None, end_seconds: float | None
) -> tuple[int, int | None]:
    """Where a trimmed span begins (0 where it is not trimmed) and ends, in ticks of a stream's own clock.

    Sound may begin a little before 0 to prime its decoder: only a later beginning moves the origin.
    """
    origin = max(0, container.start_time or 0) / av.time_base
    start = ticks(origin + start_seconds, time_base) if start_seconds else 0
    return start, None if end_seconds is None else ticks(origin + end_seconds, time_base)


def choose_stream(container: InputContainer, path: Path) -> VideoStream:
    """Give the default video stream, of several the largest; a cover picture is none."""
    streams = [stream for stream in container.streams.video if not stream.disposition & _PICTURES]
    if not streams:
        others = ", ".join(f"{stream.type} ({codec_name(stream)})" for stream in container.streams) or "nothing"
        raise SourceError(f"{path} has no video stream, only {others}: give a file with pictures that move")
    decodable = [stream for stream in streams if stream.codec_context is not None]
    if not decodable:
        raise SourceError(f"{path}: this FFmpeg has no decoder for its video; convert it with another program first")
    return max(
        decodable,
        key=lambda stream: (bool(stream.disposition & Disposition.default), stream.width * stream.height),
    )


def codec_name(stream: Stream) -> str:
    """Name what a stream is coded with, also one that this FFmpeg cannot decode."""
    # The stubs promise a context and a name for every stream; streams without a decoder have neither.
    context = getattr(stream, "codec_context", None)
    return str(context.name if context is not None else getattr(stream, "name", None) or "unknown")


def nominal_rate(stream: VideoStream) -> Fraction:
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= 1000:
            return Fraction(rate)
    return Fraction(25)


def announced_end(container: InputContainer, stream: VideoStream) -> float | None:
    """Where the video ends in its own clock, as its header says; None where it does not."""
    if stream.duration and stream.time_base:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    if tag := stream.metadata.get("DURATION"):
        hours, minutes, seconds = tag.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    if container.duration and len(container.streams) == 1:
        return (max(0, container.start_time or 0) + container.duration) / av.time_base
    return None
