"""Running `pincel` in the tests."""

import contextlib
import io
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import av
import pytest

from realtime import cli

STYLE = ("--style", "irises")


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line that was said, without its `pincel: `."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("pincel: "), self.err
        return lines[0].removeprefix("pincel: ")


def pincel(*args: str | Path) -> Result:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    signals = {number: signal.getsignal(number) for number in cli.SIGNALS}
    with (
        patch.object(sys, "argv", ["pincel", *map(str, args)]),
        patch.object(sys, "stdin", io.StringIO()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as stop,
    ):
        cli.main()
    for number, handler in signals.items():
        signal.signal(number, handler)
    assert isinstance(stop.value.code, int)
    return Result(stop.value.code, out.getvalue(), err.getvalue())


def frame_count(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def size(path: Path) -> tuple[int, int]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return stream.height, stream.width


def names(folder: Path) -> Sequence[str]:
    return sorted(path.name for path in folder.iterdir())
