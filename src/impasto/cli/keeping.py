"""When and where a run's state is kept: in the folder of --checkpoint, or beside the result of a long run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.checkpoint import Checkpoints, Pace
from impasto.cli.interrupts import held_back
from impasto.cli.progress import Clock, duration
from impasto.cli.saving import Result, numbered
from impasto.errors import CheckpointError
from impasto.tasks.provenance import file_hash, use_record

if TYPE_CHECKING:
    from impasto.cli.running import Request
    from impasto.engine import Snapshot, Step
    from impasto.tasks.run import Run

LONG = 300.0  # seconds from which on a run is kept unasked
_JUDGED = 5.0  # seconds after which its speed is known


class Keeper:
    """Writes snapshots as the run goes.  What it cannot write it tells, and the run goes on.

    `resumed` is the folder that the run comes from: `start` is where it goes on, with the picture of `resumed`. `tell`
    is called with sentences for whoever is looking.
    """

    def __init__(self, ready: Run, request: Request, tell: Callable[[str], None], resumed: Checkpoints | None = None):
        self._ready, self._request, self._tell = ready, request, tell
        self._clock, self._pace = Clock(ready.plan.levels), Pace()
        self._asked = bool(request.checkpoint)
        self._checkpoints, self._refused = resumed, False
        self.start: Snapshot | None = None
        self.resumed: Result | None = None
        if resumed:
            self._asked = bool(resumed.about()["asked"])
            self._go_on(resumed)
        elif request.checkpoint:
            self._checkpoints = Checkpoints.create(Path(request.checkpoint), self._about())

    @property
    def folder(self) -> Path | None:
        """Where the run can be resumed from; None if it is not kept."""
        return self._checkpoints.folder if self._checkpoints else None

    def step(self, step: Step) -> None:
        """Write a snapshot, if it is time for one."""
        if self._checkpoints is None and not self._refused and self._is_long(step):
            self._begin_unasked(step)
        if self._checkpoints and not step.last and self._pace.due(step):
            self.write(step)

    def write(self, step: Step) -> None:
        """Write a snapshot now."""
        if self._checkpoints is None:
            return
        began = time.monotonic()
        try:
            with held_back():
                size = self._checkpoints.write(step)
        except CheckpointError as error:
            self._tell(f"{error} The run goes on without.")
            size = 0
        self._pace.wrote(size, time.monotonic() - began)

    def stopped(self, step: Step | None) -> None:
        """The run ends early: keep where it is, and which file holds its picture."""
        if step:
            self.write(step)
        self._note_result()

    def finished(self, step: Step | None) -> None:
        """The run has ended well: what was kept unasked goes."""
        if self._checkpoints is None:
            return
        if not self._asked:
            self._checkpoints.remove()
        else:
            self.stopped(step)

    def close(self) -> None:
        """Let others work with the folder."""
        if self._checkpoints:
            self._checkpoints.close()

    def _go_on(self, checkpoints: Checkpoints) -> None:
        kept, notes = checkpoints.newest(self._ready.home)
        for note in notes:
            self._tell(note)
        if kept:
            self.start, self.resumed = kept.snapshot, Result(kept.image, kept.step)

    def _note_result(self) -> None:
        """Remember the file that this run wrote: a later one that goes on with it may write it anew."""
        path = self._request.path
        if self._checkpoints and path.is_file():
            try:
                self._checkpoints.note("result", {"path": os.path.abspath(path), "sha256": file_hash(path)})  # noqa: PTH100
            except CheckpointError as error:
                self._tell(str(error))

    def _is_long(self, step: Step) -> bool:
        return step.seconds > _JUDGED and step.seconds + self._clock.left(step) > LONG

    def _begin_unasked(self, step: Step) -> None:
        folder = self._request.path.with_suffix(".impasto")
        while folder.exists():
            folder = numbered(folder)
        try:
            self._checkpoints = Checkpoints.create(folder, self._about())
        except CheckpointError as error:
            self._tell(f"{error} The run goes on without.")
            self._refused = True
            return
        left = duration(self._clock.left(step))
        self._tell(f"This takes about {left} more; if it is stopped, `impasto resume {folder}` goes on with it.")

    def _about(self) -> dict[str, Any]:
        """What `impasto resume` has to know."""
        return {
            "record": use_record(self._ready),
            "folder": os.getcwd(),  # noqa: PTH109
            "output": str(self._request.path),
            "metadata": self._request.metadata,
            "bits": self._request.bits,
            "asked": self._asked,
        }
