"""What a command says: everything on standard error, nothing but errors when quiet."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from realtime.report import Report

console = Console(stderr=True, highlight=False, soft_wrap=True)


class UsageError(Exception):
    """A command was given what it cannot take; the message says what, and what to do."""


class Terminal:
    """Where a command tells what it does."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet

    def say(self, text: str) -> None:
        """Print a line."""
        if not self.quiet:
            console.print(escape(text))

    def warn(self, text: str) -> None:
        """Print a line that a person should not miss."""
        if not self.quiet:
            console.print(f"[yellow]{escape(text)}[/yellow]")

    @contextmanager
    def progress(self, title: str, total: int | None) -> Iterator[Callable[[Report], None]]:
        """Show a bar with frames a second, time left and stage times, moved by calling what is yielded."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[fps]:.1f} fps"),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[stages]}[/dim]"),
        )
        with Progress(*columns, console=console, disable=self.quiet, transient=True) as bar:
            task = bar.add_task(escape(title), total=total, fps=0.0, stages="")

            def show(report: Report) -> None:
                if bar.disable or report.frames % 8:
                    return
                stages = " ".join(
                    f"{name} {getattr(report, name).recent_ms():.0f} ms" for name in ("read", "paint", "write")
                )
                bar.update(task, completed=report.frames, fps=report.fps, stages=stages)

            yield show


def error(text: str) -> None:
    """Print an error as one line, quiet or not."""
    console.print(f"[red]pincel:[/red] {escape(' '.join(text.split()))}")
