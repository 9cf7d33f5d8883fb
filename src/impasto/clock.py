"""How far a run is, how long it will take from there, and when it is time to look at it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


class Seldom:
    """When something beside a run is due: `apart` seconds after the last at least, and for a `share` of all time.

    What it takes is measured: the more, the longer until the next.
    """

    def __init__(self, apart: float, share: float):
        self._apart, self._share = apart, share
        self._next = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time."""
        return time.perf_counter() >= self._next

    @contextmanager
    def doing(self) -> Iterator[None]:
        """Within the block it is done, whether it was due or not."""
        began = time.perf_counter()
        yield
        now = time.perf_counter()
        self._next = now + max(self._apart, (now - began) / self._share)
