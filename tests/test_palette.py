import numpy as np
import pytest
from numpy.typing import NDArray

from realtime.controls import ESCAPE, KEYS, Controls
from realtime.palette import Palette

NAMES = ("night", "wave", "scream")


def vector(value: float) -> NDArray[np.float32]:
    return np.full(4, value, np.float32)


def palette(*, fade_seconds: float = 1.0, tour_seconds: float | None = None) -> Palette:
    styles = [(name, vector(float(i))) for i, name in enumerate(NAMES)]
    return Palette(styles, fade_seconds=fade_seconds, tour_seconds=tour_seconds)


def test_a_pick_fades_without_a_jump() -> None:
    colours = palette()
    colours.at(0.0)
    colours.step(1)
    values = [float(colours.at(5 + i / 30)[0]) for i in range(40)]
    assert values[0] == 0
    assert values[-1] == 1
    assert values == sorted(values)
    assert np.diff(values).max() < 0.06


def test_a_pick_during_a_fade_starts_from_what_is_shown() -> None:
    colours = palette()
    colours.at(0.0)
    colours.pick(2)
    colours.at(1.0)
    half = colours.at(1.5)[0]
    colours.pick(0)
    assert colours.at(1.51)[0] == pytest.approx(half)
    assert colours.at(2.6)[0] == 0


def test_without_a_fade_the_style_is_there_at_once() -> None:
    colours = palette(fade_seconds=0.0)
    colours.pick(2)
    assert colours.at(0.0)[0] == 2


def test_styles_follow_one_another_in_a_ring() -> None:
    colours = palette()
    colours.step(-1)
    assert colours.name == "scream"
    colours.step(1)
    assert colours.name == "night"
    colours.pick(7)
    assert colours.name == "night"


def test_a_blend_mixes_the_next_style_in() -> None:
    colours = palette()
    colours.blend = 0.25
    assert colours.at(0.0)[0] == pytest.approx(0.25)
    assert colours.name == "night + 25% wave"


def test_a_tour_visits_every_style() -> None:
    colours = palette(fade_seconds=0.5, tour_seconds=2.0)
    seen = []
    for i in range(90):
        colours.at(i / 10)
        seen.append(colours.index)
    assert [seen[i * 10] for i in (0, 1, 3, 5, 7)] == [0, 0, 1, 2, 0]


def test_a_style_can_be_added_and_replaced() -> None:
    colours = palette(fade_seconds=0.0)
    colours.add("new", vector(9))
    colours.add("night", vector(5))
    assert colours.at(0.0)[0] == 5
    colours.step(-1)
    assert (colours.name, colours.at(0.1)[0]) == ("new", 9)


def test_keys_move_within_their_range() -> None:
    controls = Controls(palette())
    for _ in range(15):
        controls.press(ord("-"))
    assert controls.strength == 0
    for _ in range(15):
        controls.press(ord("+"))
    assert controls.strength == 1
    controls.press(ord("["))
    assert controls.steadiness == 0.9
    controls.press(ord("]"))
    assert controls.steadiness == 1.0
    controls.press(ord("."))
    controls.press(ord("."))
    controls.press(ord(","))
    assert controls.palette.blend == 0.1


@pytest.mark.parametrize(
    ("key", "name"),
    [("v", "split"), ("m", "mirrored"), (" ", "frozen"), ("o", "overlay"), ("f", "fullscreen"), ("r", "recording"),
     ("h", "help"), ("c", "colour")],
)  # fmt: skip
def test_a_key_pressed_twice_changes_nothing(key: str, name: str) -> None:
    controls = Controls(palette())
    before = getattr(controls, name)
    controls.press(ord(key))
    assert getattr(controls, name) != before
    controls.press(ord(key))
    assert getattr(controls, name) == before


def test_digits_pick_and_letters_step() -> None:
    controls = Controls(palette())
    controls.press(ord("3"))
    assert controls.palette.index == 2
    controls.press(ord("n"))
    assert controls.palette.index == 0
    controls.press(ord("p"))
    assert controls.palette.index == 2


def test_q_and_escape_leave_and_s_keeps_a_picture() -> None:
    for code in (ord("q"), ESCAPE):
        controls = Controls(palette())
        controls.press(code)
        assert controls.ended
    controls = Controls(palette())
    controls.press(ord("s"))
    assert controls.snapshots == 1


@pytest.mark.parametrize("code", [-1, 0, 7, 200, 0x10FF53, ord("~")])
def test_other_keys_do_nothing(code: int) -> None:
    controls, fresh = Controls(palette()), Controls(palette())
    controls.press(code)
    controls.palette = fresh.palette
    assert controls == fresh


def test_the_help_tells_of_every_key() -> None:
    assert all(key.says for key in KEYS.values())
