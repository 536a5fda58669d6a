"""Sizes as people write them, and pictures brought to them."""

import re
from fractions import Fraction

import cv2

from realtime.media import Pixels

LONGEST = 16384


def parse_size(text: str, *, native: tuple[int, int], even: bool = False) -> tuple[int, int]:
    """Read a size as height and width.

    Args:
        text: "native"; "1280x720", width first; or "720p", which sets the short side and keeps the aspect.
        native: height and width of the source.
        even: round what "720p" leaves open to even numbers, as video codecs like them.

    Raises:
        ValueError: it is no size, or not between 8 and 16384 pixels a side.
    """
    if text == "native":
        return native
    if match := re.fullmatch(r"(\d{1,6})p", text):
        size = short_side(native, int(match[1]), step=2 if even else 1)
    elif match := re.fullmatch(r"(\d{1,6})[xX](\d{1,6})", text):
        size = int(match[2]), int(match[1])
    else:
        raise ValueError(f"{text!r} is no size: write 1280x720, 720p or native")
    if not (min(size) >= 8 and max(size) <= LONGEST):
        raise ValueError(f"the size {text} makes {size[1]}x{size[0]} pixels: choose 8 to {LONGEST} a side")
    return size


def short_side(size: tuple[int, ...], length: int, *, step: int = 1) -> tuple[int, int]:
    """Scale height and width so that the shorter has a length, the other rounded to a multiple of a step."""
    height, width = size[:2]
    scale = length / min(height, width)
    if height <= width:
        return length, max(step, round(width * scale / step) * step)
    return max(step, round(height * scale / step) * step), length


def to_size(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Resize uint8 [H, W] or [H, W, 3] to this height and width; the same array where it has them."""
    if pixels.shape[:2] == size:
        return pixels
    shrinks = pixels.shape[0] >= size[0] and pixels.shape[1] >= size[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(pixels, (size[1], size[0]), interpolation=interpolation).astype(pixels.dtype, copy=False)


def stretched(aspect: Fraction, old: tuple[int, int], new: tuple[int, int]) -> Fraction:
    """Return the sample aspect ratio that shows a resized picture in its old shape.

    Rounding to whole, even pixels is no stretching: up to 1 % the ratio stays.
    """
    stretch = Fraction(old[1] * new[0], old[0] * new[1])
    return aspect if abs(stretch - 1) <= 0.01 else (aspect * stretch).limit_denominator(1000)
