"""What a command says: everything on standard error, nothing but errors when quiet."""

import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from realtime.report import Report

SECONDS_BETWEEN_UPDATES = 0.1
PIPED_WIDTH = 200
NARROW, WIDE = 76, 120

console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


class UsageError(Exception):
    """A command was given what it cannot take; the message says what, and what to do."""


class Interrupted(Exception):
    """Ctrl-C ended the work well; the message says what is there."""

    def __init__(self, target: Path, report: Report) -> None:
        super().__init__(
            f"interrupted: {target} is playable and holds {report.frames} frames, up to {report.painted_until:.1f} s"
            if report.frames
            else f"interrupted before the first frame: {target} is not written"
        )


class Terminal:
    """Where a command tells what it does."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet

    def say(self, text: str) -> None:
        """Print a line."""
        if not self.quiet:
            put(console, escape(text))

    def warn(self, text: str) -> None:
        """Print a line that a person should not miss."""
        if not self.quiet:
            put(console, f"[yellow]{escape(text)}[/yellow]")

    def ask(self, question: str) -> bool | None:
        """Ask yes or no; None where nobody can answer."""
        if self.quiet or sys.stdin is None or not (sys.stdin.isatty() and console.is_terminal):
            return None
        console.print(escape(f"{question} [y/N] "), end="")
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Show that something goes on which may take seconds."""
        if self.quiet or not console.is_terminal:
            yield
            return
        with console.status(escape(text)):
            yield

    @contextmanager
    def progress(self, title: str, total: int | None) -> Iterator[Callable[[Report], None]]:
        """Show a bar with frames a second, time left and stage times, moved by calling what is yielded."""
        columns = [BarColumn(20), TaskProgressColumn(), TextColumn("{task.fields[fps]:.1f} fps"), TimeRemainingColumn()]
        if console.width >= NARROW:
            columns.append(TextColumn("[dim]{task.fields[stages]}[/dim]"))
        if console.width >= WIDE:
            columns.insert(0, TextColumn("{task.description}"))
        is_shown = console.is_terminal and not self.quiet
        with Progress(*columns, console=console, disable=not is_shown, transient=True) as bar:
            task = bar.add_task(escape(title), total=total, fps=0.0, stages="")
            shown_at = 0.0

            def show(report: Report) -> None:
                nonlocal shown_at
                now = time.monotonic()
                if not is_shown or now - shown_at < SECONDS_BETWEEN_UPDATES:
                    return
                shown_at = now
                times = ((name, getattr(report, name).recent_ms()) for name in ("read", "paint", "write"))
                stages = " ".join(f"{name} {time_ms:.0f}" for name, time_ms in times) + " ms"
                bar.update(task, completed=report.frames, fps=report.fps, stages=stages)

            yield show

    @contextmanager
    def share(self, title: str) -> Iterator[Callable[[float, str], None]]:
        """Show a bar moved by calling what is yielded with how much is done, in [0, 1], and a remark."""
        columns = [TextColumn("{task.description}"), BarColumn(20), TaskProgressColumn(), TimeRemainingColumn()]
        columns.append(TextColumn("[dim]{task.fields[remark]}[/dim]"))
        is_shown = console.is_terminal and not self.quiet
        with Progress(*columns, console=console, disable=not is_shown, transient=True) as bar:
            task = bar.add_task(escape(title), total=1.0, remark="")
            yield lambda done, remark: bar.update(task, completed=done, remark=remark)


def error(text: str) -> None:
    """Print an error as one line, quiet or not."""
    put(console, f"[red]pincel:[/red] {escape(' '.join(text.splitlines()))}")


def describe(wrong: Exception) -> str:
    """Return what an error says to people; one of the system's own lacks the words."""
    if isinstance(wrong, OSError) and wrong.strerror:
        return f"{wrong.filename or 'the system'}: {wrong.strerror}"
    return str(wrong)


def put(to: Console, what: RenderableType) -> None:
    """Print; where the reader has gone, go on in silence."""
    try:
        to.print(what)
    except (SystemExit, OSError):  # rich's answer to a closed pipe is SystemExit
        to.quiet = True
        with suppress(OSError), open(os.devnull, "w") as nothing:  # noqa: PTH123 - it is no path
            os.dup2(nothing.fileno(), to.file.fileno())  # else the interpreter fails to flush at its end


def page() -> Console:
    """Return a console for what was asked for: standard output, in whole lines where it goes into a pipe."""
    return Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


def open_closed_streams() -> None:
    """Give standard streams that were closed at the start a place: the next file opened would get their number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number


@contextmanager
def hushed() -> Iterator[None]:
    """Keep from the terminal what libraries write past us: libjpeg and x264 know no other way to complain."""
    own = os.dup(2)
    before, stream = sys.stderr, own_stream(own)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
    sys.stderr = stream
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
            yield
    finally:
        sys.stderr = before
        os.dup2(own, 2)
        os.close(own)


def own_stream(number: int) -> TextIO:
    """Return standard error on another number; itself where it is none of the process's (as in tests)."""
    stream = sys.__stderr__
    if stream is None or stream is not sys.stderr:
        return sys.stderr
    return open(number, "w", buffering=1, encoding=stream.encoding, errors="backslashreplace", closefd=False)
