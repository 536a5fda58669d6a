"""Video files out: the painted frames in their own time, beside the untouched tracks of the source."""

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import Literal, cast

import av
from av.codec.context import ThreadType
from av.container import OutputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from realtime.colour import Colour, ColourConverter
from realtime.encoders import Encoding, choose_encoding, container_of
from realtime.matroska import PLACEHOLDER, write_display_size
from realtime.media import Frame, SinkError
from realtime.microphone import Microphone, SoundTrack
from realtime.timeline import ticks
from realtime.tracks import Tracks

# Pieces of a second that each play without what follows.
_FRAGMENTS = {"movflags": "+frag_keyframe+delay_moov+default_base_moof", "frag_duration": "1000000"}
_CLUSTERS = {"cluster_time_limit": "1000"}
_PATIENCE = {"max_interleave_delta": "1000000"}  # microseconds that frames wait for sound, which may have ended
_GROWING = {"mp4": _FRAGMENTS, "mov": _FRAGMENTS, "matroska": _CLUSTERS, "webm": _CLUSTERS}

TRANSPARENCY = "transparency is dropped: pictures in a folder keep it"


class VideoWriter:
    """A video file to write frames to; a `Sink`.

    It is written beside its name as `NAME.part` and renamed when `close` has made it whole, so that nothing
    half-written ever stands under the name. Not to be shared between threads.

    Args:
        path: .mp4, .mov, .mkv or .webm.
        size: (height, width) of every frame, kept exactly.
        rate: frames a second, nominal.
        time_base: seconds in a tick; times are rounded to it (.mkv and .webm keep whole milliseconds only).
        sample_aspect_ratio: width of a pixel over its height.
        colour: how to code colours; None for BT.709 or BT.601 by size.
        codec: "h264", "hevc", "av1", "vp9" or "prores"; None for h264, in .webm vp9.
        crf: constant quality, lower is better; None for a good-looking default.
        preset: speed in the encoder's own words (the profile for prores); None for a fast default.
        encoder: "auto" (hardware where it works), "software", "nvenc", "videotoolbox", "qsv" or "amf".
        tracks: the file whose sound, subtitles, data, chapters and metadata go along.
        audio: "copy", "aac" to encode anew, "none" to leave sound out.
        start_seconds, end_seconds: the span of `tracks`, as for `VideoReader`.
        microphone: heard beside the frames, whose `read_at` tells when; instead of `tracks`.
        written: "whole" as said above; "growing" under its name from the start, in pieces of a second, so that what
            a killed process leaves plays but for its last seconds. .mp4 and .mkv; for recordings.

    Attributes:
        encoder: FFmpeg's name of the encoder in use.
        notes: what a user should know of this file, one line each.

    Raises:
        SinkError: the file cannot be written so; nothing is left behind.
        SourceError: `tracks` cannot be read.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        size: tuple[int, int],
        rate: Fraction,
        time_base: Fraction = Fraction(1, 90_000),
        sample_aspect_ratio: Fraction = Fraction(1),
        colour: Colour | None = None,
        codec: str | None = None,
        crf: int | None = None,
        preset: str | None = None,
        encoder: str = "auto",
        tracks: Path | str | None = None,
        audio: Literal["copy", "none", "aac"] = "copy",
        start_seconds: float | None = None,
        end_seconds: float | None = None,
        microphone: Microphone | None = None,
        written: Literal["whole", "growing"] = "whole",
    ) -> None:
        self._path = Path(path)
        self._grows = written == "growing"
        self._size = size
        self._shown_width = round(size[1] * sample_aspect_ratio)
        self._has_oblong_pixels = sample_aspect_ratio != 1 and container_of(self._path) in {"matroska", "webm"}
        self._time_base = time_base
        self._state: Literal["open", "closed", "discarded"] = "open"
        self._last: int | None = None
        self._last_seconds = float("-inf")
        self._delay = 0
        self._durations: dict[int, int] = {}
        self._tracks: Tracks | None = None
        self._sound: SoundTrack | None = None
        encoding = choose_encoding(self._path, size=size, codec=codec, crf=crf, preset=preset, encoder=encoder)
        self.encoder = encoding.encoder
        self.notes = list(encoding.notes)
        self._pix_fmt = encoding.pix_fmt
        self._colour = _coded_colour(colour or Colour.usual(size[0]), encoding)
        self._converter = ColourConverter(self._colour)
        _check_place(self._path, tracks)
        self._part = self._path if self._grows else self._path.with_name(self._path.name + ".part")
        try:
            self._file = self._part.open("wb", buffering=0 if self._grows else -1)
        except OSError as error:
            raise SinkError(f"{self._path} cannot be written: {error.strerror}") from error
        try:
            self._container = self._open_container()
            self._stream = self._add_stream(encoding, rate, sample_aspect_ratio)
            if microphone:
                self._sound = SoundTrack(microphone, output=self._container)
            if tracks is not None:
                self._tracks = Tracks(
                    Path(tracks),
                    output=self._container,
                    video=self._stream,
                    audio=audio,
                    start_seconds=start_seconds,
                    end_seconds=end_seconds,
                )
                self.notes += self._tracks.notes
            if self._has_oblong_pixels:
                self._stream.metadata["title"] = self._stream.metadata.get("title", "") + PLACEHOLDER
            self._start(encoding)
        except BaseException:
            self.discard()
            raise

    def _open_container(self) -> OutputContainer:
        name, options = container_of(self._path), {}
        if name in {"mp4", "mov"}:
            # A start after 0 is kept in ticks of the movie, by default milliseconds. The muxer refines the
            # track's ticks in just this way.
            scale = self._time_base.denominator
            while scale < 10_000:
                scale *= 2
            options["movie_timescale"] = str(scale)
        else:
            # Else sound that begins before 0, to prime its decoder, moves the pictures.
            options["avoid_negative_ts"] = "disabled"
            options["write_crc"] = "0"  # the shape of pixels may be written behind the muxer's back
        if self._grows:
            options |= {"flush_packets": "1", **_PATIENCE, **_GROWING[name]}
        return av.open(self._file, "w", format=name, container_options=options)

    def _add_stream(self, encoding: Encoding, rate: Fraction, sample_aspect_ratio: Fraction) -> VideoStream:
        stream = cast(
            VideoStream,
            self._container.add_stream(encoding.encoder, rate=max(Fraction(1), min(rate, Fraction(240)))),
        )
        context = stream.codec_context
        context.options = dict(encoding.options)
        context.height, context.width = self._size
        context.pix_fmt = encoding.pix_fmt
        context.time_base = self._time_base
        context.sample_aspect_ratio = sample_aspect_ratio
        context.thread_type = ThreadType.AUTO  # PyAV's default makes x264 cut frames into slices
        context.colorspace = self._colour.matrix
        context.color_range = 2 if self._colour.range == "full" else 1
        context.color_primaries = self._colour.primaries
        context.color_trc = self._colour.transfer
        if encoding.tag:
            context.codec_tag = encoding.tag
        stream.disposition = Disposition.default
        return stream

    def _start(self, encoding: Encoding) -> None:
        """Open the encoder and write the header, so that whatever cannot work fails now."""
        height, width = self._size
        try:
            self._stream.codec_context.open()
        except (av.FFmpegError, ValueError) as error:
            settings = " ".join(f"{key}={value}" for key, value in encoding.options.items())
            raise SinkError(
                f"{self._path}: {encoding.encoder} does not take {width}x{height} with {settings}: "
                "change crf, preset or codec"
            ) from error
        try:
            self._container.start_encoding()
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._failure(error) from error

    def write(self, frame: Frame) -> None:
        """Encode one frame; times must rise, those nearer than a tick are set one tick apart.

        Raises:
            SinkError: it cannot be written; what was written is discarded.
            ValueError: the frame has another size or an earlier time.
        """
        if self._state != "open":
            raise ValueError(f"{self._path} is {self._state}: open a new VideoWriter")
        if frame.pixels.shape[:2] != self._size:
            raise ValueError(f"a frame of {frame.pixels.shape[:2]} does not fit {self._path} of {self._size}")
        if frame.alpha is not None and TRANSPARENCY not in self.notes:
            self.notes.append(TRANSPARENCY)
        tick = self._tick(frame)
        coded = self._converter.to_frame(frame.pixels, pix_fmt=self._pix_fmt)
        coded.pts, coded.time_base = tick, self._time_base
        self._durations[tick] = ticks(frame.duration_seconds, self._time_base)
        try:
            self._encode(coded)
            if self._tracks:
                self._tracks.copy_until(float(tick * self._time_base))
            if self._sound:
                self._sound.write_until(float(tick * self._time_base), clock=frame.read_at)
        except (av.FFmpegError, OSError) as error:
            self.discard()
            raise self._failure(error) from error

    def _tick(self, frame: Frame) -> int:
        if frame.pts_seconds < self._last_seconds:
            raise ValueError(f"frame {frame.index} at {frame.pts_seconds} s comes after one at {self._last_seconds} s")
        self._last_seconds = frame.pts_seconds
        tick = ticks(frame.pts_seconds, self._time_base) + self._delay
        if self._last is None and tick < 0:
            # Players show nothing before 0: the whole file is shown later, sound too.
            self._delay, tick = -tick, 0
            self.notes.append(f"begins {-frame.pts_seconds:.3f} s before 0: all is shown that much later")
            if self._tracks:
                self._tracks.delay = self._delay * self._time_base
        self._last = tick if self._last is None else max(tick, self._last + 1)
        return self._last

    def _encode(self, coded: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(coded):
            duration = self._durations.pop(packet.pts, 0) if packet.pts is not None else 0
            if duration:
                packet.duration = duration
            self._container.mux(packet)

    def close(self, *, interrupted: bool = False) -> None:
        """Finish: the file is whole and stands under its name. Closing again does nothing.

        Args:
            interrupted: the source went on; copy no sound beyond the last frame.

        Raises:
            SinkError: it cannot be finished, or no frame was written; nothing is left behind.
        """
        if self._state != "open":
            return
        if self._last is None:
            self.discard()
            raise SinkError(f"{self._path} is not written: there was not one frame for it")
        try:
            self._encode(None)
            if self._tracks:
                if interrupted:
                    self._tracks.end_here()
                self._tracks.copy_rest()
                self._tracks.close()
                if self._tracks.refused:
                    self.notes.append(f"{self._tracks.refused} damaged packets of sound or subtitles are left out")
            if self._sound:
                self._sound.finish(float(self._last * self._time_base))
            self._container.close()
            self._file.close()
            if self._has_oblong_pixels:
                write_display_size(self._part, width=self._shown_width, height=self._size[0])
            self._part.replace(self._path)
        except (av.FFmpegError, OSError) as error:
            self.discard()
            raise self._failure(error) from error
        self._state = "closed"

    def discard(self) -> None:
        """Give up: nothing half-written stays behind, but of a growing file. Does nothing once closed."""
        if self._state != "open":
            return
        self._state = "discarded"
        if self._tracks:
            self._tracks.close()
        with contextlib.suppress(OSError):  # a full disk refuses what is still buffered
            self._file.close()
        if not self._grows or self._last is None:
            self._part.unlink(missing_ok=True)

    def _failure(self, error: Exception) -> SinkError:
        reason = getattr(error, "strerror", None) or str(error)
        kept = "what was written before is kept" if self._grows else "nothing is kept of it"
        return SinkError(f"{self._path} cannot be written: {reason}; {kept}")


def _coded_colour(colour: Colour, encoding: Encoding) -> Colour:
    if encoding.encoder.startswith("prores"):  # its range is limited by definition
        return Colour(colour.matrix, "limited", colour.primaries, colour.transfer)
    return colour


def _check_place(path: Path, tracks: Path | str | None) -> None:
    if not path.parent.is_dir():
        raise SinkError(f"{path.parent} is no folder: make it, or name another for {path.name}")
    if path.is_dir():
        raise SinkError(f"{path} is a folder: name a file in it")
    if tracks is not None and path.exists() and path.samefile(tracks):
        raise SinkError(f"{path} is the input itself: name another file for the output")
