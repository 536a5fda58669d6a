"""`pincel image --network gatys`: stills whose pixels are optimised, which takes minutes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from realtime.commands.options import GATYS
from realtime.commands.outputs import may_write
from realtime.commands.painting import SMALLEST_STYLE, Size, read_style_picture, split_weight
from realtime.commands.terminal import Terminal, UsageError
from realtime.images import READ_SUFFIXES, WRITE_SUFFIXES, Picture, write_picture
from realtime.media import Pixels
from realtime.sizes import parse_size, short_side, to_size

if TYPE_CHECKING:
    from engines.networks.gatys import Progress
    from engines.networks.vgg import Vgg

PANEL = "Painting with --network gatys"
USUAL_SIDE, MOST_PIXELS = 512, 2_000_000  # some 5 kB a pixel
SECONDS_BETWEEN_PREVIEWS = 2.0
WHOLE = 10**6

Steps = Annotated[
    int | None, typer.Option(metavar="N", min=1, max=WHOLE, rich_help_panel=PANEL, help="On each scale; 60 by default.")
]
ContentWeight = Annotated[
    float | None,
    typer.Option(metavar="W", min=0, max=WHOLE, rich_help_panel=PANEL, help="Of the photograph; 1 by default."),
]
StyleWeight = Annotated[
    float | None, typer.Option(metavar="W", min=0, max=WHOLE, rich_help_panel=PANEL, help="Of the style; 2 by default.")
]
OptimizerName = Annotated[
    Literal["lbfgs", "adam"] | None,
    typer.Option(metavar="lbfgs|adam", rich_help_panel=PANEL, help="What moves the pixels; lbfgs by default."),
]
VggFile = Annotated[
    Path | None,
    typer.Option("--vgg", metavar="FILE", rich_help_panel=PANEL, help="VGG-19 weights; those of adain by default."),
]
Preview = Annotated[
    Path | None, typer.Option(metavar="FILE.png", rich_help_panel=PANEL, help="Show there how far the painting is.")
]


@dataclass(frozen=True)
class Said:
    """What a person said for gatys alone; None where nothing."""

    steps: int | None = None
    content_weight: float | None = None
    style_weight: float | None = None
    optimizer: Literal["lbfgs", "adam"] | None = None
    vgg: Path | None = None
    preview: Path | None = None

    def refuse(self, network: str) -> None:
        """Refuse them for another network."""
        for field in fields(self):
            if getattr(self, field.name) is not None:
                raise UsageError(f"--{field.name.replace('_', '-')} is for --network {GATYS}, not for {network}")

    def refuse_others(self, given: dict[str, bool]) -> None:
        """Refuse the options of other networks."""
        for option, is_given in given.items():
            if is_given:
                raise UsageError(f"{option} means nothing to --network {GATYS}: leave it out")


class GatysBrush:
    """Paints pictures one by one; the style is the picture itself."""

    def __init__(
        self,
        styles: Sequence[str],
        given: Said,
        *,
        size: str,
        work_size: str | None,
        force: bool,
        terminal: Terminal,
    ) -> None:
        """Check what was said.

        Raises:
            UsageError: it makes no sense with gatys.
            SourceError: the style's picture cannot be read.
        """
        self.given, self.size, self.work_size, self.terminal = given, size, work_size, terminal
        self.label, self.style = read_style(styles)
        if given.preview is not None:
            if given.preview.suffix.lower() not in WRITE_SUFFIXES:
                raise UsageError(f"--preview {given.preview}: name it {given.preview.with_suffix('.png')}")
            may_write(given.preview, [Path(styles[0])], force=force, terminal=terminal)

    @cached_property
    def vgg(self) -> "Vgg":
        """What pictures are looked at with."""
        from engines.networks.gatys import find_vgg

        with self.terminal.working("loading VGG-19"):
            return find_vgg(self.given.vgg)

    def open(self) -> str:
        """Get ready; return what paints.

        Raises:
            WeightsError: VGG-19 is not installed, or not what it should be.
        """
        return f"{GATYS} on {next(self.vgg.parameters()).device}"

    def paint(self, picture: Picture) -> Picture:
        """Paint a picture.

        Raises:
            UsageError: the size is too large or too small.
        """
        from engines.networks.gatys import Settings, paint

        size, work_size = self.sizes((picture.pixels.shape[0], picture.pixels.shape[1]))
        said = {name: getattr(self.given, name) for name in ("steps", "content_weight", "style_weight", "optimizer")}
        settings = replace(Settings(), **{name: value for name, value in said.items() if value is not None})
        photo = to_size(picture.pixels, work_size)
        with self.terminal.share(f"{work_size[1]}x{work_size[0]}") as show:
            painted = paint(photo, self.style, vgg=self.vgg, settings=settings, report=self.reporter(show))
        alpha = None if picture.alpha is None else to_size(picture.alpha, size)
        return Picture(to_size(painted, size), alpha)

    def sizes(self, native: Size) -> tuple[Size, Size]:
        """Return the sizes of the result and of the painting."""
        try:
            size = parse_size(self.size, native=native)
            usual = short_side(size, min(*size, USUAL_SIDE))
            work_size = parse_size(self.work_size, native=size) if self.work_size else usual
        except ValueError as wrong:
            raise UsageError(str(wrong)) from wrong
        height, width = work_size
        if min(work_size) < SMALLEST_STYLE or height * width > MOST_PIXELS:
            raise UsageError(
                f"{GATYS} does not paint {width}x{height} pixels, but {SMALLEST_STYLE} a side to "
                f"{MOST_PIXELS // 10**6} million in all: choose with --work-size {USUAL_SIDE}p"
            )
        if work_size != size and not self.work_size:
            self.terminal.say(f"painted at {width}x{height} and scaled up: more with --work-size, in more time")
        return size, work_size

    def reporter(self, show: Callable[[float, str], None]) -> "Callable[[Progress], None]":
        """Return what moves the bar and writes previews."""
        written_at = -SECONDS_BETWEEN_PREVIEWS

        def report(progress: "Progress") -> None:
            nonlocal written_at
            show(progress.share, f"content {progress.content:.2f} style {progress.style:.2f}")
            now = time.monotonic()
            if self.given.preview is not None and now - written_at >= SECONDS_BETWEEN_PREVIEWS:
                write_picture(self.given.preview, Picture(progress.painting()))
                written_at = time.monotonic()

        return report


def read_style(texts: Sequence[str]) -> tuple[str, Pixels]:
    """Read the one picture whose style is wanted; return its name and pixels.

    Raises:
        UsageError: it is several, or none that has a picture.
        SourceError: the picture cannot be read, or is too small.
    """
    if len(texts) != 1 or split_weight(texts[0])[1] != 1:
        raise UsageError(f"{GATYS} paints in one style: give --style once, without a weight")
    path = Path(texts[0])
    suffix = path.suffix.lower()
    if suffix == ".safetensors" or not (path.exists() or suffix in READ_SUFFIXES):
        raise UsageError(f"--style {path}: {GATYS} looks at the style's picture itself: name its file")
    return path.stem, read_style_picture(path)
