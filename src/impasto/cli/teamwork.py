"""A command that `torchrun` started several times: the first process speaks and writes, the others help it evaluate."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from impasto.cli import interrupts

if TYPE_CHECKING:
    from impasto.loading import Encoders
    from impasto.run import Run


def helps() -> bool:
    """Whether another process speaks and writes."""
    from impasto.distributed import launched

    return launched() and os.environ["RANK"] != "0"


def help_out(prepare: Callable[[Encoders], Run]) -> int:
    """Prepare the run and go through it with the others; the exit code."""
    from impasto.loading import Encoders

    with together(prepare(Encoders())) as run:
        run.plan.keep_freed()
        for _ in run.steps():
            interrupts.check()
    return 0


@contextmanager
def together(run: Run) -> Iterator[Run]:
    """The run on all processes that `torchrun` started, or as it is if it started none."""
    from impasto.distributed import launched, processes

    with ExitStack() as stack:
        yield run.over(stack.enter_context(processes())) if launched() else run
