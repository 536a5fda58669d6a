"""A folder of style pictures that is watched: what is dropped into it becomes a style while the run goes on."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from engines import Cancelled, EngineError
from realtime.channel import Channel, HungUp, Reader
from realtime.commands.painting import NETWORK, picture_style
from realtime.commands.terminal import Terminal, UsageError
from realtime.images import READ_SUFFIXES
from realtime.media import MediaError
from realtime.palette import Vector

LOOK_SECONDS, NAP_SECONDS = 0.5, 0.1
MOST_WAITING = 64

Newcomer = tuple[str, Vector]
State = tuple[int, int]


class StyleFolder:
    """Encodes the pictures of a folder in a thread of its own, those that are there and those that come.

    A picture is taken once its file has stopped growing, and again when it changes.

    Args:
        folder: watched; not its subfolders.
        network: which one is to paint with the styles.
        tell: given a line for each picture that became a style or could not.

    Raises:
        UsageError: it is no folder.
    """

    def __init__(self, folder: Path, *, network: str = NETWORK, tell: Callable[[str], None]) -> None:
        if not folder.is_dir():
            raise UsageError(f"--styles {folder} is no folder: make it, and put pictures into it")
        self._folder, self._network, self._tell = folder, network, tell
        self._closed = False
        self._reader = Reader(self._watch, Channel[Newcomer](MOST_WAITING))

    def take(self) -> Iterator[Newcomer]:
        """Give the styles that came up since the last call; never waits."""
        while True:
            try:
                yield self._reader.channel.receive(timeout_seconds=0)
            except (TimeoutError, HungUp):
                return

    def close(self) -> None:
        """Watch no longer. Closing again does nothing."""
        self._closed = True
        self._reader.stop()

    def _watch(self) -> Iterator[Newcomer]:
        seen: dict[Path, State] = {}
        done: dict[Path, State] = {}
        while not self._closed:
            for path, state in self._pictures():
                if done.get(path) != state and seen.get(path) == state and not self._closed:
                    done[path] = state
                    yield from self._encode(path)
                seen[path] = state
            deadline = time.monotonic() + LOOK_SECONDS
            while not self._closed and time.monotonic() < deadline:
                time.sleep(NAP_SECONDS)

    def _pictures(self) -> Iterator[tuple[Path, State]]:
        """Give the pictures with size and time of change."""
        try:
            paths = sorted(self._folder.iterdir())
        except OSError:  # the folder is away; it may come back
            return
        for path in paths:
            if path.suffix.lower() not in READ_SUFFIXES or path.name.startswith("."):
                continue
            try:
                found = path.stat()
            except OSError:  # taken away just now
                continue
            yield path, (found.st_size, found.st_mtime_ns)

    def _encode(self, path: Path) -> Iterator[Newcomer]:
        try:
            style = picture_style(
                path, name=path.stem, terminal=Terminal(quiet=True), network=self._network,
                cancelled=lambda: self._closed,
            )  # fmt: skip
        except Cancelled:
            return
        except (MediaError, EngineError, OSError) as wrong:
            self._tell(f"{path.name} is no style: {wrong}")
            return
        self._tell(f"new style: {path.stem}")
        yield path.stem, style.vector
