"""The styles at hand, and the way from one to the next."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


class Palette:
    """Styles in order, one of them picked; a pick fades in, and a tour picks by itself.

    Changing a style is changing K numbers, so a fade is their weighted mean.

    Args:
        styles: names and vectors float32 [K], at least one.
        fade_seconds: how long a fade lasts, 0 for none.
        tour_seconds: how long a tour stays with a style, None for no tour.

    Attributes:
        index: of the picked style.
        blend: in [0, 1], how much of the style after it is mixed in.
    """

    def __init__(
        self, styles: Sequence[tuple[str, Vector]], *, fade_seconds: float = 1.0, tour_seconds: float | None = None
    ) -> None:
        if not styles:
            raise ValueError("a palette needs a style")
        self.styles = list(styles)
        self.fade_seconds, self.tour_seconds = fade_seconds, tour_seconds
        self.index = 0
        self.blend = 0.0
        self._from = self._shown = self.styles[0][1]
        self._began: float | None = float("-inf")
        self._picked_at: float | None = None

    @property
    def name(self) -> str:
        """What is painted with, for people."""
        name = self.styles[self.index][0]
        return f"{name} + {self.blend:.0%} {self.styles[self._after][0]}" if self.blend else name

    @property
    def _after(self) -> int:
        return (self.index + 1) % len(self.styles)

    def pick(self, index: int) -> None:
        """Fade to a style; a number that no style has does nothing."""
        if 0 <= index < len(self.styles) and index != self.index:
            self.index, self._from, self._began = index, self._shown, None

    def step(self, count: int) -> None:
        """Fade to the next style, or with -1 to the one before."""
        self.pick((self.index + count) % len(self.styles))

    def add(self, name: str, vector: Vector) -> None:
        """Add a style at the end, or replace the one of that name."""
        names = [known for known, _ in self.styles]
        if name in names:
            self.styles[names.index(name)] = name, vector
        else:
            self.styles.append((name, vector))

    def at(self, seconds: float) -> Vector:
        """Return the vector to paint with at a time of the stream; times must not fall."""
        self._tour(seconds)
        if self._began is None:
            self._began = self._picked_at = seconds
        passed = seconds - self._began
        target = self._target()
        if passed >= self.fade_seconds:
            self._from = self._shown = target
        else:
            part = passed / self.fade_seconds
            self._shown = mix(self._from, target, part * part * (3 - 2 * part))  # no jolt at either end
        return self._shown

    def _tour(self, seconds: float) -> None:
        if self._picked_at is None:
            self._picked_at = seconds
        if self.tour_seconds is not None and seconds - self._picked_at >= self.tour_seconds:
            self._picked_at = seconds
            self.step(1)

    def _target(self) -> Vector:
        vector = self.styles[self.index][1]
        return mix(vector, self.styles[self._after][1], self.blend) if self.blend else vector


def mix(one: Vector, other: Vector, part: float) -> Vector:
    """Return float32 [K] on the way from one vector to the other; part 0 is the one, 1 the other."""
    return np.asarray((1 - part) * one + part * other, np.float32)
