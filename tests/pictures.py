"""Pictures that the tests make and recognise."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.images import Picture
from realtime.media import Pixels

RED, GREEN, BLUE, WHITE = (0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 255)


def quarters(height: int = 32, width: int = 48) -> Pixels:
    """Red and green above, blue and white below."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = BLUE, WHITE
    return pixels


def corners(picture: Picture) -> str:
    """The colours of the corners in reading order, by their first letters."""
    names = {RED: "r", GREEN: "g", BLUE: "b", WHITE: "w"}
    found = [picture.pixels[y, x].astype(int) for y in (4, -5) for x in (4, -5)]
    return "".join(names[min(names, key=lambda name: int(np.abs(each - name).sum()))] for each in found)


def encoded(suffix: str, pixels: NDArray[np.integer | np.floating]) -> bytes:
    data: bytes = cv2.imencode(suffix, pixels)[1].tobytes()
    return data


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
