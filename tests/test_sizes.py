from fractions import Fraction

import numpy as np
import pytest

from realtime.sizes import parse_size, short_side, stretched, to_size

NATIVE = (1080, 1920)


@pytest.mark.parametrize(
    ("text", "native", "size"),
    [
        ("native", NATIVE, NATIVE),
        ("1280x720", NATIVE, (720, 1280)),
        ("1280X720", NATIVE, (720, 1280)),
        ("720p", NATIVE, (720, 1280)),
        ("720p", (1920, 1080), (1280, 720)),
        ("101p", (200, 300), (101, 152)),
    ],
)
def test_a_size_is_read_as_people_write_it(text: str, native: tuple[int, int], size: tuple[int, int]) -> None:
    assert parse_size(text, native=native) == size


def test_the_open_side_is_even_for_video() -> None:
    assert parse_size("480p", native=(576, 1023), even=True) == (480, 852)


@pytest.mark.parametrize("text", ["", "0", "big", "-5x10", "1280", "1280x", "12.5p", "1e3x100", "0x0", "0p", "7p"])
def test_what_is_no_size_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no size|choose 8 to 16384") as wrong:
        parse_size(text, native=NATIVE)
    assert text in str(wrong.value)


def test_a_size_beyond_what_encoders_take_is_refused() -> None:
    with pytest.raises(ValueError, match="choose 8 to 16384"):
        parse_size("16385x100", native=NATIVE)


def test_the_short_side_sets_the_scale() -> None:
    assert short_side((100, 400), 50) == (50, 200)
    assert short_side((400, 100), 50) == (200, 50)


def test_a_sliver_keeps_a_width() -> None:
    assert short_side((10_000, 8), 8, step=2) == (10_000, 8)


def test_pictures_of_the_right_size_are_not_copied() -> None:
    pixels = np.zeros((8, 9, 3), np.uint8)
    assert to_size(pixels, (8, 9)) is pixels
    assert to_size(pixels, (16, 18)).shape == (16, 18, 3)
    assert to_size(pixels[:, :, 0], (4, 3)).shape == (4, 3)


def test_rounding_to_even_pixels_leaves_the_aspect_alone() -> None:
    assert stretched(Fraction(1), (1080, 1920), (480, 854)) == 1


def test_a_stretched_picture_is_shown_in_its_old_shape() -> None:
    assert stretched(Fraction(1), (100, 200), (100, 100)) == 2
    assert stretched(Fraction(4, 3), (100, 200), (50, 200)) == Fraction(2, 3)
