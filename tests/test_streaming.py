import contextlib
import socket
import threading
import time
from fractions import Fraction
from itertools import count, islice
from types import TracebackType

import av
import numpy as np
import pytest

from realtime.media import Frame, SinkError
from realtime.pattern import Pattern, read_stamp
from realtime.streaming import Streaming
from tests.senders import free_port, open_descriptors

WALL = Pattern((96, 128), stamped=True)


class Receiver:
    """A server for one MPEG-TS stream over TCP; reads the stamps of its frames, and hangs up when the block ends."""

    def __init__(self, port: int) -> None:
        self.stamps: list[int | None] = []
        self.server = socket.create_server(("127.0.0.1", port))
        self.connection: socket.socket | None = None
        self.thread = threading.Thread(target=self.receive, daemon=True)

    def receive(self) -> None:
        try:
            self.connection, _ = self.server.accept()
            with self.connection.makefile("rb") as wire, av.open(wire, "r", format="mpegts") as container:
                for frame in container.decode(video=0):
                    self.stamps.append(read_stamp(frame.to_ndarray(format="bgr24").astype(np.uint8)))
        except (av.FFmpegError, OSError):
            return

    def __enter__(self) -> "Receiver":
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (self.server, self.connection):
            if each:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
        self.thread.join(5)


def film(stream: Streaming, *, first: int, receiver: Receiver | None = None, outages: int = 0) -> int:
    """Send frames until the receiver has ten, or there are so many outages; returns the next index."""
    deadline, index = time.monotonic() + 15, first
    while len(receiver.stamps) < 10 if receiver else len(stream.outages) < outages:
        assert time.monotonic() < deadline
        stream.write(Frame(WALL.paint(index), index / 50, index))
        index += 1
        time.sleep(0.02)
    return index


def test_a_server_that_goes_away_gets_the_stream_again_when_it_is_back() -> None:
    port, told = free_port(), list[str]()
    before = threading.active_count(), open_descriptors()
    stream = Streaming(f"tcp://127.0.0.1:{port}", size=(96, 128), rate=Fraction(50), tell=told.append, first_delay=0.05)
    index = film(stream, first=0, outages=1)  # nobody listens yet
    for number in (2, 3, 4):
        with Receiver(port) as receiver:
            index = film(stream, first=index, receiver=receiver)
        assert receiver.stamps == sorted(receiver.stamps, key=lambda stamp: stamp or 0)
        assert None not in receiver.stamps
        if number < 4:
            index = film(stream, first=index, outages=number)
    stream.close()
    stream.close()
    assert all(outage.seconds is not None and outage.reason for outage in stream.outages[:3])
    assert sum("again after" in line for line in told) == 3
    assert stream.sent >= 30
    assert threading.active_count() == before[0]
    assert open_descriptors() <= before[1]


def test_odd_sizes_are_made_even() -> None:
    port = free_port()
    with Receiver(port) as receiver:
        stream = Streaming(f"tcp://127.0.0.1:{port}", size=(97, 129), rate=Fraction(50), tell=lambda line: None)
        film(stream, first=0, receiver=receiver)
        stream.close()


@pytest.mark.parametrize("url", ["film.mp4", "http://host/live", "rtmp:", "tcp://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(SinkError, match="is no address to stream to"):
        Streaming(url, size=(96, 128), rate=Fraction(30), tell=lambda line: None)


def test_keys_and_passwords_are_not_told() -> None:
    stream = Streaming("rtmp://me:word@host/app/key", size=(96, 128), rate=Fraction(30), tell=lambda line: None)
    stream.close()
    assert stream.label == "rtmp://host"


LISTENING = {
    "udp": ("?timeout=10000000", {}),
    "rtmp": ("/live/key", {"listen": "1", "timeout": "10"}),
    "rtsp": ("/live", {"rtsp_flags": "listen", "listen_timeout": "10"}),
}


@pytest.mark.parametrize("scheme", LISTENING)
def test_whoever_listens_gets_the_stream(scheme: str) -> None:
    """FFmpeg itself listens, and hangs up after ten frames."""
    address, told = f"{scheme}://127.0.0.1:{free_port()}", list[str]()
    path, options = LISTENING[scheme]
    stamps: list[int] = []

    def listen() -> None:
        with av.open(address + path, "r", options=options | {"analyzeduration": "500000"}) as container:
            frames = islice(container.decode(video=0), 10)
            stamps.extend(read_stamp(frame.to_ndarray(format="bgr24").astype(np.uint8)) or 0 for frame in frames)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    to = address + ("" if scheme == "udp" else path)
    stream = Streaming(to, size=(96, 128), rate=Fraction(50), tell=told.append, first_delay=0.05)
    deadline = time.monotonic() + 15
    for index in count():
        if not thread.is_alive():
            break
        assert time.monotonic() < deadline
        stream.write(Frame(WALL.paint(index), index / 50, index))
        time.sleep(0.02)
    stream.close()
    assert len(stamps) == 10
    assert stamps == sorted(set(stamps))
    assert any("streaming to" in line for line in told)


def test_srt_is_refused_where_ffmpeg_has_none() -> None:
    try:
        av.open("srt://", "r", format="mpegts")
    except av.ProtocolNotFoundError:
        with pytest.raises(SinkError, match="has no SRT: stream to rtmp"):
            Streaming("srt://host:9000", size=(96, 128), rate=Fraction(30), tell=lambda line: None)
    except av.FFmpegError:
        pytest.skip("this PyAV has SRT")
