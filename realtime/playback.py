"""A video file played in real time, over and over: a camera for those who have none at hand."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from realtime.media import Frame
from realtime.video import VideoReader

NAP_SECONDS = 0.1


class Playback:
    """A file as a live `Source`: each frame comes at its time, and a late reader misses some.

    Args:
        path: any video that `VideoReader` reads.
        clock, sleep: in seconds.

    Raises:
        SourceError: it cannot be read.
    """

    live = True
    frame_count = None

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path, self._clock, self._sleep = path, clock, sleep
        self._reader = VideoReader(path)
        self.size, self.rate = self._reader.size, self._reader.rate
        self._closed = False

    def __iter__(self) -> Iterator[Frame]:
        started, offset, index = self._clock(), 0.0, 0
        while not self._closed:
            end, first_pts = offset, None
            for frame in self._reader:
                first_pts = frame.pts_seconds if first_pts is None else first_pts
                due = offset + frame.pts_seconds - first_pts
                end = due + (frame.duration_seconds or float(1 / self.rate))
                while not self._closed and (wait := started + due - self._clock()) > 0:
                    self._sleep(min(wait, NAP_SECONDS))
                if self._closed:
                    return
                yield replace(frame, pts_seconds=due, index=index, read_at=time.perf_counter())
                index += 1
            if end == offset:  # not one frame
                return
            offset = end
            self._reader.close()
            self._reader = VideoReader(self._path)

    def close(self) -> None:
        """Stop playing. Closing again does nothing."""
        self._closed = True
        self._reader.close()
