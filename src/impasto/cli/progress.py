"""The steps of a run as a person or a log sees them while a picture is being made."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import click

from impasto.cli.terminal import can_redraw
from impasto.engine import Step
from impasto.schedule import Level
from impasto.session.clock import Clock, duration


class Reporter:
    """A line at the end of each level and every few seconds, for logs and pipes; `unit` is the word for a level."""

    every = 5.0  # seconds

    def __init__(self, levels: Sequence[Level], unit: str = "level"):
        self._clock, self._unit, self._shown = Clock(levels), unit, time.perf_counter()

    def step(self, step: Step) -> None:
        """Show it, if it is time to."""
        now = time.perf_counter()
        if now - self._shown >= self.every or step.iteration == step.iterations:
            self._shown = now
            where = f"{self._unit} {step.level}/{step.levels} {step.size[0]}x{step.size[1]}"
            left = f"{duration(self._clock.left(step))} left"
            self._show(step, f"{where}  {step.iteration}/{step.iterations}", _terms_in_words(step), left)

    def close(self) -> None:
        """Take away what is redrawn."""

    def _show(self, step: Step, where: str, terms: str, left: str) -> None:
        click.echo(f"{where}  loss {step.loss:.4g}  {terms}  {left}", err=True)


class Live(Reporter):
    """A line that is redrawn in place on a terminal; where it is narrow, the terms are cut first."""

    every = 0.1

    def __init__(self, levels: Sequence[Level], unit: str = "level"):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        super().__init__(levels, unit)
        texts = ("{task.description}", "{task.percentage:3.0f}%", "{task.fields[left]}")
        where, percentage, left = (TextColumn(t, markup=False, table_column=Column(no_wrap=True)) for t in texts)
        terms = TextColumn("{task.fields[terms]}", style="dim", table_column=Column(no_wrap=True, ratio=1))
        parts = (where, BarColumn(bar_width=12), percentage, left, terms)
        console = Console(file=sys.stderr)
        self._bar = Progress(*parts, console=console, auto_refresh=False, transient=True, expand=True)
        self._task = self._bar.add_task("starting", total=1.0, left="? left", terms="")
        self._bar.start()

    def close(self) -> None:
        """Take the line away."""
        self._bar.stop()

    def _show(self, step: Step, where: str, terms: str, left: str) -> None:
        done = self._clock.fraction(step)
        self._bar.update(self._task, description=where, completed=done, left=left, terms=terms, refresh=True)


def reporter(levels: Sequence[Level], unit: str = "level") -> Reporter:
    """The right one for who is looking."""
    return (Live if can_redraw() else Reporter)(levels, unit)


def _terms_in_words(step: Step) -> str:
    """`content 0.31  style 0.12`: terms added up by kind."""
    sums: dict[str, float] = {}
    for name, value in step.terms.items():
        kind = name.split("/")[0]
        sums[kind] = sums.get(kind, 0.0) + value
    return "  ".join(f"{kind} {value:.3g}" for kind, value in sums.items() if value >= 5e-5 * step.loss)
