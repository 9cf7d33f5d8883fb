"""Runs, the panels that come of them, and how the panels lie on the page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from impasto.engine import Step
from impasto.schedule import Level
from impasto.tasks.figures.bench import Bench
from impasto.tasks.figures.measures import Measure, errors
from impasto.tasks.figures.panel import Curve, Panel
from impasto.tasks.figures.plate import Plate
from impasto.tasks.run import Run

Item = Step | Panel | Curve
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Experiment:
    """A run whose result becomes a panel, with the numbers that `measure` finds."""

    run: Run
    caption: str = ""
    label: str = ""
    measure: Measure = errors

    def panel(self, image: Tensor) -> Panel:
        """The finished picture."""
        return Panel(image.clamp(0, 1).cpu(), self.caption, self.label, self.measure(self.run, image))


@dataclass(frozen=True)
class Figure:
    """A figure that is ready to be computed.

    Iterating it carries out its runs: it gives every `Step`, numbered over all runs with a run in the place of a level,
    and each `Panel` or `Curve` as soon as it is known.  `plate` lays them out.
    """

    name: str
    bench: Bench = field(repr=False)
    runs: tuple[Run, ...] = field(repr=False)
    items: Callable[[], Iterator[Item]] = field(repr=False)
    arrange: Callable[[Sequence[Panel | Curve]], Plate] = field(repr=False)

    def __iter__(self) -> Iterator[Item]:
        return numbered(self.items(), self.levels)

    @property
    def levels(self) -> tuple[Level, ...]:
        """One for each run: the size of its result, and its evaluations."""
        return tuple(replace(run.plan.levels[-1], iterations=run.plan.evaluations) for run in self.runs)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know before the figure is computed, each once."""
        return tuple(dict.fromkeys((*self.bench.notes, *(note for run in self.runs for note in run.plan.notes))))

    def plate(self, shown: Sequence[Panel | Curve]) -> Plate:
        """What iterating gave apart from steps, laid out."""
        return self.arrange(shown)

    def computed(self) -> Plate:
        """The whole figure, without a word meanwhile."""
        return self.plate([item for item in self if not isinstance(item, Step)])

    def summary(self) -> dict[str, str]:
        """What will be done, in words."""
        encoder, sizes = self.bench.encoder, dict.fromkeys(f"{level.width}x{level.height}" for level in self.levels)
        return {
            "figure": self.name,
            "encoder": f"{encoder.name} ({encoder.pooling} pooling, {encoder.padding} padding)",
            "device": str(encoder.device),
            "size": ", ".join(sizes) or str(self.bench.size),
            "pictures to make": str(len(self.runs)),
            "evaluations": str(sum(level.iterations for level in self.levels)),
        }


def finished(experiments: Sequence[Experiment]) -> Iterator[Item]:
    """The steps of one experiment after another, each followed by its panel."""
    for experiment in experiments:
        image = None
        for step in experiment.run:
            yield step
            image = step.image
        assert image is not None, "a run has at least one step"
        yield experiment.panel(image)


def numbered(items: Iterator[Item], levels: Sequence[Level]) -> Iterator[Item]:
    """The same, with steps counted over all runs."""
    began, before, number = time.perf_counter(), 0, 1
    total = sum(level.iterations for level in levels)
    for item in items:
        if not isinstance(item, Step):
            yield item
            continue
        yield replace(
            item,
            level=number,
            levels=len(levels),
            iteration=item.done,
            iterations=item.total,
            done=before + item.done,
            total=total,
            seconds=time.perf_counter() - began,
        )
        if item.last:
            before, number = before + item.total, number + 1
