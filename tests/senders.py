"""Programs that send a stamped pattern over a real socket, as network cameras do.

Run as `python -m tests.senders tcp|http PORT`; prints a line when it listens.
"""

import contextlib
import os
import socket
import subprocess
import sys
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import av
import cv2

from realtime.pattern import Pattern

SIZE, RATE = (96, 128), 50


class Sender:
    """A sender in a process of its own; killed, not asked, when the block ends."""

    def __init__(self, kind: str, port: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.senders", kind, str(port)],
            cwd=Path(__file__).parents[1],
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> "Sender":
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"listening\n"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def open_descriptors() -> int:
    """Count the open files and sockets of this process; 0 where the system does not tell."""
    folder = Path("/proc/self/fd")
    return len(os.listdir(folder)) if folder.exists() else 0  # noqa: PTH208 - counted, not visited


def send_tcp(port: int) -> None:
    """Send MPEG-TS to whoever connects, one after the other."""
    with socket.create_server(("127.0.0.1", port)) as server:
        print("listening", flush=True)
        while True:
            connection, _ = server.accept()
            with contextlib.suppress(av.FFmpegError, OSError), connection, connection.makefile("wb") as wire:
                send_mpegts(wire)


def send_mpegts(wire: BinaryIO) -> None:
    with av.open(wire, "w", format="mpegts") as container:
        options = {"preset": "ultrafast", "tune": "zerolatency", "g": "10"}
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv420p"
        for frame in Pattern(SIZE, rate=RATE, live=True, stamped=True):
            coded = av.VideoFrame.from_ndarray(frame.pixels, format="bgr24")
            coded.pts, coded.time_base = frame.index, Fraction(1, RATE)
            container.mux(stream.encode(coded))
            wire.flush()


class MotionJPEG(BaseHTTPRequestHandler):
    """Sends one JPEG after the other in one answer, as network cameras do."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for frame in Pattern(SIZE, rate=RATE, live=True, stamped=True):
            data = cv2.imencode(".jpg", frame.pixels)[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            try:
                self.wfile.write(head + data + b"\r\n")
            except OSError:
                return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


def send_http(port: int) -> None:
    server = HTTPServer(("127.0.0.1", port), MotionJPEG)
    print("listening", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    {"tcp": send_tcp, "http": send_http}[sys.argv[1]](int(sys.argv[2]))
