"""`pincel train`: make the weights of the bundled networks."""

import logging
import math
from pathlib import Path
from typing import Annotated, Literal

import typer

from engines.machine import accelerator, cpu
from realtime.commands import options
from realtime.commands.terminal import Terminal

DATA, RUN = "Data", "Run"


def train(
    photos: Annotated[
        list[Path],
        typer.Option(metavar="FOLDER|TAR", rich_help_panel=DATA, help="Photographs to paint; may be repeated."),
    ],
    paintings: Annotated[
        list[Path],
        typer.Option(metavar="FOLDER|TAR", rich_help_panel=DATA, help="Paintings to learn from; may be repeated."),
    ],
    vgg: Annotated[
        Path, typer.Option(metavar="FILE", rich_help_panel=DATA, help="VGG-19 weights, safetensors, conv0 to conv4_1.")
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FOLDER", rich_help_panel=RUN, help="Where checkpoints and weights go."),
    ],
    network: Annotated[
        Literal["pincel", "pincel-16"],
        typer.Option(metavar="NAME", rich_help_panel=DATA, help="pincel, or pincel-16: half as wide."),
    ] = "pincel",
    weights: Annotated[
        Path | None,
        typer.Option(metavar="FILE", rich_help_panel=DATA, help="Begin with these, not with the bundled ones."),
    ] = None,
    teacher: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=DATA,
            help="Weights of pincel that pincel-16 begins with half of and copies.",
        ),
    ] = None,
    minutes: Annotated[
        float,
        typer.Option(metavar="N", callback=options.within(0, 10**6), rich_help_panel=RUN, help="Stop after so many."),
    ] = 60.0,
    pause: Annotated[
        float,
        typer.Option(
            metavar="N",
            callback=options.within(0, math.inf),
            rich_help_panel=RUN,
            help="End this call after so many, reading pictures included; --resume goes on.",
        ),
    ] = math.inf,
    steps: Annotated[int, typer.Option(metavar="N", min=1, rich_help_panel=RUN, help="Or after so many steps.")] = 10
    ** 9,
    rate: Annotated[
        float, typer.Option(metavar="R", callback=options.within(1e-9, 1), rich_help_panel=RUN, help="Learning rate.")
    ] = 4e-4,
    seed: Annotated[int, typer.Option(metavar="N", min=0, rich_help_panel=RUN, help="Of order and augmentation.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", rich_help_panel=RUN, help="Go on from the checkpoint in the output folder.")
    ] = False,
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        typer.Option(metavar="auto|cpu|cuda", rich_help_panel=RUN, help="What computes."),
    ] = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Train the default network, or its half; needs the extra `train`."""
    from engines.training.loop import GPU
    from engines.training.loop import train as run
    from engines.training.settings import Settings

    terminal = Terminal(quiet=quiet)
    chosen = ("cuda" if accelerator() == "cuda" else "cpu") if device == "auto" else device
    if not quiet:
        logging.getLogger("engines.training").setLevel(logging.INFO)
    settings = Settings(
        seed=seed,
        steps=steps,
        minutes=minutes or math.inf,
        rate=rate,
        precision="bf16" if chosen == "cuda" or "bf16" in cpu() else "fp32",  # elsewhere it is emulated, and slow
        **(GPU if chosen == "cuda" else {}),  # type: ignore[arg-type]
    )
    path = run(
        photos,
        paintings,
        vgg=vgg,
        folder=output,
        settings=settings,
        network=network,
        start=weights,
        teacher=teacher,
        resume=resume,
        device=chosen,
        pause=pause,
    )
    terminal.say(f"{path}: trained; what it paints is in {output / 'preview.png'}")
