"""How every command that makes a picture runs: check, prepare, carry out, and answer with an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from impasto.cli import interrupts
from impasto.cli.masking import found, is_file
from impasto.cli.options import asked_recipe
from impasto.cli.output import PIPE, Closing, Output, requested
from impasto.errors import NotDownloadedError, UsageError, WeightsError
from impasto.recipe import Recipe
from impasto.torchrun import helps, launched

if TYPE_CHECKING:
    from impasto.checkpoint import Checkpoints
    from impasto.loading import Encoders
    from impasto.run import Run
    from impasto.session import Event

T = TypeVar("T")


def make(
    options: dict[str, Any],
    content: str | None,
    styles: Sequence[str],
    of: Callable[[Recipe], Recipe] = lambda base: base,
    *,
    regions: Sequence[tuple[str, str, str | None]] = (),
    keep: str | None = None,
    texture: str | None = None,
    kind: str = "",
    closing: Closing | None = None,
) -> int:
    """Make the picture that the `options` of a command ask for; the exit code.

    `of` makes the task's recipe of the preset. Without --output, the result is named after the first pictures and
    `kind`. `-` is a picture from standard input. `regions` are masks with their styles and the styles' masks,
    `texture` a style of fine strokes; masks may be `subject` and `auto:N`, to be found. `closing` as in `Output`.

    Raises:
        UsageError: standard input is to be two pictures, or nothing is piped into it.
    """
    given = (content, *styles, *(each for region in regions for each in region), texture, keep)
    sources = [each for each in given if each and is_file(each)]
    recipe, init = asked_recipe(options, of)
    names = [*filter(None, (content, *(*styles, *(style for _, style, _ in regions))[:1], kind))]
    files = ["stdin" if name == PIPE else name for name in names]
    output = requested(options, [*sources, *([init] if init else [])], files, may_be_piped=True)
    from impasto.preparation import Pictures, prepare
    from impasto.regions import Region

    if sources.count(PIPE) > 1:
        raise UsageError("- is standard input, which holds one picture. Name the others as files.")
    if PIPE in sources and sys.stdin.isatty():
        raise UsageError("- is standard input, but nothing is piped into it. Add < photo.jpg to the command.")
    piped: dict[str, Any] = {PIPE: sys.stdin.buffer} if PIPE in sources else {}

    def read(source: Any) -> Any:
        return piped.get(source, source) if isinstance(source, str) else source

    def with_masks(encoders: Encoders) -> Run:
        with found(content or "", keep, regions, output, recipe.device) as (kept, there):
            apart = [Region(*map(read, region)) for region in there]
            pictures = Pictures(read(content), [*map(read, styles)], init, apart, read(kept), read(texture))
            return prepare(recipe, pictures, encoders)

    return execute(with_masks, replace(output, closing=closing))


def execute(prepare: Callable[[Encoders], Run], output: Output, resumed: Checkpoints | None = None) -> int:
    """Prepare a run and carry it out; the exit code.

    With `resumed`, the run goes on from what is kept there. Of processes that `torchrun` started, the first speaks and
    writes; the others prepare the run and go through it too.
    """
    if resumed and launched():
        raise UsageError("resume runs in one process; start it without torchrun.")
    if output.dry_run:
        return 0 if helps() else _foresee(prepare, output)
    if launched():
        return _together(prepare, output)
    with output.reserved() as reserved:
        return carry_out(prepared(prepare, reserved), reserved, resumed)


def _together(prepare: Callable[[Encoders], Run], output: Output) -> int:
    """Carry a run out with the other processes, before any work of which each knows that none has to refuse it."""
    from impasto.distributed import processes
    from impasto.loading import Encoders

    with processes() as team, ExitStack() as stack:
        with team.agreeing():
            reserved = None if helps() else stack.enter_context(output.reserved())
        with team.agreeing():
            run = prepared(prepare, reserved) if reserved else prepare(Encoders())
        with team.agreeing():
            run = run.over(team)
        if reserved:
            return carry_out(run, reserved)
        run.plan.keep_freed()
        for _ in run.steps():
            interrupts.check()
        return 0


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


def encoders_for(output: Output) -> Encoders:
    """The encoders to take; a dry run downloads nothing."""
    from impasto.cli.weights import DownloadBar
    from impasto.loading import Encoders

    bar = None if output.quiet or output.as_json else DownloadBar()
    return Encoders(download=not output.dry_run, progress=bar)


def prepared(prepare: Callable[[Encoders], T], output: Output, encoders: Encoders | None = None) -> T:
    """What `prepare` gives, called with `encoders`, or with those to take."""
    try:
        return prepare(encoders or encoders_for(output))
    except NotDownloadedError as error:  # only a dry run is forbidden to
        raise WeightsError(f"{error}\nA dry run downloads nothing; the run itself would try to.") from error


def _foresee(prepare: Callable[[Encoders], Run], output: Output) -> int:
    """Check everything and show the plan."""
    from impasto.checkpoint import check_free
    from impasto.cli.drawing import show_plan
    from impasto.session.destination import series_of

    output.destination.check()
    if kept := output.destination.checkpoint:
        check_free(Path(kept))
    plan = prepared(prepare, output).plan
    output.destination.check_size(plan.levels[-1].width, plan.levels[-1].height)
    series_of(plan, output.destination).check(allowed=lambda _: output.destination.force)
    show_plan(plan, output)
    return 0


def carry_out(run: Run, output: Output, resumed: Checkpoints | None = None) -> int:
    """Carry the run out; the exit code.

    Raises:
        KeyboardInterrupt: it was stopped before there was a picture.
        Exception: what ended the run, with a note of where the picture is.
    """
    from impasto.cli.drawing import drawing
    from impasto.session import Failed, Session, Stepped, Stopped

    draw = drawing(output)

    def show(event: Event) -> None:
        draw(event)
        match event:
            case Stepped():
                interrupts.check()

    run.plan.keep_freed()
    session = Session(run, output.destination, resumed=resumed, shield=interrupts.held_back)
    try:
        match session.carry_out(show):
            case Stopped(reason, None):
                raise KeyboardInterrupt(f"{reason} before the first evaluation; nothing was saved.")
            case Stopped():
                return interrupts.status()
            case Failed(error, where, checkpoint):
                if where == output.path:
                    error.add_note(f"The best picture so far is in {output.name}.")
                elif where:
                    error.add_note(f"The picture is in {where} instead.")
                if checkpoint:
                    error.add_note(f"Go on with: impasto resume {checkpoint}")
                raise error
        return 0
    except OSError:
        if not interrupts.caught():
            raise
        raise KeyboardInterrupt from None  # the terminal is gone, and nobody can be told
