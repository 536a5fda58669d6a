"""Options that several commands share."""

import math
from pathlib import Path
from typing import Annotated

import typer

from engines import BACKENDS
from realtime.commands.terminal import UsageError
from realtime.stylizer import Steadiness


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


PAINTING = "Painting"
OUTPUT = "Output"

Style = Annotated[
    list[str],
    typer.Option(
        "--style", "-s", metavar="NAME|PICTURE|FILE[:WEIGHT]", rich_help_panel=PAINTING,
        help="A gallery name, a picture or a style file; several are blended: -s the_scream:0.7 -s irises:0.3",
    ),
]  # fmt: skip
Strength = Annotated[
    float, typer.Option(min=0, max=1, rich_help_panel=PAINTING, help="1 paints fully, 0 leaves the frame as it is.")
]
PreserveColour = Annotated[
    bool, typer.Option("--preserve-colour", rich_help_panel=PAINTING, help="Keep the frame's own colours.")
]
Steady = Annotated[
    str, typer.Option(metavar="auto|0..1", rich_help_panel=PAINTING, help="Hold still parts still; 0 switches it off.")
]
EngineName = Annotated[
    str, typer.Option("--engine", metavar="|".join(("auto", *BACKENDS)), rich_help_panel=PAINTING, help="What paints.")
]
Precision = Annotated[
    str, typer.Option(metavar="auto|fp32|bf16|fp16", rich_help_panel=PAINTING, help="How exactly the engine computes.")
]
Size = Annotated[str, typer.Option(metavar="WxH|720p|native", rich_help_panel=OUTPUT, help="Size of the result.")]
WorkSize = Annotated[
    str | None,
    typer.Option(
        metavar="WxH|360p", rich_help_panel=PAINTING, help="Paint at this size and scale up: faster, broader strokes."
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE|FOLDER", rich_help_panel=OUTPUT, help="Where to; beside the input by default."
    ),
]
Force = Annotated[bool, typer.Option("--force", "-f", rich_help_panel=OUTPUT, help="Overwrite without asking.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
ReportFile = Annotated[
    Path | None, typer.Option("--report", metavar="FILE.json", help="Write what was done, and how fast, as JSON.")
]
