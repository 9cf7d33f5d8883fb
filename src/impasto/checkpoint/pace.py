"""How often a run stops to be kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from impasto.checkpoint.snapshots import pack
from impasto.engine import Step

_SLOW_DISK = 100e6  # bytes a second


@dataclass
class Pace:
    """When a snapshot is due: at the end of a level, and in between as often as `share` of the run's time allows.

    `interval` is the least number of seconds between two, `first` those before the first. What a snapshot costs is
    measured; before the first, a disk is taken to write `_SLOW_DISK` bytes a second.
    """

    interval: float = 60.0
    first: float = 10.0
    share: float = 0.02
    clock: Callable[[], float] = time.monotonic
    _rate: float = field(default=1 / _SLOW_DISK, init=False)
    _last: float = field(init=False)
    _wait: float = field(init=False)

    def __post_init__(self) -> None:
        self._last, self._wait = self.clock(), min(self.first, self.interval)

    def due(self, step: Step) -> bool:
        """Whether to write one after `step`."""
        if step.iteration == step.iterations:
            return True
        waited = self.clock() - self._last
        return waited >= self._wait and waited >= pack(step.snapshot).bytes * self._rate / self.share

    def wrote(self, size: int, seconds: float) -> None:
        """Learn that a snapshot of `size` bytes took so long."""
        self._rate = seconds / max(size, 1)
        self._last, self._wait = self.clock(), self.interval
