"""The events of a session, as a person, a log or a program wants them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from impasto.cli.output import Output
from impasto.cli.terminal import can_redraw, columns
from impasto.engine import Step
from impasto.quantities import counted, duration
from impasto.schedule import Level
from impasto.session import Event, Failed, Milestone, Note, Planned, Saved, Stepped, Stopped
from impasto.session.events import Clock
from impasto.tasks.figures.captions import summed

if TYPE_CHECKING:
    from impasto.plan import Plan
    from impasto.tasks.figures import Figure


class Silence:
    """Says nothing but that it was stopped."""

    def __init__(self, output: Output, unit: str = "level"):
        self._output, self._unit = output, unit

    def close(self) -> None:
        """Take away what is redrawn."""

    def __call__(self, event: Event) -> None:
        """Show an event, or not."""
        match event:
            case Stopped(reason, _, {"done": done, "total": total}, checkpoint):
                self.close()
                where = f"the picture so far is in {self._output.name}"
                click.echo(f"{reason} after {done} of {counted(total, 'evaluation')}; {where}", err=True)
                if checkpoint:
                    click.echo(f"Go on with: impasto resume {checkpoint}", err=True)
            case Stopped() | Failed():
                self.close()


class Words(Silence):
    """Tells a person: notes and progress on standard error, what is done on standard output."""

    _reporter: Reporter | None = None
    _first: Mapping[str, float] = {}

    def close(self) -> None:
        """Take away what is redrawn."""
        if self._reporter:
            self._reporter.close()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        match event:
            case Planned(plan):
                for note in plan.notes:
                    click.echo(f"Note: {note}", err=True)
                self._reporter = reporter(plan.levels, self._unit)
            case Stepped(step):
                if self._output.closing and not self._first:
                    self._first = step.terms
                if self._reporter:
                    self._reporter.step(step)
            case Note(text):
                click.echo(f"Note: {text}", err=True)
            case Milestone(line):
                click.echo(line)
            case Saved(_, step):
                self.close()
                if self._output.closing:
                    click.echo(self._output.closing(self._first, step["terms"]))
                click.echo(self._output.wrote(f"{counted(step['total'], 'evaluation')}, loss {step['loss']:.4g}"))
            case _:
                super().__call__(event)


class Records(Silence):
    """Tells a program: a JSON record on a line of standard output for each event."""

    def __call__(self, event: Event) -> None:
        """Print the record of an event that has one."""
        match event:
            case Planned(plan):
                print_record("plan", **plan.to_json(), output=self._output.name, notes=list(plan.notes))
            case Stepped(step):
                print_record("step", **step.record())
            case Note(text):
                print_record("note", text=text)
            case Saved(path, step):
                print_record("saved", path=str(path), interrupted=False, done=step["done"])
            case Stopped(_, path, {"done": done}, checkpoint):
                resume = {"resume": str(checkpoint)} if checkpoint else {}
                print_record("saved", path=str(path), interrupted=True, done=done, **resume)


def drawing(output: Output, unit: str = "level") -> Silence:
    """The right one for who is looking; `unit` is the word for a level."""
    return (Records if output.as_json else Silence if output.quiet else Words)(output, unit)


def show_plan(plan: Plan | Figure, output: Output) -> None:
    """What a dry run prints."""
    if output.as_json:
        Records(output)(Planned(plan))
        return
    click.echo(columns([*plan.summary().items(), ("output", output.name)]))
    for note in plan.notes:
        click.echo(f"Note: {note}")


def print_record(event: str, **values: Any) -> None:
    """Print JSON on a line of its own, at once."""
    print(json.dumps({"event": event, **values}), flush=True)


# How far it is ------------------------------------------------------------------------------------------------------


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
        terms = TextColumn("{task.fields[terms]}", style="dim", table_column=Column(no_wrap=True, ratio=1))
        parts = ("{task.description}", BarColumn(bar_width=12), "{task.percentage:3.0f}%", "{task.fields[left]}", terms)
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
    sums = summed(step.terms).items()
    return "  ".join(f"{kind} {value:.3g}" for kind, value in sums if value >= 5e-5 * step.loss)
