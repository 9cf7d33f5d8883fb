"""The pictures that a run saves on its way: those that are asked for, else those of the preset's source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from impasto.engine import Step
from impasto.images import check_output
from impasto.plan import Plan
from impasto.session.destination import Destination


@dataclass(frozen=True)
class Series:
    """A picture every so many evaluations, under a `name` of its own.

    The last step has one if `whole`. `line` is what the source prints beside, a format of `done` and `loss`.
    """

    every: int
    evaluations: int
    name: Callable[[int], Path]
    whole: bool = False
    line: str = ""

    def due(self, step: Step) -> bool:
        """Whether `step` has a picture."""
        return step.done % self.every == 0 and (self.whole or not step.last)

    def check(self, *, after: int = 0, allowed: Callable[[Path], bool]) -> None:
        """Make sure that those `after` so many evaluations can be written; such as are `allowed` may exist.

        Raises:
            UsageError, OutputError: they cannot.
        """
        for done in range(self.every, self.evaluations + self.whole, self.every):
            if done > after:
                check_output(self.name(done), force=allowed(self.name(done)))


def series_of(plan: Plan, destination: Destination) -> Series:
    """NAME-0050.png, NAME-0100.png, ... with `save_every`; else the milestones of the preset, beside the result."""
    path, count, milestones = destination.path, plan.evaluations, plan.recipe.milestones
    if milestones and not destination.save_every:
        every, file, line = milestones.every, milestones.file, milestones.line
        return Series(every, count, lambda done: path.parent / file.format(done=done), whole=True, line=line)
    digits = max(4, len(str(count)))
    return Series(destination.save_every or count, count, lambda done: path.with_stem(f"{path.stem}-{done:0{digits}}"))
