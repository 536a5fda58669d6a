"""Small video files for the tests of media, made with PyAV alone, and short ways through reader and writer."""

import hashlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from realtime.media import Frame, Pixels
from realtime.pattern import Pattern, read_stamp
from realtime.video import VideoReader
from realtime.video_writer import VideoWriter

if TYPE_CHECKING:
    from av.container.core import Chapter  # in PyAV's stubs only

SIZE = (64, 96)
TICK = Fraction(1, 600)

# Gaps of a variable frame rate, in ticks.
UNEVEN = (0, 24, 25, 90, 91, 300, 301, 302, 480, 1200)


@cache
def stamped(index: int, *, size: tuple[int, int] = SIZE) -> Pixels:
    """A picture that carries its number; not to be written to."""
    return _pattern(size).paint(index)


@cache
def _pattern(size: tuple[int, int]) -> Pattern:
    return Pattern(size, stamped=True)


def stamps(frames: Sequence[Frame]) -> list[int | None]:
    """The numbers that frames carry."""
    return [read_stamp(frame.pixels) for frame in frames]


def write_clip(
    path: Path,
    *,
    ticks: Sequence[int] = tuple(range(0, 240, 24)),
    time_base: Fraction = TICK,
    size: tuple[int, int] = SIZE,
    encoder: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    prepare: Callable[[VideoStream], object] = lambda stream: None,
    lay: Callable[[Pixels], Pixels] = lambda pixels: pixels,
    sounds: Sequence[str] = (),
    sound_start: float = 0.0,
    subtitles: Path | None = None,
    metadata: dict[str, str] | None = None,
    chapters: "Sequence[Chapter]" = (),
    muxing: dict[str, str] | None = None,
) -> Path:
    """Write stamped frames at the given ticks, with a sound track for each language in `sounds`.

    `lay` turns the upright picture as a camera that lies on its side would; `prepare` sets the stream up.
    """
    container_options = {"movie_timescale": str(time_base.denominator)} if path.suffix in {".mp4", ".mov"} else {}
    with av.open(str(path), "w", container_options=container_options | (muxing or {})) as container:
        container.metadata.update(metadata or {})
        container.set_chapters(list(chapters))
        video = cast(VideoStream, container.add_stream(encoder, rate=25, options=options or {}))
        coded = lay(stamped(0, size=size))
        video.height, video.width = coded.shape[:2]
        video.pix_fmt = pix_fmt
        video.codec_context.time_base = time_base
        prepare(video)
        tracks = [_add_sound(container, language) for language in sounds]
        texts = av.open(str(subtitles)) if subtitles else None
        text = container.add_stream_from_template(texts.streams[0], opaque=True) if texts else None
        for index, tick in enumerate(ticks):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(lay(stamped(index, size=size))), format="bgr24")
            frame = frame.reformat(format=pix_fmt, dst_color_range=video.codec_context.color_range or None)
            frame.pts, frame.time_base = tick, time_base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        seconds = float(max(ticks) * time_base) + 0.1
        for number, track in enumerate(tracks):
            _write_sound(container, track, pitch=220 * (number + 1), start=sound_start, seconds=seconds)
        if texts and text:
            for packet in texts.demux():
                if packet.size:
                    packet.stream = text
                    container.mux(packet)
            texts.close()
    return path


def _add_sound(container: OutputContainer, language: str) -> AudioStream:
    opus = container.format.name == "webm"
    stream = container.add_stream("libopus" if opus else "aac", rate=48000)
    stream.metadata["language"] = language
    return stream


def _write_sound(container: OutputContainer, stream: AudioStream, *, pitch: int, start: float, seconds: float) -> None:
    times = np.arange(round(seconds * 48000)) / 48000
    wave = np.tile(0.3 * np.sin(2 * np.pi * pitch * times), (2, 1)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48000, round(start * 48000), Fraction(1, 48000)
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def packets(path: Path, kind: str) -> list[list[tuple[float, str]]]:
    """Time and hash of every packet, by stream of one type."""
    found = []
    with av.open(str(path)) as container:
        indices = [stream.index for stream in container.streams if stream.type == kind]
    for index in indices:
        with av.open(str(path)) as container:
            stream = container.streams[index]
            found.append(
                [
                    (
                        float((p.pts if p.pts is not None else p.dts or 0) * p.time_base),
                        hashlib.sha256(bytes(p)).hexdigest(),
                    )
                    for p in container.demux(stream)
                    if p.dts is not None or p.pts is not None
                ]
            )
    return found


def hashes(path: Path, kind: str) -> list[list[str]]:
    """Hash of every packet, by stream of one type."""
    return [[digest for _, digest in stream] for stream in packets(path, kind)]


def frames(ticks: tuple[int, ...] | range, *, time_base: Fraction = TICK, size: tuple[int, int] = SIZE) -> list[Frame]:
    return [
        Frame(stamped(index, size=size), pts_seconds=float(tick * time_base), index=index, duration_seconds=0.04)
        for index, tick in enumerate(ticks)
    ]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(path: Path, ticks: tuple[int, ...] | range = UNEVEN, **settings: Any) -> VideoWriter:
    """Write stamped frames in software."""
    size = settings.pop("size", SIZE)
    time_base = settings.pop("time_base", TICK)
    writer = VideoWriter(path, size=size, rate=Fraction(25), time_base=time_base, **{"encoder": "software"} | settings)
    for frame in frames(ticks, time_base=time_base, size=size):
        writer.write(frame)
    writer.close()
    return writer


def paint(source: Path, target: Path, **settings: Any) -> VideoWriter:
    """Copy a file as `pincel convert` does, without the paint."""
    span = {key: settings.get(key) for key in ("start_seconds", "end_seconds")}
    reader = VideoReader(source, **span)
    writer = VideoWriter(
        target,
        size=reader.size,
        rate=reader.rate,
        time_base=reader.time_base,
        sample_aspect_ratio=reader.sample_aspect_ratio,
        colour=reader.colour,
        tracks=source,
        **{"encoder": "software"} | settings,
    )
    for frame in reader:
        writer.write(frame)
    writer.close()
    return writer
