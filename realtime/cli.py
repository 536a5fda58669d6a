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
from realtime.commands.terminal import UsageError, console, error
from realtime.media import MediaError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
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
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell what is built, loaded and cached.")] = False,
    show: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Paint video, live and from files, in the style of any picture."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.ERROR,
        format="%(message)s",
        handlers=[RichHandler(console=console, show_path=False, show_time=False)],
    )


def interrupt(signum: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does."""
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line and exit: 0 done, 1 the work failed, 2 the command was wrong, 130 interrupted."""
    signal.signal(signal.SIGTERM, interrupt)
    try:
        code = app(standalone_mode=False) or 0
    except TyperException as wrong:
        error(wrong.format_message())
        code = 2
    except UsageError as wrong:
        error(str(wrong))
        code = 2
    except (MediaError, EngineError) as wrong:
        error(str(wrong))
        code = 1
    except MemoryError:
        error("not enough memory: paint at a smaller size with --work-size or --size")
        code = 1
    except (KeyboardInterrupt, Abort):
        error("interrupted")
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
