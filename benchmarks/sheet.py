"""A contact sheet: pictures side by side under their names, small enough for a repository."""

from pathlib import Path

import cv2
import numpy as np

from realtime.images import Picture, write_picture
from realtime.media import Pixels

HEADER, GAP = 20, 2
LARGEST, SMALLEST, STEP = 192, 64, 8
DROPPED_BITS = 2  # of each sample: invisible, and a third of what PNG has to keep


def lay_out(titles: list[str], rows: list[list[Pixels]], *, side: int) -> Pixels:
    """Return rows of square pictures, scaled to `side` pixels, below their columns' titles."""
    sheet = np.full((HEADER + len(rows) * (side + GAP), len(titles) * (side + GAP), 3), 252, np.uint8)
    for column, title in enumerate(titles):
        place = column * (side + GAP) + 3, HEADER - 6
        cv2.putText(sheet, title, place, cv2.FONT_HERSHEY_SIMPLEX, side / 400, (0, 0, 0), 1, cv2.LINE_AA)
    for index, row in enumerate(rows):
        top = HEADER + index * (side + GAP)
        for column, picture in enumerate(row):
            left = column * (side + GAP)
            tile = np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
            sheet[top : top + side, left : left + side] = tile >> DROPPED_BITS << DROPPED_BITS
    return sheet


def write_sheet(path: Path, titles: list[str], rows: list[list[Pixels]], *, most_bytes: int = 1_000_000) -> None:
    """Write a contact sheet as PNG, its pictures as large as the file's size allows.

    Raises:
        SinkError: it cannot be written.
    """
    for side in range(LARGEST, SMALLEST - 1, -STEP):
        write_picture(path, Picture(lay_out(titles, rows, side=side)))
        if path.stat().st_size <= most_bytes:
            return
