"""How far a run is, and how long it will take from there."""

from __future__ import annotations

from collections.abc import Sequence

from impasto.engine import Step
from impasto.schedule import Level


class Clock:
    """Time left, from the pixels that have been evaluated and those that will be."""

    def __init__(self, levels: Sequence[Level]):
        self._levels = levels
        self._total = sum(level.height * level.width * level.iterations for level in levels)

    def fraction(self, step: Step) -> float:
        """How much of the work is done, 0 to 1."""
        done = sum(level.height * level.width * level.iterations for level in self._levels[: step.level - 1])
        level = self._levels[step.level - 1]
        return (done + level.height * level.width * step.iteration) / self._total

    def left(self, step: Step) -> float:
        """Seconds left, if the rest goes as the work so far."""
        fraction = self.fraction(step)
        return step.seconds * (1 - fraction) / fraction
