"""What a preset's source prints and saves on its way: `epoch1000.png`, `epoch2000.png`, ... beside OUT."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from impasto.cli.interrupts import check, held_back
from impasto.cli.saving import Result, save

if TYPE_CHECKING:
    from impasto.cli.running import Request
    from impasto.engine import Step
    from impasto.presets import Milestones
    from impasto.tasks.run import Run


class MilestonePictures:
    """The pictures and lines of `milestones`, the last step's included; none may exist yet, unless forced."""

    def __init__(self, milestones: Milestones, ready: Run, request: Request):
        from impasto.images import check_output

        self._milestones, self._ready, self._request = milestones, ready, request
        for done in range(milestones.every, ready.plan.evaluations + 1, milestones.every):
            check_output(self._name(done), force=request.force)

    def step(self, step: Step) -> None:
        """Print and save, if it is time."""
        if step.done % self._milestones.every:
            return
        if self._request.chatty:
            click.echo(self._milestones.line.format(done=step.done, loss=step.loss))
        with held_back():
            result = Result(step.image, step.record())
            save(
                self._ready,
                result,
                self._name(step.done),
                force=self._request.force,
                metadata=self._request.metadata,
            )
        check()

    def _name(self, done: int) -> Path:
        return self._request.path.parent / self._milestones.file.format(done=done)
