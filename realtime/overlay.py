"""What the live window writes over the painting: figures, a notice, the keys."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2

from realtime.controls import KEYS, Controls
from realtime.media import Pixels
from realtime.report import Report
from realtime.sizes import to_size

LINE = 20  # pixels, in a picture of 480 lines
RECENT = 100
Colour = tuple[int, int, int]
WHITE, RED, YELLOW = (255, 255, 255), (64, 64, 255), (0, 220, 255)


@dataclass(frozen=True, slots=True)
class Status:
    """What is told of a moment of a live run.

    Attributes:
        fps: over the last seconds.
        engine: its name.
        flicker: in grey levels, None where it is not known.
        notice: what went wrong outside, "" when all is well.
    """

    fps: float
    engine: str
    flicker: float | None
    notice: str


def figures(status: Status, controls: Controls, report: Report) -> list[str]:
    """Return the lines of the overlay."""
    ages = "/".join(f"{report.age.recent_ms(percentile=each, count=RECENT):.0f}" for each in (50, 95, 99))
    steady = controls.steadiness if controls.steadiness == "auto" else f"{controls.steadiness:.1f}"
    flicker = "" if status.flicker is None else f"  flicker {status.flicker:.1f}"
    return [
        f"{status.fps:.1f} fps  age {ages} ms  dropped {report.dropped}",
        f"{controls.palette.name}  strength {controls.strength:.0%}  steady {steady}{flicker}",
        status.engine + ("  mirrored" if controls.mirrored else "") + ("  frozen" if controls.frozen else ""),
    ]


def compose(source: Pixels, painted: Pixels, controls: Controls, status: Status, report: Report) -> Pixels:
    """Return what the window shows: the painting, or source and painting side by side, with what is written on it."""
    shown = painted.copy()
    if controls.split:
        middle = painted.shape[1] // 2
        shown[:, :middle] = to_size(source, (painted.shape[0], painted.shape[1]))[:, :middle]
        shown[:, middle - 1 : middle + 1] = 255
    if controls.overlay:
        write(shown, figures(status, controls, report), row=1)
    if controls.recording:
        write(shown, ["REC"], row=1, colour=RED, right=True)
    if controls.help:
        write(shown, ["space" if key == " " else key for key in KEYS], row=5)
        write(shown, [key.says for key in KEYS.values()], row=5, column=60)
    if status.notice:
        write(shown, [status.notice], row=23, colour=YELLOW)
    return shown


def write(
    pixels: Pixels, lines: Sequence[str], *, row: int, column: int = 0, colour: Colour = WHITE, right: bool = False
) -> None:
    """Write lines into a picture, uint8 [H, W, 3], each on a darkened ground so that it is legible on any."""
    scale = max(0.4, pixels.shape[0] / 480)
    size, width, step = 0.5 * scale, max(1, round(scale)), LINE * scale
    for number, line in enumerate(lines, row):
        ((length, _), _) = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, size, width)
        left = round(pixels.shape[1] - length - 8 * scale) if right else round((8 + column) * scale)
        base = round(step * number)
        top, bottom = round(base - 0.75 * step), round(base + 0.25 * step)
        ground = pixels[max(0, top) : bottom, max(0, left - 4) : left + length + 4]
        ground //= 3
        cv2.putText(pixels, line, (left, base), cv2.FONT_HERSHEY_SIMPLEX, size, colour, width, cv2.LINE_AA)
