"""How every command that makes a picture runs: check, prepare, show, optimise, save, report."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from impasto.cli import interrupts
from impasto.errors import ImpastoError, WeightsError

if TYPE_CHECKING:
    from impasto.checkpoint import Checkpoints
    from impasto.cli.keeping import Keeper
    from impasto.cli.milestones import MilestonePictures
    from impasto.cli.saving import Result, Snapshots
    from impasto.engine import Step
    from impasto.tasks.run import Plan, Run

T = TypeVar("T")
_AS_ASKED = ("force", "save_every", "quiet", "as_json", "dry_run", "checkpoint")


@dataclass(frozen=True)
class Request:
    """Where the result goes and what is said meanwhile.

    `inputs` are the files that must not be overwritten; `closing` makes a last word of the first and the last terms.
    `fresh` says that `path` is a name nobody asked for, `checkpoint` where the state is kept, `metadata` whether the
    result tells how it was made, `bits` how many its channels have.
    """

    path: Path
    inputs: tuple[str, ...]
    force: bool = False
    save_every: int | None = None
    quiet: bool = False
    as_json: bool = False
    dry_run: bool = False
    began: float = field(default_factory=time.perf_counter)
    closing: Callable[[Mapping[str, float], Mapping[str, float]], str] | None = None
    fresh: bool = False
    checkpoint: str | None = None
    metadata: bool = True
    bits: int = 8

    @property
    def chatty(self) -> bool:
        """Whether a person is to be told."""
        return not (self.quiet or self.as_json)


def requested(settings: dict[str, Any], inputs: Sequence[str], names: Sequence[str], began: float) -> Request:
    """The request that the options of a command make, which are taken out of `settings`.

    Without an output, the result gets a new name made of `names`.
    """
    from impasto.cli.saving import new_path

    output = settings.pop("output")
    return Request(
        Path(output) if output else new_path(*names),
        tuple(inputs),
        began=began,
        fresh=output is None,
        metadata=not settings.pop("no_metadata", False),
        bits=int(settings.pop("bits", 8)),
        **{name: settings.pop(name) for name in _AS_ASKED if name in settings},
    )


@contextmanager
def loading(*, shown: bool) -> Iterator[None]:
    """The block imports what takes its time; `shown` tells a person so."""
    from impasto.cli.progress import waiting

    with waiting("loading PyTorch", shown=shown):
        yield
    interrupts.check()


@contextmanager
def threads(count: int) -> Iterator[None]:
    """PyTorch with so many threads: sums are rounded in another order with another number."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def execute(prepare: Callable[..., Run], request: Request, resumed: Checkpoints | None = None) -> int:
    """Prepare a run and carry it out; the exit code.  `prepare` is called with `download` and `progress`.

    With `resumed`, the run goes on from what is kept there.
    """
    from impasto.cli.saving import check_path, reserved
    from impasto.cli.teamwork import check_alone, help_out, helps

    if resumed:
        check_alone("resume")
    if helps():
        return help_out(prepare, request)
    check_path(request.path, request.inputs, force=request.force, bits=request.bits)
    if request.dry_run:
        return _execute(prepare, request, resumed)
    with reserved(request.path, fresh=request.fresh) as path:
        request = replace(request, path=path)
        check_path(path, request.inputs, force=request.force, bits=request.bits)
        return _execute(prepare, request, resumed)


def _execute(prepare: Callable[..., Run], request: Request, resumed: Checkpoints | None) -> int:
    from impasto.cli.teamwork import together

    with together(prepared(prepare, request)) as ready:
        return _carry_out(ready, request, resumed)


def _carry_out(ready: Run, request: Request, resumed: Checkpoints | None) -> int:
    from impasto.cli.keeping import Keeper

    ready.plan.keep_freed()
    snapshots = _snapshots(ready, request)
    if request.dry_run or request.as_json:
        _show_plan(ready.plan, request)
    elif not request.quiet:
        for note in ready.plan.notes:
            click.echo(f"Note: {note}", err=True)
    if request.dry_run:
        return 0
    with closing(Keeper(ready, request, partial(tell, request), resumed)) as keeper:
        return _run(ready, snapshots, keeper, request)


def _snapshots(ready: Run, request: Request) -> Snapshots | MilestonePictures:
    """What is saved on the way: as asked, else as the preset's source does."""
    from impasto.cli.milestones import MilestonePictures
    from impasto.cli.saving import Snapshots

    milestones = ready.plan.recipe.milestones
    if milestones and not request.save_every:
        return MilestonePictures(milestones, ready, request)
    return Snapshots(request.path, request.save_every, ready, force=request.force, metadata=request.metadata)


def tell(request: Request, note: str) -> None:
    """A sentence for whoever is looking."""
    if request.as_json:
        print(json.dumps({"event": "note", "text": note}), flush=True)
    elif not request.quiet:
        click.echo(f"Note: {note}", err=True)


def prepared(prepare: Callable[..., T], request: Request) -> T:
    """What `prepare` gives, called with `download` and `progress`; a dry run downloads nothing."""
    from impasto.cli.weights import DownloadBar

    try:
        return prepare(download=not request.dry_run, progress=DownloadBar() if request.chatty else None)
    except WeightsError as error:
        if not request.dry_run:
            raise
        raise WeightsError(f"{error}\nA dry run downloads nothing; the run itself would try to.") from error


def _run(ready: Run, snapshots: Snapshots | MilestonePictures, keeper: Keeper, request: Request) -> int:
    """Optimise, save, report.  Whatever ends the run early, Ctrl-C or an error, the picture so far is saved."""
    from impasto.cli.progress import reporter

    begun: dict[str, float] = {}
    last: Step | None = None
    interrupted, failure = False, None
    try:
        with reporter(ready.plan.levels, quiet=request.quiet, as_json=request.as_json) as report:
            for step in ready.steps(keeper.start):
                last = step
                if request.closing and not begun:
                    begun = step.terms
                if step.note:
                    tell(request, step.note)
                report.step(step)
                snapshots.step(step)
                keeper.step(step)
                interrupts.check()
    except KeyboardInterrupt:
        interrupted = True
    except ImpastoError as error:
        failure = error
    with interrupts.held_back():
        result = _result(last, failure, keeper)
        if result is None:
            if failure:
                raise failure
            raise KeyboardInterrupt("Interrupted before the first evaluation; nothing was saved.")
        _save(ready, result, last, keeper, request, ended=not (interrupted or failure))
        if failure:
            failure.args = (f"{failure} The best picture so far is in {request.path}.",)
            raise failure
        if request.closing and request.chatty and last:
            click.echo(request.closing(begun, last.terms))
        _say_saved(result, interrupted, keeper, request)
    return interrupts.STATUS if interrupted else 0


def _result(last: Step | None, failure: ImpastoError | None, keeper: Keeper) -> Result | None:
    """The picture to save: the best before the numbers broke, or that of the last step, or the one that was resumed."""
    from impasto.cli.saving import Result
    from impasto.engine import NotFiniteError

    if isinstance(failure, NotFiniteError) and failure.record:
        return Result(failure.best.image, failure.record)
    return Result(last.image, last.record()) if last else keeper.resumed


def _save(ready: Run, result: Result, last: Step | None, keeper: Keeper, request: Request, *, ended: bool) -> None:
    """Save the result; keep the run if it has not ended, or if its result has no place."""
    from impasto.cli.saving import save_result

    try:
        save_result(ready, result, request.path, force=request.force, metadata=request.metadata, bits=request.bits)
    except ImpastoError:
        keeper.stopped(last)
        raise
    (keeper.finished if ended else keeper.stopped)(last)


def _say_saved(result: Result, interrupted: bool, keeper: Keeper, request: Request) -> None:
    path, done, total, loss = request.path, *(result.step[name] for name in ("done", "total", "loss"))
    goes_on = {"resume": str(keeper.folder)} if interrupted and keeper.folder else {}
    if request.as_json:
        saved = {"event": "saved", "path": str(path), "interrupted": interrupted, "done": done}
        click.echo(json.dumps(saved | goes_on))
    elif interrupted:
        said = f"Interrupted after {done} of {total} evaluations; the picture so far is in {path}"
        click.echo(f"{said}\nGo on with: impasto resume {keeper.folder}" if goes_on else said, err=True)
    elif not request.quiet:
        seconds = time.perf_counter() - request.began
        click.echo(f"Wrote {path} in {seconds:.1f} s ({total} evaluations, loss {loss:.4g})")


def _show_plan(plan: Plan, request: Request) -> None:
    summary = plan.summary() | {"output": str(request.path)}
    if request.as_json:
        print(json.dumps({"event": "plan", **summary, "notes": list(plan.notes)}), flush=True)
        return
    from impasto.cli.layout import columns

    click.echo(columns(summary.items()))
    for note in plan.notes:
        click.echo(f"Note: {note}")
