"""When each decoded frame is shown, and which frames of a damaged file never came."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from av import Packet, VideoFrame
from av.video.stream import VideoStream


@dataclass(frozen=True, slots=True)
class Losses:
    """What a damaged file did not give.

    Attributes:
        lost_seconds: times of frames that were there but did not decode.
        damaged_seconds: times of frames that decoded with faults; they were handed on.
        missing: frames that the file announces behind its last readable one.
        end_seconds: where the last readable frame ends.
    """

    lost_seconds: tuple[float, ...] = ()
    damaged_seconds: tuple[float, ...] = ()
    missing: int = 0
    end_seconds: float = 0.0

    def summary(self) -> str | None:
        """One line for a human, None when nothing is wrong."""
        parts = []
        if self.lost_seconds:
            parts.append(f"{_frames(len(self.lost_seconds))} lost {_places(self.lost_seconds)}")
        if self.damaged_seconds:
            parts.append(f"{_frames(len(self.damaged_seconds))} damaged {_places(self.damaged_seconds)}")
        if self.missing:
            parts.append(f"the file breaks off at {self.end_seconds:.2f} s: {_frames(self.missing)} missing")
        return "; ".join(parts) or None


def _frames(count: int) -> str:
    return f"{count} frame{'' if count == 1 else 's'}"


def _places(seconds: Sequence[float]) -> str:
    if len(seconds) <= 3:
        return "at " + ", ".join(f"{second:.2f} s" for second in seconds)
    return f"between {min(seconds):.2f} s and {max(seconds):.2f} s"


class Timeline:
    """Gives every decoded frame its tick and remembers which packets gave no frame.

    Args:
        step: ticks from one frame to the next, nominal; need not be whole.
        times: "kept" where packets carry presentation times; "rebuilt" where the container has decoding
            times only (AVI): frames leave the decoder in order of presentation, so that the n-th frame
            takes the n-th decoding time.
        is_indexed: whether the container lists its packets, so that unreadable ones are known of.

    Attributes:
        repaired: frames whose time was missing or did not rise.
        errors: ticks of packets at which the decoder complained.
        damaged: ticks of frames that decoded with faults.
        first, last: ticks of the first and the last frame, None before the first.
        packets: packets seen.
        last_dts: decoding time of the last packet.
    """

    def __init__(self, *, step: float, times: Literal["kept", "rebuilt"], is_indexed: bool = False) -> None:
        self.repaired = 0
        self.errors: list[int] = []
        self.damaged: list[int] = []
        self.first: int | None = None
        self.last: int | None = None
        self.packets = 0
        self.last_dts: int | None = None
        self._step = step
        self._times = times
        self._is_indexed = is_indexed
        self._awaited: dict[int, None] = {}
        self._decoding_times: deque[int] = deque()
        self._has_fields = False
        self._gaps: list[tuple[int, int]] = []  # ticks of the frames on both sides
        self._late: list[int] = []

    def expect(self, packet: "Packet[VideoStream]") -> None:
        """Note a packet that goes to the decoder."""
        if not packet.size:
            return
        self.packets += 1
        self.last_dts = packet.dts if packet.dts is not None else self.last_dts
        if packet.is_discard:
            return
        if packet.pts is not None and self._times == "kept":
            self._awaited[packet.pts] = None
        elif packet.dts is not None:
            self._decoding_times.append(packet.dts)

    def fail(self, packet: "Packet[VideoStream]") -> None:
        """Note that the decoder refused a packet. With threads it may mean one sent a little earlier."""
        tick = packet.pts if packet.pts is not None else packet.dts
        self.errors.append(tick if tick is not None else self.last or 0)

    def place(self, frame: VideoFrame) -> int:
        """Give the frame's tick, higher than the one before."""
        tick, is_guess = self._tick(frame)
        if self.last is not None and tick <= self.last:
            self._late.append(tick)
            tick, is_guess = self.last + 1, True
        self.repaired += is_guess
        self.first = tick if self.first is None else self.first
        if self.last is not None and not self._is_indexed and tick - self.last > 1.5 * self._step:
            self._gaps.append((self.last, tick))
        self.last = tick
        self._has_fields |= frame.interlaced_frame
        if frame.is_corrupt:
            self.damaged.append(tick)
        return tick

    def _tick(self, frame: VideoFrame) -> tuple[int, bool]:
        if frame.pts is not None and self._times == "kept":
            self._awaited.pop(frame.pts, None)
            return frame.pts, False
        if self._decoding_times:
            return self._decoding_times.popleft(), self._times == "kept"
        return (0 if self.last is None else round(self.last + self._step)), True

    def lost(self, *, codec: str) -> list[int]:
        """Give the ticks of packets that should have given a frame and did not."""
        # A packet of VP8 may be a hidden reference frame, one of interlaced video a single field:
        # there only a complaint of the decoder proves a loss.
        is_one_to_one = codec in {"h264", "hevc", "vp9", "av1", "libdav1d"} and not self._has_fields
        known = list(self._awaited) if is_one_to_one and self._times == "kept" else self.errors
        return sorted([*known, *self._skipped(known)])

    def _skipped(self, known: Sequence[int]) -> list[int]:
        """Give the ticks of frames whose very packets were unreadable: Matroska's reader skips to the next whole one.

        A gap in the times is no loss in itself, the rate may vary; beside damage it is.
        """
        near = 8 * self._step
        faults = [*self.damaged, *self.errors, *known]
        accounted = [*known, *self._late]
        skipped = []
        for start, stop in self._gaps:
            if any(start - near <= fault <= stop + near for fault in faults):
                count = round((stop - start) / self._step) - 1
                places = [round(start + (i + 1) * (stop - start) / (count + 1)) for i in range(count)]
                skipped += [at for at in places if not any(abs(at - tick) < self._step / 2 for tick in accounted)]
        return skipped


def ticks(seconds: float, time_base: Fraction) -> int:
    """Give the tick nearest to a time."""
    return round(seconds / time_base)
