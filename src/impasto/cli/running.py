"""How every command that makes a picture runs: check, prepare, show, optimise, save, report."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from impasto.cli import interrupts
from impasto.errors import ImpastoError, UsageError, WeightsError

if TYPE_CHECKING:
    from impasto.cli.saving import Snapshots
    from impasto.engine import Step
    from impasto.tasks.run import Plan, Run

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """Where the result goes and what is said meanwhile.

    `inputs` are the files that must not be overwritten; `closing` makes a last word of the first and the last step.
    """

    path: Path
    inputs: tuple[str, ...]
    force: bool = False
    save_every: int | None = None
    quiet: bool = False
    as_json: bool = False
    dry_run: bool = False
    began: float = field(default_factory=time.perf_counter)
    closing: Callable[[Step, Step], str] | None = None

    @property
    def chatty(self) -> bool:
        """Whether a person is to be told."""
        return not (self.quiet or self.as_json)


@contextmanager
def loading(*, shown: bool) -> Iterator[None]:
    """The block imports what takes its time; `shown` tells a person so."""
    from impasto.cli.progress import waiting

    with waiting("loading PyTorch", shown=shown):
        yield
    interrupts.check()


def execute(prepare: Callable[..., Run], request: Request) -> int:
    """Prepare a run and carry it out; the exit code.  `prepare` is called with `download` and `progress`."""
    from impasto.cli.saving import Snapshots, check_path

    check_path(request.path, request.inputs, force=request.force)
    ready = prepared(prepare, request)
    snapshots = Snapshots(request.path, request.save_every, ready, force=request.force)
    if request.dry_run or request.as_json:
        _show_plan(ready.plan, request)
    elif not request.quiet:
        for note in ready.plan.notes:
            click.echo(f"Note: {note}", err=True)
    _check_memory(ready.plan)
    return 0 if request.dry_run else _run(ready, snapshots, request)


def prepared(prepare: Callable[..., T], request: Request) -> T:
    """What `prepare` gives, called with `download` and `progress`; a dry run downloads nothing."""
    from impasto.cli.weights import DownloadBar

    try:
        return prepare(download=not request.dry_run, progress=DownloadBar() if request.chatty else None)
    except WeightsError as error:
        if not request.dry_run:
            raise
        raise WeightsError(f"{error}\nA dry run downloads nothing; the run itself would try to.") from error


def _run(ready: Run, snapshots: Snapshots, request: Request) -> int:
    """Optimise, save, report.  Whatever ends the run early, Ctrl-C or an error, the picture so far is saved."""
    from impasto.cli.progress import reporter
    from impasto.cli.saving import save_result

    first: Step | None = None
    last: Step | None = None
    interrupted, failure = False, None
    try:
        with reporter(ready.plan.levels, quiet=request.quiet, as_json=request.as_json) as report:
            for step in ready:
                first, last = first or step, step
                report.step(step)
                snapshots.step(step)
                interrupts.check()
    except KeyboardInterrupt:
        interrupted = True
    except ImpastoError as error:
        failure = error
    with interrupts.held_back():
        if first is None or last is None:
            if failure:
                raise failure
            raise KeyboardInterrupt("Interrupted before the first evaluation; nothing was saved.")
        save_result(ready, last.image, request.path, force=request.force)
        if failure:
            raise type(failure)(f"{failure} The picture of evaluation {last.done} is in {request.path}.") from failure
        if request.closing and request.chatty:
            click.echo(request.closing(first, last))
        _say_saved(last, interrupted, request)
    return interrupts.STATUS if interrupted else 0


def _say_saved(last: Step, interrupted: bool, request: Request) -> None:
    path = request.path
    if request.as_json:
        click.echo(json.dumps({"event": "saved", "path": str(path), "interrupted": interrupted, "done": last.done}))
    elif interrupted:
        said = f"Interrupted after {last.done} of {last.total} evaluations; the picture so far is in {path}"
        click.echo(said, err=True)
    elif not request.quiet:
        seconds = time.perf_counter() - request.began
        click.echo(f"Wrote {path} in {seconds:.1f} s ({last.total} evaluations, loss {last.loss:.4g})")


def _show_plan(plan: Plan, request: Request) -> None:
    summary = plan.summary() | {"output": str(request.path)}
    if request.as_json:
        print(json.dumps({"event": "plan", **summary, "notes": list(plan.notes)}), flush=True)
        return
    from impasto.cli.layout import columns

    click.echo(columns(summary.items()))
    for note in plan.notes:
        click.echo(f"Note: {note}")


def _check_memory(plan: Plan) -> None:
    """Refuse what this computer cannot hold, rather than be ended by it without a word."""
    if plan.device.type != "cpu" or not hasattr(os, "sysconf"):
        return
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if plan.memory > there:
        size = plan.levels[-1].size
        raise UsageError(
            f"size is {size}, which takes about {plan.memory / 2**30:,.0f} GB of memory; this computer has "
            f"{there / 2**30:,.0f} GB. Choose a smaller --size."
        )
