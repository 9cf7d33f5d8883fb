"""The pictures that a run saves on its way: those that are asked for, else those of the preset's source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from impasto.engine import Step
from impasto.images import check_output
from impasto.run import Plan
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

    def paths(self, after: int = 0) -> Iterator[Path]:
        """The files that are still to be written `after` so many evaluations."""
        end = self.evaluations + self.whole
        return (self.name(done) for done in range(self.every, end, self.every) if done > after)

    def check(self, *, after: int = 0, allowed: Callable[[Path], bool]) -> None:
        """Make sure that they can be written; those that are `allowed` may exist.

        Raises:
            UsageError, OutputError: they cannot.
        """
        for path in self.paths(after):
            check_output(path, force=allowed(path))


def series_of(plan: Plan, destination: Destination) -> Series:
    """NAME-0050.png, NAME-0100.png, ... with `save_every`; else the milestones of the preset, beside the result."""
    path, asked, milestones = destination.path, destination.save_every, plan.recipe.milestones
    if milestones and not asked:
        names = milestones.file
        return Series(
            milestones.every,
            plan.evaluations,
            lambda done: path.parent / names.format(done=done),
            whole=True,
            line=milestones.line,
        )
    digits = max(4, len(str(plan.evaluations)))
    return Series(
        asked or plan.evaluations, plan.evaluations, lambda done: path.with_stem(f"{path.stem}-{done:0{digits}}")
    )
