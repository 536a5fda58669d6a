"""`pincel bench`: how fast this machine paints, and how fast it could."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from engines import BACKENDS
from engines.machine import facts
from engines.store import write_whole
from engines.weights import weights_path
from realtime.bench import Row
from realtime.chart import draw
from realtime.commands import options
from realtime.commands.contest import STAGES, Contest, Opened, open_all
from realtime.commands.painting import NETWORK
from realtime.commands.terminal import Terminal, UsageError, page, put
from realtime.images import Picture, write_picture
from realtime.sizes import parse_size

PRECISIONS = ("fp32", "bf16", "fp16")
NATIVE = (1080, 1920)  # what "720p" takes its aspect from
MOST_BATCH = 64


def bench(
    network: Annotated[str, typer.Option(metavar="NAME", help="As `pincel networks list` shows it.")] = NETWORK,
    engine: Annotated[str, typer.Option(metavar="all|" + "|".join(BACKENDS), help="Or several: a,b.")] = "all",
    precision: Annotated[
        str, typer.Option(metavar="auto|all|fp32|bf16|fp16", help="Each engine's own choice, all, or several.")
    ] = "auto",
    size: Annotated[str, typer.Option(metavar="480p,4k,WxH", help="One or several.")] = "480p,720p",
    batch: Annotated[str, typer.Option(metavar="1,4,8", help="Frames a call, one or several.")] = "1",
    stages: Annotated[
        str,
        typer.Option(metavar=",".join(STAGES), help="On the device; bytes to bytes; overlapped; decode to encode."),
    ] = ",".join(STAGES),
    seconds: Annotated[
        float,
        typer.Option(metavar="S", callback=options.within(0.01, 3600), help="For each engine, stage, size and batch."),
    ] = 1.5,
    results: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write figures, machine, versions, commit.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw the figures.")] = None,
    quiet: options.Quiet = False,
) -> int:
    """Measure frames a second, bytes in to bytes out and from file to file, against what the machine could do."""
    sizes = [read_size(text) for text in size.split(",")]
    batches = [read_batch(text) for text in batch.split(",")]
    backends, precisions = choose("--engine", engine, BACKENDS), choose("--precision", precision, PRECISIONS, "auto")
    wanted = choose("--stages", stages, STAGES)
    weights_path(network)
    terminal = Terminal(quiet=quiet)
    with terminal.working("opening the engines (the first time they are built)"):
        contest = Contest(network, open_all(network, backends, precisions), seconds)
    rows: list[Row] = []
    for each in sizes:
        for count in batches:
            here = [stage for stage in wanted if stage != "pipeline" or count == batches[0]]
            with terminal.working(f"measuring {each[1]}x{each[0]}, batch {count}"):
                rows += contest.measure(each, count, here)
    shown = page()
    put(shown, table(rows))
    for line in left_out(rows, contest.opened):
        put(shown, escape(f"left out: {line}"))
    for name, ceiling in contest.ceilings.items():
        terminal.say(
            f"{name} at best: {ceiling.flops / 1e12:.3g} TFLOP/s in products of matrices, "
            f"{ceiling.bandwidth / 1e9:.3g} GB/s in copies"
        )
    told = facts()
    if results:
        write_whole(results, (json.dumps(told | {"bench": as_dict(contest, rows)}, indent=1) + "\n").encode())
        terminal.say(f"{results}: written")
    if plot:
        write_picture(plot, Picture(draw(rows, title=f"Pincel {told['commit']}: {network}", machine=in_a_line(told))))
        terminal.say(f"{plot}: drawn")
    return 0 if any(row.fps for row in rows) else 1


def in_a_line(told: dict[str, Any]) -> str:
    """Return machine and time, for the plot."""
    machine = told["machine"]
    gpu = f", {machine['gpu']}, driver {machine['driver']}" if "gpu" in machine else ""
    return f"{machine['cpu']}, {machine['cores']} cores{gpu}; torch {told['versions']['torch']}; {told['time']}"


def read_size(text: str) -> tuple[int, int]:
    """Read "4k", or a size as everywhere else."""
    try:
        return parse_size("2160p" if text.lower() == "4k" else text, native=NATIVE, even=True)
    except ValueError as wrong:
        raise UsageError(f"--size {wrong}") from wrong


def read_batch(text: str) -> int:
    """Read a count of frames."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_BATCH:
        raise UsageError(f"--batch {text!r}: give whole numbers from 1 to {MOST_BATCH}, as in 1,4,8")
    return int(text)


def choose(option: str, text: str, known: Sequence[str], *more: str) -> list[str]:
    """Read names separated by commas; "all" for all that are known."""
    chosen = list(dict.fromkeys(known if text == "all" else text.split(",")))
    for name in chosen:
        if name not in (*known, *more):
            raise UsageError(f"{option} {name!r}: choose all, {', '.join((*more, *known))}, or several: a,b")
    return chosen


def table(rows: Sequence[Row]) -> Table:
    """Return what a person reads."""
    shown = Table("size", "batch", "engine", "stage", box=None)
    for head in ("ms", "5 % - 95 %", "fps", "of roofline", "MB", "GPU MB", "W"):
        shown.add_column(head, justify="right")
    for row in rows:
        place = (f"{row.size[1]}x{row.size[0]}", str(row.batch), row.engine, row.stage)
        if row.left_out:
            continue
        shown.add_row(
            *place,
            number(row.p50_ms, "{:.2f}"),
            f"{number(row.p5_ms, '{:.2f}')} - {number(row.p95_ms, '{:.2f}')}",
            number(row.fps, "{:.1f}"),
            number(row.reached, "{:.0%}"),
            number(row.memory_mb, "{:.0f}"),
            number(row.device_mb, "{:.0f}"),
            number(row.watts, "{:.0f}"),
        )
    return shown


def left_out(rows: Sequence[Row], opened: Sequence[Opened]) -> list[str]:
    """Return a line for each figure that is missing."""
    lines = [f"{each.name}: {each.left_out}" for each in opened if each.left_out]
    for row in rows:
        if row.left_out:
            place = f"{row.engine}, {row.stage}, {row.size[1]}x{row.size[0]}, batch {row.batch}"
            lines.append(f"{place}: {row.left_out}")
    return lines


def number(value: float | None, form: str) -> str:
    """Return a figure for people, nothing where there is none."""
    return "" if value is None else form.format(value)


def as_dict(contest: Contest, rows: Sequence[Row]) -> dict[str, object]:
    """Return what `--json` writes."""
    return {
        "network": contest.network,
        "seconds": contest.seconds,
        "ceilings": {
            name: {"tflops": round(each.flops / 1e12, 4), "gb_per_second": round(each.bandwidth / 1e9, 2)}
            for name, each in contest.ceilings.items()
        },
        "rows": [row.as_dict() for row in rows],
        "left_out": {each.name: each.left_out for each in contest.opened if each.left_out},
    }
