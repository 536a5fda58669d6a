"""Options that several commands share, and what people write in them."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from engines import BACKENDS
from engines.networks import NETWORKS
from realtime.commands.terminal import UsageError
from realtime.sizes import parse_size
from realtime.stylizer import Steadiness

GATYS = "gatys"  # paints stills, and is no network of the frame contract


def parse_steadiness(text: str) -> Steadiness:
    """Read "auto" or a number from 0 to 1."""
    if text == "auto":
        return "auto"
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise UsageError(f"--steady {text}: give auto or a number from 0 to 1")
    return value


def parse_time(text: str | None) -> float | None:
    """Read seconds, 12.5, or clock time, 1:02:03.5."""
    if text is None:
        return None
    parts = text.split(":")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 3 or any(not 0 <= number < math.inf for number in numbers):
        raise UsageError(f"{text!r} is no time: give seconds (12.5) or h:m:s (1:02:03.5)")
    return float(sum(number * 60.0**place for place, number in enumerate(reversed(numbers))))


def within(low: float, high: float) -> Callable[[typer.CallbackParam, float], float]:
    """Return what refuses numbers outside a range, and nan."""

    def check(parameter: typer.CallbackParam, value: float) -> float:
        if not low <= value <= high:
            raise UsageError(f"{parameter.opts[0]} {value:g}: give a number from {low:g} to {high:g}")
        return value

    return check


def check_size(text: str | None) -> str | None:
    """Refuse what is no size of any picture, before one is opened."""
    if text is not None:
        try:
            parse_size(text, native=(720, 1280))
        except ValueError as wrong:
            raise UsageError(str(wrong)) from wrong
    return text


def check_network(name: str) -> str:
    """Refuse a network that does not exist, or that paints nothing but stills."""
    if name == GATYS:
        raise UsageError(f"{GATYS} takes minutes for a picture: use it with `pincel image`")
    if name not in NETWORKS:
        raise UsageError(f"no network is called {name!r}: choose one of {', '.join(NETWORKS)}")
    return name


def check_still_network(name: str) -> str:
    """Refuse a network that does not exist."""
    if name not in (*NETWORKS, GATYS):
        raise UsageError(f"no network is called {name!r}: choose one of {', '.join((*NETWORKS, GATYS))}")
    return name


def check_live_network(name: str) -> str:
    """Refuse what `check_network` refuses, but for "auto"."""
    return name if name == "auto" else check_network(name)


PAINTING = "Painting"
OUTPUT = "Output"

Style = Annotated[
    list[str],
    typer.Option(
        "--style", "-s", metavar="STYLE", rich_help_panel=PAINTING,
        help="A gallery name, a picture or a style file. To blend: -s the_scream:0.7 -s irises:0.3",
    ),
]  # fmt: skip
Network = Annotated[
    str,
    typer.Option(
        metavar="NAME", callback=check_network, rich_help_panel=PAINTING, help="One of `pincel networks list`."
    ),
]  # fmt: skip
LiveNetwork = Annotated[
    str,
    typer.Option(
        "--network", metavar="NAME", callback=check_live_network, rich_help_panel=PAINTING,
        help="One of `pincel networks list`, or auto: pincel-16 where a CPU paints, pincel where a GPU does.",
    ),
]  # fmt: skip
StillNetwork = Annotated[
    str,
    typer.Option(
        "--network", metavar="NAME", callback=check_still_network, rich_help_panel=PAINTING,
        help="One of `pincel networks list`, or gatys.",
    ),
]  # fmt: skip
Strength = Annotated[
    float,
    typer.Option(
        metavar="0..1", callback=within(0, 1), rich_help_panel=PAINTING, help="1 paints fully, 0 changes nothing."
    ),
]
PreserveColour = Annotated[
    bool, typer.Option("--preserve-colour", metavar="", rich_help_panel=PAINTING, help="Keep the original's colours.")
]
Steady = Annotated[
    str, typer.Option(metavar="auto|0..1", rich_help_panel=PAINTING, help="Keep still parts still; 0 for off.")
]
EngineName = Annotated[
    str, typer.Option("--engine", metavar="|".join(("auto", *BACKENDS)), rich_help_panel=PAINTING, help="What paints.")
]
Precision = Annotated[
    Literal["auto", "fp32", "bf16", "fp16"],
    typer.Option(metavar="auto|fp32|bf16|fp16", rich_help_panel=PAINTING, help="How exactly the engine reckons."),
]
Size = Annotated[
    str,
    typer.Option(metavar="WxH|720p|native", callback=check_size, rich_help_panel=OUTPUT, help="Size of the result."),
]
WorkSize = Annotated[
    str | None,
    typer.Option(
        metavar="WxH|360p", callback=check_size, rich_help_panel=PAINTING,
        help="Paint at this size and scale up: faster, with broader strokes.",
    ),
]  # fmt: skip
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE|FOLDER", rich_help_panel=OUTPUT, help="Beside the input by default."),
]
Force = Annotated[
    bool,
    typer.Option("--force", "-f", metavar="", rich_help_panel=OUTPUT, help="Overwrite what exists, without asking."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", metavar="", help="Say nothing but errors.")]
ReportFile = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.json", help="Write what was done, and how fast.")
]
