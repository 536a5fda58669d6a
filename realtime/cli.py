"""The command line: the only place that turns errors into one line and an exit code."""

import logging
import signal
import sys
from importlib.metadata import version
from types import FrameType
from typing import Annotated

import typer
from rich.logging import RichHandler
from typer.exceptions import Abort, TyperException

from engines import EngineError
from realtime.commands.convert import convert
from realtime.commands.demo import demo
from realtime.commands.doctor import doctor
from realtime.commands.image import image
from realtime.commands.styles import styles
from realtime.commands.terminal import Interrupted, UsageError, console, describe, error, hushed, open_closed_streams
from realtime.media import MediaError

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130

log = logging.getLogger(__name__)
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (convert, image, demo, doctor):
    app.command()(command)
app.add_typer(styles, name="styles")


def show_version(asked: bool) -> None:
    """Print the version and stop."""
    if asked:
        typer.echo(f"pincel {version('pincel')}")
        raise typer.Exit


@app.callback()
def pincel(
    context: typer.Context,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", metavar="", help="Tell what is built, loaded and cached.")
    ] = False,
    show: Annotated[
        bool, typer.Option("--version", metavar="", callback=show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Paint video, live and from files, in the style of any picture."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.ERROR,
        format="%(message)s",
        handlers=[RichHandler(console=console, show_path=False, show_time=False)],
    )
    if not verbose:
        context.with_resource(hushed())


def interrupt(signum: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does."""
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line and exit: 0 done, 1 the work failed, 2 the command was wrong, 130 interrupted."""
    open_closed_streams()
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP; `nohup` has it ignored
        if number and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, interrupt)
    sys.exit(run())


def run() -> int:
    """Run the command line; returns the exit code."""
    try:
        code = int(app(standalone_mode=False) or DONE)
    except (KeyboardInterrupt, Abort):
        code = INTERRUPTED
    except Exception as wrong:  # noqa: BLE001 - one line for people, the rest for who asks
        code, text = judge(wrong)
        if text:
            error(text)
        return code
    if code == INTERRUPTED:  # typer's answer to Ctrl-C
        error("interrupted")
    return code


def judge(wrong: Exception) -> tuple[int, str]:
    """Return the exit code for an error, and the line that tells it."""
    match wrong:
        case Interrupted():
            return INTERRUPTED, str(wrong)
        case UsageError():
            return WRONG, str(wrong)
        case TyperException():  # without a message where the help was shown
            return WRONG, wrong.format_message().replace("Value error, ", "")
        case MediaError() | EngineError() | OSError():
            return FAILED, describe(wrong)
        case MemoryError():
            return FAILED, "not enough memory: paint at a smaller size with --work-size or --size"
    log.info("where it happened", exc_info=wrong)
    return FAILED, f"{type(wrong).__name__}: {wrong}; this is a bug in Pincel, `pincel --verbose ...` shows where"


if __name__ == "__main__":
    main()
