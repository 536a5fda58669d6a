"""`pincel engines`: compiled engines, ahead of time and out of the way."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from engines import open_engine, store
from realtime.commands import options
from realtime.commands.painting import NETWORK
from realtime.commands.terminal import Terminal, UsageError, page, put
from realtime.grid import bordered
from realtime.sizes import parse_size

engines = typer.Typer(no_args_is_help=True, help="List, build and clear compiled engines, and export networks.")

NATIVE = (1080, 1920)  # what "720p" takes its aspect from
Network = Annotated[str, typer.Option(metavar="NAME", help="As `pincel networks list` shows it.")]


@engines.command("list")
def list_engines() -> None:
    """List the stored engines, newest first."""
    table = Table("network", "engine", "size", "batch", "device", "MB", "age", box=None)
    for each in store.stored():
        key = {name: escape(value) for name, value in each.key.items()}
        table.add_row(
            key["network"],
            f"{key['backend']} {key['precision']}",
            key["size"],
            key["batch"],
            key["device"],
            f"{each.size_bytes / 1e6:.1f}",
            age(time.time() - each.built_at),
        )
    put(page(), table)


def age(seconds: float) -> str:
    """Say how long ago something was: 40 s, 5 min, 3 h or 12 days."""
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= (2 if unit == "days" else 1) * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


@engines.command()
def build(
    size: Annotated[str, typer.Option(metavar="720p,WxH", help="One or several.")] = "720p,1080p",
    network: Network = NETWORK,
    engine: options.EngineName = "auto",
    precision: options.Precision = "auto",
    batch: Annotated[int, typer.Option(metavar="N", min=1, help="Frames a call.")] = 1,
    any_size: Annotated[
        bool,
        typer.Option("--any-size", metavar="", help="One TensorRT engine for all sizes up to 4K: slower than its own."),
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Build engines ahead of time, so that the first frame does not wait."""
    try:
        sizes = [] if any_size else [parse_size(text, native=NATIVE) for text in size.split(",")]
    except ValueError as wrong:
        raise UsageError(str(wrong)) from wrong
    terminal = Terminal(quiet=quiet)
    with terminal.working("opening the engine (the first time it is built)"):
        opened = open_engine(network, backend=engine, precision=precision)
    terminal.say(f"engine: {opened.backend.reason}")
    if any_size:
        build_any_size = getattr(opened.backend, "build_any_size", None)
        if build_any_size is None:
            raise UsageError(f"--any-size is for --engine tensorrt: {opened.backend.name} takes any size as it is")
        with terminal.working("building for any size"):
            build_any_size(batch=batch)
        terminal.say("ready for any size")
    for height, width in sizes:
        started = time.perf_counter()
        with terminal.working(f"building for {width}x{height}"):
            opened.prepare(bordered((height, width)), batch=batch)
        terminal.say(f"{width}x{height}: ready after {time.perf_counter() - started:.1f} s")


@engines.command()
def clear(quiet: options.Quiet = False) -> None:
    """Throw all stored engines away; they are built again when they are needed."""
    size_bytes = sum(each.size_bytes for each in store.stored())
    count = store.clear()
    Terminal(quiet=quiet).say(f"{count} engines thrown away, {size_bytes / 1e6:.1f} MB")


@engines.command()
def export(
    onnx: Annotated[Path, typer.Option(metavar="FILE", help="Where to write it.")],
    network: Network = NETWORK,
    force: options.Force = False,
    quiet: options.Quiet = False,
) -> None:
    """Write a network as ONNX, bytes in and bytes out; needs the extra `export`."""
    from engines.onnx_export import export_onnx

    if onnx.exists() and not force:
        raise UsageError(f"{onnx} exists: --force overwrites it")
    terminal = Terminal(quiet=quiet)
    with terminal.working(f"exporting {network}"):
        export_onnx(onnx, network=network)
    terminal.say(f"{onnx}: height and width are free, in multiples of the network's stride")
