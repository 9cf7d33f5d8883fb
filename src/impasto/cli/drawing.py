"""The events of a session, as a person, a log or a program wants them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import click

from impasto.cli.layout import columns
from impasto.cli.output import Output
from impasto.cli.progress import Reporter, Silent, reporter
from impasto.run import Plan
from impasto.session import Event, Milestone, Note, Planned, Saved, Stepped, Stopped


def drawing(output: Output) -> Callable[[Event], None]:
    """The right one for who is looking."""
    return (Records if output.as_json else Silence if output.quiet else Words)(output)


class Silence:
    """Says nothing but that it was stopped."""

    def __init__(self, output: Output):
        self._output = output

    def __call__(self, event: Event) -> None:
        """Show an event, or not."""
        if isinstance(event, Stopped) and event.step:
            done, total = event.step["done"], event.step["total"]
            click.echo(
                f"{event.reason} after {done} of {total} evaluations; the picture so far is in {event.path}", err=True
            )
            if event.checkpoint:
                click.echo(f"Go on with: impasto resume {event.checkpoint}", err=True)


class Words(Silence):
    """Tells a person: notes and progress on standard error, what is done on standard output."""

    def __init__(self, output: Output):
        super().__init__(output)
        self._report: Reporter = Silent()
        self._shown = ExitStack()
        self._first: Mapping[str, float] = {}
        self._last: Mapping[str, float] = {}

    def __call__(self, event: Event) -> None:
        """Show an event."""
        match event:
            case Planned(plan, notes):
                for note in notes:
                    click.echo(f"Note: {note}", err=True)
                self._report = self._shown.enter_context(reporter(plan.levels, quiet=False, as_json=False))
            case Stepped(step):
                if self._output.closing:
                    self._last = step.terms
                    self._first = self._first or self._last
                self._report.step(step)
            case Note(text):
                click.echo(f"Note: {text}", err=True)
            case Milestone(line):
                click.echo(line)
            case _:
                self._shown.close()
                super().__call__(event)
        if isinstance(event, Saved):
            self._say_saved(event)

    def _say_saved(self, saved: Saved) -> None:
        if self._output.closing and self._last:
            click.echo(self._output.closing(self._first, self._last))
        total, loss, seconds = saved.step["total"], saved.step["loss"], time.perf_counter() - self._output.began
        click.echo(f"Wrote {saved.path} in {seconds:.1f} s ({total} evaluations, loss {loss:.4g})")


class Records(Silence):
    """Tells a program: a JSON record on a line of standard output for each event."""

    def __call__(self, event: Event) -> None:
        """Print the record of an event that has one."""
        match event:
            case Planned(plan, notes):
                _print("plan", **plan_in_words(plan, self._output), notes=list(notes))
            case Stepped(step):
                _print("step", **step.record())
            case Note(text):
                _print("note", text=text)
            case Saved(path, step):
                _print("saved", path=str(path), interrupted=False, done=step["done"])
            case Stopped(_, path, step, checkpoint) if step:
                resume = {"resume": str(checkpoint)} if checkpoint else {}
                _print("saved", path=str(path), interrupted=True, done=step["done"], **resume)


def show_plan(plan: Plan, output: Output) -> None:
    """What a dry run prints."""
    if output.as_json:
        Records(output)(Planned(plan, plan.notes))
        return
    click.echo(columns(plan_in_words(plan, output).items()))
    for note in plan.notes:
        click.echo(f"Note: {note}")


def plan_in_words(plan: Plan, output: Output) -> dict[str, str]:
    """The plan, and where the result goes."""
    return plan.summary() | {"output": str(output.path)}


def _print(event: str, **values: Any) -> None:
    print(json.dumps({"event": event, **values}), flush=True)
