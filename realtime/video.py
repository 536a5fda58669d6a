"""Video files in: every frame upright, in its own time, and told what was lost."""

import logging
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Literal, cast

import av
from av.container import Flags
from av.video.stream import VideoStream

from realtime.colour import Colour, ColourConverter
from realtime.container import announced_end, choose_stream, nominal_rate, open_container, trim_ticks
from realtime.media import Frame, SourceError
from realtime.orientation import Orientation
from realtime.timeline import Losses, Timeline, ticks

_log = logging.getLogger(__name__)

_HDR = {16: "PQ", 18: "HLG"}


class VideoReader:
    """The frames of a video file, in order; a `Source` that is not live.

    Times are those of the file's own clock: a stream may start after 0. With `start_seconds` they are
    shifted by it, so that the trimmed clip starts at 0. `start_seconds` and `end_seconds` count from the
    file's beginning, as players show it; frames with start <= time < end are read.
    After the first frame damage raises nothing: what cannot be decoded is skipped and told by `losses`.
    Not to be shared between threads.

    Attributes:
        live: False.
        size: upright (height, width).
        rate: frames a second, average or guessed; frames carry their own time.
        frame_count: an estimate or None.
        time_base: seconds in a tick of the file's clock.
        sample_aspect_ratio: width of a pixel over its height, upright.
        colour: how the coded samples stand for colours.
        notes: what a user should know of this file, one line each.
        losses: what did not decode; complete once iteration has ended.

    Raises:
        SourceError: it cannot be opened, has no video, or not one frame decodes.
    """

    live = False

    def __init__(self, path: Path | str, *, start_seconds: float | None = None, end_seconds: float | None = None):
        self._path = Path(path)
        self._is_open = True
        self._first: tuple[int, av.VideoFrame] | None = None
        self._is_iterated = False
        self._coded_size: tuple[int, int] | None = None
        self._container = open_container(self._path)
        try:
            self._stream = choose_stream(self._container, self._path)
            self._read_header(start_seconds, end_seconds)
            self._first = self._find_first_frame()
            self._read_first_frame(self._first[1])
        except BaseException:
            self.close()
            raise

    def _read_header(self, start_seconds: float | None, end_seconds: float | None) -> None:
        stream = self._stream
        stream.thread_type = "AUTO"
        self._codec = stream.codec_context.name
        self.time_base = stream.time_base or Fraction(1, av.time_base)
        self.rate = nominal_rate(stream)
        self._shift, self._end = trim_ticks(self._container, self.time_base, start_seconds, end_seconds)
        self._start = self._shift if start_seconds else None
        # AVI stores decoding times only; what the demuxer invents for presentation goes back and forth.
        self._times: Literal["kept", "rebuilt"] = "rebuilt" if self._container.format.name == "avi" else "kept"
        self._step = max(1.0, float(1 / (self.rate * self.time_base)))
        self._container.flags &= ~cast("int", Flags.gen_pts.value)
        self.frame_count = self._estimate_count()
        self.losses = Losses()
        self.notes: list[str] = []

    def _find_first_frame(self) -> tuple[int, av.VideoFrame]:
        """Seek to the start and decode the first frame from there on."""
        start = self._start
        for seconds_before in (0.0, 2.0, 10.0, float("inf")):
            if start is not None:
                self._seek(start, seconds_before)
            is_indexed = "mp4" in self._container.format.name
            self._timeline = Timeline(step=self._step, times=self._times, is_indexed=is_indexed)
            self._frames = self._placed_frames()
            first = next(self._frames, None)
            # Some containers (MPEG-TS) seek to just before the start, behind the key frame that it needs.
            if start is None or (self._timeline.first is not None and self._timeline.first <= start):
                break
        if first is None:
            raise SourceError(self._nothing_decodes())
        return first

    def _seek(self, tick: int, seconds_before: float) -> None:
        beginning = self._stream.start_time or 0
        whole_way = seconds_before == float("inf")
        target = beginning if whole_way else max(beginning, tick - ticks(seconds_before, self.time_base))
        try:
            self._container.seek(target, stream=self._stream)
        except av.FFmpegError:
            # No index to seek by: decoding from the beginning gives the same frames, later.
            _log.info("%s cannot be sought in: reading it from its beginning", self._path)

    def _read_first_frame(self, frame: av.VideoFrame) -> None:
        self.colour = Colour.of(frame)
        self._converter = ColourConverter(self.colour)
        self._coded_size = size = (frame.height, frame.width)
        self._orientation = Orientation.of(frame)
        self.size = self._orientation.upright_size(size)
        ratio = self._stream.sample_aspect_ratio or Fraction(1)
        self.sample_aspect_ratio = 1 / ratio if self._orientation.transposed else ratio
        components = frame.format.components
        if any(part.is_alpha for part in components) or self._stream.metadata.get("alpha_mode") == "1":
            self.notes.append("transparency is dropped: the painting is opaque")
        if max(part.bits for part in components) > 8:
            self.notes.append(f"{max(part.bits for part in components)}-bit colour is painted in 8 bits")
        if self.colour.transfer in _HDR:
            self.notes.append(f"HDR ({_HDR[self.colour.transfer]}) is painted as it is, without tone mapping")
        if frame.interlaced_frame:
            self.notes.append("interlaced video is painted as it is, both fields in one frame")

    def __iter__(self) -> Iterator[Frame]:
        if self._is_iterated:
            raise ValueError(f"{self._path} is read already: open it again with VideoReader to read it twice")
        self._is_iterated = True
        first, self._first = self._first, None
        size = self._orientation.upright_size(self.size)
        try:
            for index, (tick, coded) in enumerate(chain([first] if first else [], self._frames)):
                pixels = self._converter.to_pixels(coded, size=size)
                yield Frame(
                    pixels=self._orientation.upright(pixels),
                    pts_seconds=float((tick - self._shift) * self.time_base),
                    index=index,
                    duration_seconds=float(coded.duration * self.time_base),
                )
        finally:
            self.close()

    def _placed_frames(self) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decode and give (tick, frame) of the wanted span; at its end, tell the losses."""
        end_tick, is_whole = 0, True
        for frame in self._decoded_frames():
            tick = self._timeline.place(frame)
            if self._end is not None and tick >= self._end:
                is_whole = False
                break
            if self._start is not None and tick < self._start:
                continue
            if self._coded_size not in {None, (frame.height, frame.width)}:
                self._note_once(f"pictures change size: all are scaled to the first, {self.size[1]}x{self.size[0]}")
            end_tick = tick + (frame.duration or round(self._step))
            yield tick, frame
        if self._is_open:
            self._tell_losses(end_tick, is_whole)

    def _tell_losses(self, end_tick: int, is_whole: bool) -> None:
        low = self._start if self._start is not None else -(2**63)
        high = self._end if self._end is not None else 2**63
        self.losses = Losses(
            lost_seconds=self._seconds(t for t in self._timeline.lost(codec=self._codec) if low <= t < high),
            damaged_seconds=self._seconds(t for t in self._timeline.damaged if low <= t < high),
            missing=self._count_missing(end_tick) if is_whole else 0,
            end_seconds=float((end_tick - self._shift) * self.time_base),
        )
        if self._timeline.repaired:
            self._note_once(f"{self._timeline.repaired} frames had no usable time: it was worked out from the rate")

    def _seconds(self, tick_values: Iterable[int]) -> tuple[float, ...]:
        return tuple(float((tick - self._shift) * self.time_base) for tick in tick_values)

    def _count_missing(self, end_tick: int) -> int:
        """How many frames the file announces behind the last packet that could be read."""
        name, last = self._container.format.name, self._timeline.last_dts
        if "mp4" in name and self._stream.frames and last is not None:
            entries = self._stream.index_entries
            here = entries.search_timestamp(last, any_frame=True)
            missing = len(entries) - 1 - here if here >= 0 else 0
        elif name == "avi" and self._start is None:
            missing = self._stream.frames - self._timeline.packets
        else:
            # A clock only: what follows the last frame by less than half a second may be sound.
            announced = announced_end(self._container, self._stream)
            gap = announced - float(end_tick * self.time_base) if announced else 0.0
            missing = round(gap * self.rate) if gap > 0.5 else 0
        return max(0, missing)

    def _decoded_frames(self) -> Iterator[av.VideoFrame]:
        """Decode as far as it goes. Closing the reader ends it: FFmpeg crashes on a closed container."""
        packets: Iterator[av.Packet[VideoStream]] = self._container.demux(self._stream)
        while self._is_open:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError as error:
                _log.info("%s breaks off: %s", self._path, error)
                packet, packets = cast("av.Packet[VideoStream]", av.Packet()), iter(())
            self._timeline.expect(packet)
            yield from self._decode(packet)

    def _decode(self, packet: "av.Packet[VideoStream]") -> Iterator[av.VideoFrame]:
        # The empty packet at the end flushes the decoder, and one fault must not cost the frames behind it.
        for _ in range(1 if packet.size else 64):
            try:
                frames = self._stream.decode(packet)
            except EOFError:
                return
            except av.FFmpegError:
                self._timeline.fail(packet)
            else:
                yield from frames
                return

    def loss_summary(self) -> str | None:
        """One line telling what a damaged file did not give, None when nothing is wrong."""
        return self.losses.summary()

    def _note_once(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _estimate_count(self) -> int | None:
        seconds = announced_end(self._container, self._stream)
        whole = self._stream.frames or (round(seconds * self.rate) if seconds else 0)
        if not whole:
            return None
        if self._end is None and self._start is None:
            return whole
        length = seconds or float(whole / self.rate)
        end = min(length, float(self._end * self.time_base)) if self._end is not None else length
        return max(1, round(whole * (end - float(self._shift * self.time_base)) / length))

    def _nothing_decodes(self) -> str:
        if self._timeline.last is not None:
            wanted, last = float(self._shift * self.time_base), float(self._timeline.last * self.time_base)
            return f"{self._path} has no frame from {wanted:g} s on: its last is at {last:.2f} s, choose another span"
        return f"{self._path}: not one frame of its video ({self._codec}) decodes; the file is damaged, copy it again"

    def close(self) -> None:
        """Let go of the file. Closing again does nothing."""
        if self._is_open:
            self._is_open = False
            self._container.close()
