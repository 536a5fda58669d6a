"""The other tracks of a video file: sound, subtitles, data and chapters go along untouched."""

import io
from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, cast

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Discard, Disposition, Stream
from av.video.stream import VideoStream

from realtime.container import choose_stream, codec_name, open_container, trim_ticks

# What the source's muxer and encoder wrote about themselves: false in the new file.
_STALE_TAGS = {"major_brand", "minor_version", "compatible_brands", "encoder", "rotate", "duration", "vendor_id"}
_STALE_TAGS |= {"alpha_mode", "bps", "number_of_frames", "number_of_bytes"}

_SUFFIXES = {"mp4": "mp4", "mov": "mov", "matroska": "mkv", "webm": "webm"}


@dataclass(slots=True)
class _Track:
    """One track on its way; `last_dts` in ticks of the target."""

    source: Stream
    target: Stream
    recode: bool
    last_dts: int | None = None


class Tracks:
    """Copies every track of a file but its video, packet by packet, into another container.

    Packets stay bit-exact; only their times are shifted where the clip is trimmed. Sound that the container
    cannot hold is encoded anew, subtitles and data that it cannot hold are left out: `notes` tells.

    Attributes:
        delay: seconds to show everything later, set before the first packet is copied.
        refused: damaged packets that the container did not take.

    Args:
        path: the source file.
        output: the container, whose header is not written yet.
        video: its video stream, which gets the source's language and title.
        audio: "copy", "aac" to encode anew (Opus in webm), "none" to leave sound out.
        start_seconds, end_seconds: the trimmed span, as for `VideoReader`.

    Raises:
        SourceError: the source cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        *,
        output: OutputContainer,
        video: VideoStream,
        audio: Literal["copy", "none", "aac"],
        start_seconds: float | None,
        end_seconds: float | None,
    ) -> None:
        self.notes: list[str] = []
        self.delay = Fraction(0)
        self.refused = 0
        self._output = output
        self._source = open_container(path)
        self._tracks: dict[int, _Track] = {}
        main = choose_stream(self._source, path)
        # Trimmed to ticks of the picture, as VideoReader does, whatever the ticks of the sound are.
        tick = main.time_base or Fraction(1, av.time_base)
        start, end = trim_ticks(self._source, tick, start_seconds, end_seconds)
        self._start, self._end = start * tick, None if end is None else end * tick
        for stream in self._source.streams:
            if not self._add(stream, main, audio):
                stream.discard = Discard.all
        output.metadata.update(_kept_tags(self._source.metadata))
        video.metadata.update(_kept_tags(main.metadata))
        self._copy_chapters()
        if self._start:
            self._seek()
        self._packets = self._wanted_packets()
        self._next = next(self._packets, None)

    def copy_until(self, seconds: float) -> None:
        """Copy what comes before a time of the new file, as the muxer wants its tracks side by side."""
        while self._next and self._next[0] <= seconds:
            self._copy(self._next[1], self._next[2])
            self._next = next(self._packets, None)

    def copy_rest(self) -> None:
        """Copy what is left."""
        self.copy_until(float("inf"))
        for track in self._tracks.values():
            if track.recode:
                self._recode(track, None)
                self._output.mux(cast(AudioStream, track.target).encode(None))

    def end_here(self) -> None:
        """Copy no more of what is left: the video ended early."""
        self._next = None

    def close(self) -> None:
        """Let go of the source. Closing again does nothing."""
        self._next = None
        self._packets.close()
        self._source.close()

    def _add(self, stream: Stream, main: VideoStream, audio: str) -> bool:
        """Add a track for a stream; False where it is left out."""
        label = f"{stream.type} track {stream.index} ({codec_name(stream)})"
        if stream.index == main.index or (stream.type == "audio" and audio == "none"):
            return False
        if stream.discard == Discard.all:  # the text of chapters, which are copied as chapters
            return False
        if stream.type == "video":
            picture = stream.disposition & Disposition.attached_pic
            self.notes.append("the cover picture is left out" if picture else f"{label} is left out: one is painted")
            return False
        recode = stream.type == "audio" and (audio == "aac" or not _holds(self._output.format.name, stream))
        if recode:
            target: Stream | None = self._recoded(cast(AudioStream, stream), label, is_asked_for=audio == "aac")
        else:
            target = self._copied(stream, label)
        if target is None:
            return False
        target.metadata.update(_kept_tags(stream.metadata))
        target.disposition = stream.disposition
        self._tracks[stream.index] = _Track(stream, target, recode)
        return True

    def _copied(self, stream: Stream, label: str) -> Stream | None:
        format_name = self._output.format.name
        if _holds(format_name, stream):
            return self._output.add_stream_from_template(stream, opaque=True)
        other = next((name for name in ("matroska", "mp4", "mov") if _holds(name, stream)), None)
        remedy = f": write .{_SUFFIXES[other]} to keep it" if other else ""
        self.notes.append(f"{label} is left out, .{_SUFFIXES[format_name]} cannot hold it{remedy}")
        return None

    def _recoded(self, stream: AudioStream, label: str, *, is_asked_for: bool) -> Stream | None:
        source = stream.codec_context
        if source is None or not source.sample_rate or not source.channels:
            self.notes.append(f"{label} is left out: it cannot be decoded")
            return None
        name = "libopus" if self._output.format.name == "webm" else "aac"
        rates = av.Codec(name, "w").audio_rates or [48000]
        rate = source.sample_rate if source.sample_rate in rates else 48000
        target = cast(AudioStream, self._output.add_stream(name, rate=rate))
        target.codec_context.layout = source.layout.name
        target.codec_context.bit_rate = 96_000 * source.channels
        if not is_asked_for:
            suffix = _SUFFIXES[self._output.format.name]
            self.notes.append(f"{label} is encoded anew with {name.removeprefix('lib')}: .{suffix} cannot hold it")
        return target

    def _copy_chapters(self) -> None:
        chapters = []
        for chapter in self._source.chapters():
            tick = chapter["time_base"] or Fraction(1, 1000)
            end = chapter["end"] * tick
            first = max(chapter["start"] * tick, self._start) - self._start
            last = (end if self._end is None else min(end, self._end)) - self._start
            if first < last:
                chapters.append({**chapter, "start": round(first / tick), "end": round(last / tick)})
        self._output.set_chapters(cast("list[Any]", chapters))

    def _seek(self) -> None:
        try:
            # A little early, for MPEG-TS may land behind it; what comes before the start is not copied.
            self._source.seek(max(0, round((self._start - 2) * av.time_base)))
        except av.FFmpegError:
            return  # no index: the packets before the start are read and dropped

    def _wanted_packets(self) -> "Generator[tuple[float, _Track, av.Packet[Stream]]]":
        """Read packets of the wanted span with their time in the new file. A broken source ends early."""
        if not self._tracks:
            return
        packets = self._source.demux([track.source for track in self._tracks.values()])
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.FFmpegError):
                return
            track = self._tracks[packet.stream.index]  # an empty packet at the end has no stream_index
            tick = packet.pts if packet.pts is not None else packet.dts
            if tick is None:
                continue
            time = tick * packet.time_base
            is_early, is_late = self._start and time < self._start, self._end is not None and time >= self._end
            if not is_early and not is_late:
                yield float(time - self._start + self.delay), track, packet

    def _copy(self, track: _Track, packet: "av.Packet[Stream]") -> None:
        if track.recode:
            self._recode(track, packet)
            return
        # An input tick may be as long as a packet (AVI): times are reckoned in the output's.
        ratio = packet.time_base / cast(Fraction, track.target.time_base)
        shift = (self.delay - self._start) / cast(Fraction, track.target.time_base)
        pts = packet.pts if packet.pts is not None else cast(int, packet.dts)
        dts = packet.dts if packet.dts is not None else pts
        dts = round(dts * ratio + shift)
        if track.last_dts is not None and dts <= track.last_dts:
            dts = track.last_dts + 1  # muxers refuse times that do not rise
        track.last_dts = dts
        packet.dts, packet.pts = dts, max(round(pts * ratio + shift), dts)
        packet.duration = round((packet.duration or 0) * ratio)
        packet.time_base = cast(Fraction, track.target.time_base)
        packet.stream = track.target
        try:
            self._output.mux(packet)
        except av.FFmpegError as error:
            if isinstance(error, OSError):  # a full disk, say; all else is a damaged packet
                raise
            self.refused += 1

    def _recode(self, track: _Track, packet: "av.Packet[Stream] | None") -> None:
        try:
            frames = cast(AudioStream, track.source).decode(packet)
        except av.FFmpegError:
            return  # a damaged packet leaves a gap, as in a player
        for frame in frames:
            if frame.pts is not None and frame.time_base:
                frame.pts += round((self.delay - self._start) / frame.time_base)
            self._output.mux(cast(AudioStream, track.target).encode(frame))


def _holds(format_name: str, stream: Stream) -> bool:
    """Whether a container takes a stream: a header is written into memory to find out."""
    try:
        with av.open(io.BytesIO(), "w", format=format_name) as trial:
            trial.add_stream_from_template(stream, opaque=True)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True


def _kept_tags(tags: dict[str, str]) -> dict[str, str]:
    kept = {key: value for key, value in tags.items() if key.lower() not in _STALE_TAGS and not key.startswith("_")}
    if "name" in kept:  # what MP4 calls the title of a track
        kept.setdefault("title", kept.pop("name"))
    return kept
