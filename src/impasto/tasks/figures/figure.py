"""Runs, the panels that come of them, and how the panels lie on the page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from string import ascii_lowercase
from typing import Any

from impasto.engine import Step
from impasto.run import Run
from impasto.schedule import Level
from impasto.tasks.figures.curve import Curve
from impasto.tasks.figures.materials import Materials
from impasto.tasks.figures.measures import Measure, errors
from impasto.tasks.figures.plate import Plate
from impasto.tasks.figures.sheet import Panel


@dataclass(frozen=True)
class Event:
    """What is new in a figure: a step of one of its runs, or a panel, or a curve.  The other two are None."""

    step: Step | None = None
    panel: Panel | None = None
    curve: Curve | None = None

    def record(self) -> dict[str, Any]:
        """Which of them it is, and that one as plain JSON values."""
        ((kind, news),) = ((kind, news) for kind, news in vars(self).items() if news is not None)
        return {"event": kind, **news.record()}


@dataclass(frozen=True)
class Experiment:
    """A run whose result becomes a panel, with the numbers that `measure` finds."""

    run: Run
    caption: str = ""
    label: str = ""
    measure: Measure = errors

    def __iter__(self) -> Iterator[Event]:
        """The steps of the run, then the panel."""
        for step in self.run:
            yield Event(step)
        yield Event(panel=Panel(step.image, self.caption, self.label, self.measure(self.run, step.image)))


def labelled(runs: Sequence[Run], caption: Callable[[Run], str], measure: Measure = errors) -> list[Experiment]:
    """An experiment of each run, with labels (a), (b), ..."""
    letters = zip(runs, ascii_lowercase, strict=False)
    return [Experiment(run, caption(run), f"({letter})", measure) for run, letter in letters]


@dataclass(frozen=True)
class Figure:
    """A figure that is ready to be computed.

    Iterating it carries out its runs, and gives each step, numbered over all runs with a run in the place of a level,
    each panel and each curve as soon as it is known.  `arrange` lays the panels out; curves stand below them.
    """

    name: str
    materials: Materials = field(repr=False)
    runs: tuple[Run, ...] = field(repr=False)
    events: Callable[[], Iterator[Event]] = field(repr=False)
    arrange: Callable[[Sequence[Panel]], Plate] = field(repr=False)

    def __iter__(self) -> Iterator[Event]:
        began, before, number = time.perf_counter(), 0, 1
        for event in self.events():
            step = event.step
            if step is None:
                yield event
                continue
            place: Any = {"level": number, "levels": len(self.runs), "iteration": step.done, "iterations": step.total}
            done, seconds = before + step.done, time.perf_counter() - began
            yield Event(replace(step, **place, done=done, total=self.evaluations, seconds=seconds))
            if step.last:
                before, number = done, number + 1

    @property
    def levels(self) -> tuple[Level, ...]:
        """One for each run: the size of its result, and its evaluations."""
        return tuple(replace(run.plan.levels[-1], iterations=run.plan.evaluations) for run in self.runs)

    @property
    def evaluations(self) -> int:
        """Evaluations of all runs."""
        return sum(run.plan.evaluations for run in self.runs)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know before the figure is computed, each once."""
        return tuple(dict.fromkeys((*self.materials.notes, *(note for run in self.runs for note in run.plan.notes))))

    def plate(self, events: Sequence[Event]) -> Plate:
        """What iterating gave, laid out."""
        plate = self.arrange([event.panel for event in events if event.panel is not None])
        curves = (event.curve for event in events if event.curve is not None)
        return replace(plate, bands=(*plate.bands, *curves))

    def computed(self) -> Plate:
        """The whole figure, without a word meanwhile."""
        return self.plate([event for event in self if event.step is None])

    def summary(self) -> dict[str, str]:
        """What will be done, in words."""
        encoder, sizes = self.materials.encoder, dict.fromkeys(f"{level.width}x{level.height}" for level in self.levels)
        return {
            "figure": self.name,
            "encoder": f"{encoder.name} ({encoder.pooling} pooling, {encoder.padding} padding)",
            "device": str(encoder.device),
            "size": ", ".join(sizes) or str(self.materials.size),
            "pictures to make": str(len(self.runs)),
            "evaluations": str(self.evaluations),
        }


def compared(
    name: str, materials: Materials, experiments: Sequence[Experiment], arrange: Callable[[Sequence[Panel]], Plate]
) -> Figure:
    """The figure of experiments that are carried out one after another."""
    runs = tuple(experiment.run for experiment in experiments)
    return Figure(name, materials, runs, partial(chain.from_iterable, experiments), arrange)
