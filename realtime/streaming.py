"""The painting pushed to a server: RTMP, RTSP, SRT, or MPEG-TS over UDP or TCP."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from urllib.parse import urlsplit

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from realtime.camera import FIRST_DELAY, LONGEST_DELAY, Outage
from realtime.channel import Channel, Writer
from realtime.colour import Colour, ColourConverter
from realtime.media import Frame, SinkError
from realtime.sizes import to_size

FORMATS = {"rtmp": "flv", "rtmps": "flv", "rtsp": "rtsp", "srt": "mpegts", "udp": "mpegts", "tcp": "mpegts"}
TICK = Fraction(1, 90_000)
TIMEOUT_SECONDS = 3.0
KEY_FRAME_SECONDS = 2
BITS_PER_PIXEL = 0.1  # 720p at 30 frames a second: 2.8 Mbit/s at most


@dataclass(slots=True)
class _Connection:
    container: OutputContainer
    stream: VideoStream
    first_pts: float
    last_tick: int = -1


class Streaming:
    """Pushes frames to a server, and connects again when it is gone; a `Sink`.

    A thread of its own sends the newest frame, so that a slow network holds neither painting nor window back.

    Args:
        url: rtmp, rtmps, rtsp, srt, udp or tcp.
        size: of the frames, made even.
        rate: frames a second, nominal.
        tell: given a line when the server is reached, lost and reached again.
        first_delay: pause before the first new attempt; each further one is twice as long.

    Attributes:
        sent: frames encoded and handed to the network.
        outages: times without a connection, from the first frame on.

    Raises:
        SinkError: it is no URL to stream to, or one of SRT where FFmpeg has none.
    """

    def __init__(
        self,
        url: str,
        *,
        size: tuple[int, int],
        rate: Fraction,
        tell: Callable[[str], None],
        first_delay: float = FIRST_DELAY,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in FORMATS or not parts.netloc:
            raise SinkError(f"{url} is no address to stream to: begin it with {', '.join(f'{s}://' for s in FORMATS)}")
        if parts.scheme == "srt":
            check_srt()
        # The path of an RTMP address is a secret key, and a user name may stand before the host.
        self.label = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self.sent = 0
        self.outages: list[Outage] = []
        self._url, self._format = url, FORMATS[parts.scheme]
        self._size, self._rate = (size[0] - size[0] % 2, size[1] - size[1] % 2), rate
        self._colour = Colour.usual(self._size[0])
        self._converter = ColourConverter(self._colour)
        self._tell, self._first_delay, self._delay = tell, first_delay, first_delay
        self._connection: _Connection | None = None
        self._retry_at = self._started = 0.0
        self._writer = Writer(self._send, Channel[Frame](1, policy="newest"))

    @property
    def dropped(self) -> int:
        """How many frames the network was too slow for."""
        return self._writer.channel.dropped

    def write(self, frame: Frame) -> None:
        """Hand a frame over; never waits."""
        self._writer.send(frame)

    def close(self, *, interrupted: bool = False) -> None:
        """Hang up. Closing again does nothing."""
        self._writer.stop()
        self._hang_up()

    def discard(self) -> None:
        self.close()

    def _send(self, frame: Frame) -> None:
        """Encode and send a frame, or let it go while there is no connection; in the writer's thread."""
        now = time.perf_counter()
        self._started = self._started or now
        try:
            if self._connection is None:
                if now < self._retry_at:
                    return
                self._connection = self._connect(frame)
            self._push(self._connection, frame)
        except (av.FFmpegError, OSError) as error:
            self._lose(getattr(error, "strerror", None) or str(error), now)
            return
        self.sent += 1
        if self.outages and self.outages[-1].seconds is None:
            outage = self.outages[-1]
            outage.seconds = now - self._started - outage.began_seconds
            self._tell(f"streaming to {self.label} again after {outage.seconds:.1f} s")
        elif self.sent == 1:
            self._tell(f"streaming to {self.label}")
        self._delay = self._first_delay

    def _connect(self, frame: Frame) -> _Connection:
        if self.outages and self.outages[-1].seconds is None:
            self.outages[-1].attempts += 1
        options = {"rtsp_transport": "tcp"} if self._format == "rtsp" else {"flush_packets": "1"}
        container = av.open(self._url, "w", format=self._format, options=options, timeout=TIMEOUT_SECONDS)
        try:
            height, width = self._size
            bits = str(round(height * width * self._rate * Fraction(BITS_PER_PIXEL)))
            keys = str(max(1, round(KEY_FRAME_SECONDS * self._rate)))
            low_latency = {"preset": "superfast", "tune": "zerolatency", "crf": "23", "g": keys}
            stream = container.add_stream(
                "libx264", rate=max(1, round(self._rate)), options=low_latency | {"maxrate": bits, "bufsize": bits}
            )
            stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
            context = stream.codec_context
            context.time_base = TICK
            context.colorspace, context.color_range = self._colour.matrix, 1
            context.color_primaries, context.color_trc = self._colour.primaries, self._colour.transfer
            container.start_encoding()
        except BaseException:
            close(container)
            raise
        return _Connection(container, stream, frame.pts_seconds)

    def _push(self, connection: _Connection, frame: Frame) -> None:
        coded = self._converter.to_frame(to_size(frame.pixels, self._size), pix_fmt="yuv420p")
        tick = round((frame.pts_seconds - connection.first_pts) / TICK)
        connection.last_tick = max(tick, connection.last_tick + 1)
        coded.pts, coded.time_base = connection.last_tick, TICK
        connection.container.mux(connection.stream.encode(coded))

    def _lose(self, reason: str, now: float) -> None:
        if not self.outages or self.outages[-1].seconds is not None:
            self.outages.append(Outage(reason, now - self._started))
            self._tell(f"{self.label} takes no stream ({reason}): trying again until it does")
        self._hang_up()
        self._retry_at, self._delay = now + self._delay, min(self._delay * 2, LONGEST_DELAY)

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            close(connection.container)


def check_srt() -> None:
    """Make sure that FFmpeg was built with SRT, which a new attempt would not change.

    Raises:
        SinkError: it was not.
    """
    try:
        av.open("srt://", "r", format="mpegts").close()
    except av.ProtocolNotFoundError as error:
        raise SinkError(
            "PyAV's FFmpeg has no SRT: stream to rtmp, rtsp, udp or tcp, or build PyAV with an FFmpeg that has it"
        ) from error
    except av.FFmpegError:  # an address without a host goes nowhere
        return


def close(container: OutputContainer) -> None:
    """Close a connection that may be broken: its last bytes then go nowhere."""
    try:
        container.close()
    except (av.FFmpegError, OSError):
        return
