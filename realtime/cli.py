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
from realtime.commands.bench import bench
from realtime.commands.cameras import cameras
from realtime.commands.convert import convert
from realtime.commands.demo import demo
from realtime.commands.doctor import doctor
from realtime.commands.engines import engines
from realtime.commands.image import image
from realtime.commands.networks import networks
from realtime.commands.styles import styles
from realtime.commands.terminal import Interrupted, UsageError, console, describe, error, hushed, open_closed_streams
from realtime.commands.train import train
from realtime.commands.webcam import webcam
from realtime.media import MediaError

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

log = logging.getLogger(__name__)
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (webcam, convert, image, cameras, demo, doctor, bench, train):
    app.command()(command)
app.add_typer(styles, name="styles")
app.add_typer(networks, name="networks")
app.add_typer(engines, name="engines")


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


def main() -> None:
    """Run the command line and exit: 0 done, 1 the work failed, 2 the command was wrong, 130 interrupted."""
    open_closed_streams()
    is_done = False

    def interrupt(signum: int, frame: FrameType | None) -> None:
        if not is_done:
            raise KeyboardInterrupt

    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` and shells' background jobs have it
            signal.signal(number, interrupt)
    try:
        code, text = run()
    except KeyboardInterrupt:  # a second one, while the first was being judged
        code, text = INTERRUPTED, "interrupted"
    is_done = True
    for number in SIGNALS:  # an impatient Ctrl-C would interrupt the interpreter's own end
        signal.signal(number, signal.SIG_IGN)
    if text:
        error(text)
    sys.exit(code)


def run() -> tuple[int, str]:
    """Run the command line; returns the exit code, and what went wrong."""
    try:
        code = int(app(standalone_mode=False) or DONE)
    except (KeyboardInterrupt, Abort):
        code = INTERRUPTED
    except Exception as wrong:  # noqa: BLE001 - one line for people, the rest for who asks
        return judge(wrong)
    return code, "interrupted" if code == INTERRUPTED else ""  # typer makes a code of Ctrl-C


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
