"""How every command that makes a picture runs: check, prepare, carry out, and answer with an exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from impasto.cli import interrupts
from impasto.cli.output import Output
from impasto.errors import UsageError, WeightsError

if TYPE_CHECKING:
    from impasto.checkpoint import Checkpoints
    from impasto.loading import Encoders
    from impasto.run import Run
    from impasto.session import Event, Outcome

T = TypeVar("T")


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


def prepared(prepare: Callable[[Encoders], T], output: Output) -> T:
    """What `prepare` gives, called with the encoders to take; a dry run downloads nothing."""
    from impasto.cli.weights import DownloadBar
    from impasto.loading import Encoders

    try:
        return prepare(Encoders(download=not output.dry_run, progress=DownloadBar() if output.tells else None))
    except WeightsError as error:
        if not output.dry_run:
            raise
        raise WeightsError(f"{error}\nA dry run downloads nothing; the run itself would try to.") from error


def execute(prepare: Callable[[Encoders], Run], output: Output, resumed: Checkpoints | None = None) -> int:
    """Prepare a run and carry it out; the exit code.

    With `resumed`, the run goes on from what is kept there.
    """
    from impasto.cli.teamwork import help_out, helps, together
    from impasto.distributed import launched

    if resumed and launched():
        raise UsageError("resume runs in one process; start it without torchrun.")
    if output.dry_run:
        return 0 if helps() else _foresee(prepare, output)
    if helps():
        return help_out(prepare)
    with output.destination.reserved() as destination:
        output = replace(output, destination=destination)
        with together(prepared(prepare, output)) as run:
            return _carry_out(run, output, resumed)


def _foresee(prepare: Callable[[Encoders], Run], output: Output) -> int:
    """Check everything and show the plan."""
    from impasto.cli.drawing import show_plan
    from impasto.session.series import series_of

    output.destination.check()
    plan = prepared(prepare, output).plan
    series_of(plan, output.destination).check(allowed=lambda _: output.destination.force)
    show_plan(plan, output)
    return 0


def _carry_out(run: Run, output: Output, resumed: Checkpoints | None) -> int:
    from impasto.cli.drawing import drawing
    from impasto.session import Session, Stepped

    draw = drawing(output)

    def show(event: Event) -> None:
        draw(event)
        if isinstance(event, Stepped):
            interrupts.check()

    run.plan.keep_freed()
    session = Session(run, output.destination, resumed=resumed, shield=interrupts.held_back)
    try:
        return _status(session.carry_out(show), output.path)
    except OSError:
        if not interrupts.caught():
            raise
        raise KeyboardInterrupt from None  # the terminal is gone, and nobody can be told


def _status(outcome: Outcome, path: Path) -> int:
    """The exit code.

    Raises:
        KeyboardInterrupt: it was stopped before there was a picture.
        Exception: what ended the run, with a note of where the picture is.
    """
    from impasto.session import Failed, Stopped

    match outcome:
        case Stopped(reason, None):
            raise KeyboardInterrupt(f"{reason} before the first evaluation; nothing was saved.")
        case Stopped():
            return interrupts.status()
        case Failed(error, where):
            if where:
                best = f"The best picture so far is in {where}."
                error.add_note(best if where == path else f"The picture is in {where} instead.")
            raise error
    return 0
