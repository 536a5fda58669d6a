"""What a person can change while a live run goes on, and the keys that change it."""

from collections.abc import Callable
from dataclasses import dataclass

from realtime.palette import Palette
from realtime.stylizer import Steadiness

STEP = 0.1
ESCAPE = 27


@dataclass
class Controls:
    """The state behind the keys and sliders; changed in the main thread, read for every frame.

    Attributes:
        palette: the styles, the picked one, and the blend with the next.
        strength, steadiness, colour: as of `Stylizer`.
        mirrored: left and right are exchanged, before painting.
        split: the window shows source and painting side by side.
        frozen: the picture stands, the painting of it goes on.
        overlay, help: what the window writes over the painting.
        fullscreen: whether the window fills the screen.
        recording: whether the painting is recorded.
        snapshots: how many more pictures to keep.
        ended: the person wants to leave.
    """

    palette: Palette
    strength: float = 1.0
    steadiness: Steadiness = "auto"
    colour: float = 0.0
    mirrored: bool = False
    split: bool = False
    frozen: bool = False
    overlay: bool = True
    help: bool = False
    fullscreen: bool = False
    recording: bool = False
    snapshots: int = 0
    ended: bool = False

    def press(self, code: int) -> None:
        """Do what a key stands for; other keys do nothing.

        Args:
            code: of the character typed, as OpenCV gives it.
        """
        if code == ESCAPE:
            self.ended = True
        elif ord("1") <= code <= ord("9"):
            self.palette.pick(code - ord("1"))
        elif 0 < code < 128 and (key := KEYS.get("+" if chr(code) == "=" else chr(code))):  # + without shift
            key.do(self)

    def turn_strength(self, by: float) -> None:
        self.strength = stepped(self.strength, by)

    def turn_steadiness(self, by: float) -> None:
        self.steadiness = stepped(1.0 if self.steadiness == "auto" else self.steadiness, by)

    def turn_blend(self, by: float) -> None:
        self.palette.blend = stepped(self.palette.blend, by)

    def toggle(self, name: str) -> None:
        setattr(self, name, not getattr(self, name))

    def toggle_colour(self) -> None:
        self.colour = 0.0 if self.colour else 1.0

    def take_snapshot(self) -> None:
        self.snapshots += 1

    def end(self) -> None:
        self.ended = True


@dataclass(frozen=True, slots=True)
class Key:
    """What a key does, and what the help says of it."""

    do: Callable[[Controls], None]
    says: str


def toggling(name: str, says: str) -> Key:
    return Key(lambda controls: controls.toggle(name), says)


KEYS = {
    "n": Key(lambda controls: controls.palette.step(1), "next style (1-9 pick one)"),
    "p": Key(lambda controls: controls.palette.step(-1), "style before"),
    "+": Key(lambda controls: controls.turn_strength(STEP), "stronger"),
    "-": Key(lambda controls: controls.turn_strength(-STEP), "weaker"),
    "]": Key(lambda controls: controls.turn_steadiness(STEP), "steadier"),
    "[": Key(lambda controls: controls.turn_steadiness(-STEP), "livelier"),
    ".": Key(lambda controls: controls.turn_blend(STEP), "more of the next style"),
    ",": Key(lambda controls: controls.turn_blend(-STEP), "less of the next style"),
    "c": Key(Controls.toggle_colour, "keep the colours"),
    "v": toggling("split", "source beside painting"),
    "m": toggling("mirrored", "mirror"),
    " ": toggling("frozen", "freeze"),
    "s": Key(Controls.take_snapshot, "snapshot (PNG)"),
    "r": toggling("recording", "start and stop recording"),
    "o": toggling("overlay", "figures on and off"),
    "f": toggling("fullscreen", "full screen"),
    "h": toggling("help", "this help"),
    "q": Key(Controls.end, "quit (also Esc)"),
}


def stepped(value: float, by: float) -> float:
    """Return a value moved within [0, 1], on whole steps so that 1 - 10 steps is 0."""
    return min(1.0, max(0.0, round(value + by, 6)))
