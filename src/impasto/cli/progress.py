"""What a person, a pipe or a program sees while a picture is being made."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import Protocol

from impasto.cli.waiting import on_terminal
from impasto.engine import Step
from impasto.schedule import Level
from impasto.session.clock import Clock, duration


class Reporter(Protocol):
    """Told of every step; used as a context manager around the run."""

    def __enter__(self) -> Reporter: ...

    def __exit__(self, *exception: object) -> None: ...

    def step(self, step: Step) -> None:
        """Show it, or not."""
        ...


def terms_in_words(step: Step) -> list[str]:
    """`content 0.31`, `style 0.12`: terms added up by kind."""
    sums: dict[str, float] = {}
    for name, value in step.terms.items():
        kind = name.split("/")[0]
        sums[kind] = sums.get(kind, 0.0) + value
    return [f"{kind} {value:.3g}" for kind, value in sums.items() if value >= 5e-5 * step.loss]


class Silent:
    """Says nothing."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def step(self, step: Step) -> None:
        """Nothing."""


class Plain(Silent):
    """A line at the end of each level and every few seconds, for logs and pipes."""

    def __init__(self, levels: Sequence[Level], unit: str = "level", every: float = 5.0):
        self._clock = Clock(levels)
        self._unit = unit
        self._every = every
        self._last = time.perf_counter()

    def step(self, step: Step) -> None:
        """A line, if it is time for one."""
        now = time.perf_counter()
        if now - self._last < self._every and step.iteration != step.iterations:
            return
        self._last = now
        width, height = step.size
        print(
            f"{self._unit} {step.level}/{step.levels} {width}x{height}  {step.iteration}/{step.iterations}  "
            f"loss {step.loss:.4g}  {'  '.join(terms_in_words(step))}  {duration(self._clock.left(step))} left",
            file=sys.stderr,
            flush=True,
        )


class Json(Silent):
    """One JSON record per step on standard output."""

    def step(self, step: Step) -> None:
        """The record, on a line of its own."""
        print(json.dumps({"event": "step", **step.record()}), flush=True)


class Live(Silent):
    """A line that is redrawn in place on a terminal; where it is narrow, the terms are cut first."""

    def __init__(self, levels: Sequence[Level], unit: str = "level"):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        self._clock = Clock(levels)
        self._unit = unit
        self._drawn = 0.0
        self._bar = Progress(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            BarColumn(bar_width=12),
            TextColumn("{task.percentage:3.0f}%", table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[left]} left", table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[terms]}", style="dim", table_column=Column(no_wrap=True, ratio=1)),
            console=Console(file=sys.stderr),
            auto_refresh=False,
            transient=True,
            expand=True,
        )
        self._task = self._bar.add_task("starting", total=1.0, left="?", terms="")

    def __enter__(self) -> Live:
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def step(self, step: Step) -> None:
        """Redraw, ten times a second at most."""
        now = time.perf_counter()
        if now - self._drawn < 0.1 and not step.last:
            return
        self._drawn = now
        width, height = step.size
        self._bar.update(
            self._task,
            description=f"{self._unit} {step.level}/{step.levels} {width}x{height}  {step.iteration}/{step.iterations}",
            completed=self._clock.fraction(step),
            left=duration(self._clock.left(step)),
            terms="  ".join(terms_in_words(step)),
            refresh=True,
        )


def reporter(levels: Sequence[Level], *, quiet: bool, as_json: bool, unit: str = "level") -> Reporter:
    """The right one for who is looking; `unit` is the word for a level."""
    if as_json:
        return Json()
    if quiet or sys.stderr is None:
        return Silent()
    return Live(levels, unit) if on_terminal() else Plain(levels, unit)
