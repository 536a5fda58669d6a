"""A recording that is started and stopped while frames pass by, and snapshots of them."""

import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from realtime.images import Picture, write_picture
from realtime.media import Frame, MediaError, SinkError
from realtime.microphone import Microphone
from realtime.video_writer import VideoWriter


class Recording:
    """Writes what passes to a video while it is told to; a `Sink` for live runs.

    Times are those of the clock on the wall, from the first frame recorded. A file that cannot be written further
    ends the recording, not the run.

    Args:
        size, rate: of the frames.
        microphone: heard beside the frames, None for none.
        tell: given a line when a file is begun, finished or lost.

    Attributes:
        target: the file to record to, None for none. Set by any thread; the next frame obeys.
        snapshots: PNG files to write the next frame to; appended to by any thread.
        files: what was recorded.
    """

    def __init__(
        self,
        size: tuple[int, int],
        rate: Fraction,
        *,
        tell: Callable[[str], None],
        microphone: Microphone | None = None,
    ) -> None:
        self.size, self.rate = size, rate
        self.target: Path | None = None
        self.snapshots: deque[Path] = deque()
        self.files: list[Path] = []
        self._tell, self._microphone = tell, microphone
        self._writer: VideoWriter | None = None
        self._path: Path | None = None
        self._first_pts = 0.0

    def write(self, frame: Frame) -> None:
        """Record a frame, if told to."""
        while self.snapshots:
            self._keep(frame, self.snapshots.popleft())
        if self.target != self._path:
            self._turn_to(self.target, frame)
        if self._writer:
            try:
                self._writer.write(replace(frame, pts_seconds=frame.pts_seconds - self._first_pts))
            except SinkError as error:
                self._writer = None
                self._tell(str(error))

    def close(self, *, interrupted: bool = False) -> None:
        """Finish what is being recorded."""
        self._finish()

    def discard(self) -> None:
        """Finish, too: what was recorded before something else failed is worth keeping."""
        with contextlib.suppress(MediaError):
            self._finish()

    def _turn_to(self, path: Path | None, frame: Frame) -> None:
        try:
            self._finish()
        except SinkError as error:
            self._tell(str(error))
        self._path, self._first_pts = path, frame.pts_seconds
        if path is None:
            return
        try:
            self._writer = VideoWriter(
                path, size=self.size, rate=self.rate, microphone=self._microphone, written="growing"
            )
        except SinkError as error:
            self._tell(str(error))
            return
        self.files.append(path)
        self._tell(f"recording to {path}")

    def _finish(self) -> None:
        writer, self._writer = self._writer, None
        if writer:
            writer.close()
            self._tell(f"recorded {self._path}")

    def _keep(self, frame: Frame, path: Path) -> None:
        try:
            write_picture(path, Picture(frame.pixels))
        except SinkError as error:
            self._tell(str(error))
        else:
            self._tell(f"kept {path}")
