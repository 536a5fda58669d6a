"""The picture of a benchmark: a bar for each figure, on a scale of powers of ten."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from realtime.bench import Row
from realtime.media import Pixels

FONT, SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.5
LINE, TOP, LEFT, RIGHT, PLOT = 26, 96, 330, 190, 640  # pixels
INK, FAINT, ROOF = (40, 40, 40), (215, 215, 215), (60, 60, 200)
COLOURS = {  # BGR
    "tensors": (186, 140, 60),
    "bytes": (150, 170, 70),
    "stream": (190, 120, 160),
    "pipeline": (80, 160, 225),
}
MEANINGS = {"tensors": "on the device", "bytes": "to bytes", "stream": "overlapped", "pipeline": "file to file"}


def draw(rows: Sequence[Row], *, title: str, machine: str) -> Pixels:
    """Return the picture: frames a second at the median with the 5th to 95th percentile, and the roofline as a mark.

    Args:
        rows: those that were left out are not drawn.
        title: stands above.
        machine: the line below it.

    Returns:
        uint8 [H, W, 3] BGR.
    """
    groups: dict[tuple[tuple[int, int], int], list[Row]] = {}
    for row in rows:
        if row.fps:
            groups.setdefault((row.size, row.batch), []).append(row)
    count = sum(len(group) + 1 for group in groups.values())
    height = TOP + LINE * (count + 3)
    picture = np.full((height, LEFT + PLOT + RIGHT, 3), 255, np.uint8)
    write(picture, title, (16, 30), scale=0.7)
    write(picture, machine, (16, 54), scale=0.42)
    legend(picture, 78)
    drawn = [row for group in groups.values() for row in group]
    axis = Axis([value for row in drawn for value in reach(row)])
    axis.draw(picture, TOP, height - 2 * LINE)
    y = TOP
    for (size, batch), group in groups.items():
        write(picture, f"{size[1]}x{size[0]}, batch {batch}", (16, y + 18), scale=0.55)
        y += LINE
        for row in group:
            bar(picture, row, axis, y)
            y += LINE
    write(picture, "frames a second", (LEFT + PLOT // 2 - 60, height - 12))
    return picture


class Axis:
    """Frames a second to pixels, by powers of ten."""

    def __init__(self, values: Sequence[float]) -> None:
        logs = [math.log10(value) for value in values] or [0.0]
        self.low, self.high = math.floor(min(logs)), max(math.floor(min(logs)) + 1, math.ceil(max(logs)))

    def x(self, value: float) -> int:
        return LEFT + round(PLOT * (math.log10(value) - self.low) / (self.high - self.low))

    def draw(self, picture: Pixels, top: int, bottom: int) -> None:
        for power in range(self.low, self.high + 1):
            for digit in (1, 2, 5):
                value = digit * 10.0**power
                if value <= 10.0**self.high:
                    x = self.x(value)
                    cv2.line(picture, (x, top), (x, bottom), FAINT, 1)
                    write(picture, f"{value:g}", (x - 4 * len(f"{value:g}"), bottom + 20), scale=0.42)


def reach(row: Row) -> list[float]:
    """Return the frames a second that a row shows: percentiles, and what the roofline would give."""
    times = [row.p5_ms, row.p50_ms, row.p95_ms, row.bound_ms]
    return [row.batch * 1e3 / each for each in times if each]


def bar(picture: Pixels, row: Row, axis: Axis, y: int) -> None:
    """Draw a figure, its spread and its roof."""
    assert row.p5_ms and row.p95_ms and row.fps  # noqa: S101, PT018
    start, end = axis.x(10.0**axis.low), axis.x(row.fps)
    middle = y + LINE // 2
    write(picture, f"{row.engine}, {row.stage}", (40, middle + 5))
    cv2.rectangle(picture, (start, y + 4), (end, y + LINE - 4), COLOURS[row.stage], cv2.FILLED)
    low, high = (axis.x(row.batch * 1e3 / each) for each in (row.p95_ms, row.p5_ms))
    cv2.line(picture, (low, middle), (high, middle), INK, 1, cv2.LINE_AA)
    for x in (low, high):
        cv2.line(picture, (x, middle - 4), (x, middle + 4), INK, 1)
    label = max(end, high) + 8
    if row.bound_ms:
        roof = axis.x(row.batch * 1e3 / row.bound_ms)
        cv2.line(picture, (roof, y + 2), (roof, y + LINE - 2), ROOF, 2)
        label = roof + 8 if roof - label in range(-8, 100) else label
    share = f" ({row.reached:.0%})" if row.reached else ""
    write(picture, f"{row.fps:.{0 if row.fps >= 100 else 1}f} fps{share}", (label, middle + 5))


def legend(picture: Pixels, y: int) -> None:
    """Tell what colours and marks mean."""
    x = 16
    for stage, words in MEANINGS.items():
        cv2.rectangle(picture, (x, y - 10), (x + 14, y), COLOURS[stage], cv2.FILLED)
        write(picture, f"{stage}: {words}", (x + 20, y))
        x += 190
    cv2.line(picture, (x + 6, y - 12), (x + 6, y + 2), ROOF, 2)
    write(picture, "roofline; in brackets what of it was reached", (x + 20, y))


def write(picture: Pixels, text: str, place: tuple[int, int], *, scale: float = SCALE) -> None:
    """Write a line; `place` is its lower left corner."""
    cv2.putText(picture, text, place, FONT, scale, INK, 1, cv2.LINE_AA)
