"""When and where a run's state is kept: in the folder that was asked for, or beside the result of a long run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from impasto.checkpoint import Checkpoints, Pace
from impasto.engine import Snapshot, Step
from impasto.errors import CheckpointError
from impasto.files import file_hash, unused
from impasto.run import Run
from impasto.session.clock import Clock, duration
from impasto.session.destination import Destination
from impasto.session.saving import Result

LONG = 300.0  # seconds from which on a run is kept unasked
_JUDGED = 5.0  # seconds after which its speed is known
_WRITTEN = "written"  # what the folder calls the files that the run wrote


class Keeper:
    """Writes snapshots as the run goes.  What it cannot write becomes a note, and the run goes on.

    `resumed` is the folder that the run comes from: `start` is where it goes on, `result` the picture it has there.

    Raises:
        UsageError: there is something in the folder that was asked for, or somebody at work.
        CheckpointError: it cannot be written, or `resumed` not be read.
    """

    def __init__(self, run: Run, destination: Destination, resumed: Checkpoints | None = None):
        self._run, self._destination, self._checkpoints = run, destination, resumed
        self._clock, self._pace = Clock(run.plan.levels), Pace()
        self._asked, self._refused = bool(destination.checkpoint), False
        self._written: dict[str, str | None] = {}
        self.start: Snapshot | None = None
        self.result: Result | None = None
        self.notes: tuple[str, ...] = ()
        if resumed:
            self._asked, self._written = bool(resumed.about()["asked"]), resumed.noted(_WRITTEN)
            kept, self.notes = resumed.newest(run.home)
            if kept:
                self.start, self.result = kept.snapshot, Result(kept.image, kept.step)
        elif destination.checkpoint:
            self._checkpoints = Checkpoints.create(Path(destination.checkpoint), self._about())

    @property
    def folder(self) -> Path | None:
        """Where the run can be resumed from; None if it is not kept."""
        return self._checkpoints.folder if self._checkpoints else None

    def step(self, step: Step) -> Iterator[str]:
        """Write a snapshot, if it is time for one; notes."""
        if self._checkpoints is None and not self._refused and self._is_long(step):
            yield self._begin_unasked(step)
        if self._checkpoints and not step.last and self._pace.due(step):
            yield from self._write(step)

    def stop(self, step: Step | None) -> Iterator[str]:
        """Keep where the run is, as it ends early; notes."""
        if step:
            yield from self._write(step)

    def finish(self, step: Step | None) -> Iterator[str]:
        """Keep the end of the run; what was kept unasked goes.  Notes."""
        if self._asked or self._checkpoints is None:
            yield from self.stop(step)
        else:
            self._checkpoints.remove()
            self._checkpoints = None

    def close(self) -> None:
        """Let others work with the folder."""
        if self._checkpoints:
            self._checkpoints.close()

    @contextmanager
    def writing(self, path: Path) -> Iterator[None]:
        """Remember the file that the block writes: a later run that goes on with this one may write it anew."""
        name = os.path.abspath(path)  # noqa: PTH100
        self._remember({**self._written, name: None})
        try:
            yield
        except BaseException:
            self._remember({key: value for key, value in self._written.items() if key != name})
            raise
        self._remember({**self._written, name: file_hash(path)})

    def owns(self, path: Path) -> bool:
        """Whether the run that is resumed wrote the file, and nobody has changed it since."""
        return _is_own(path, self._written)

    def _remember(self, written: dict[str, str | None]) -> None:
        self._written = written
        if self._checkpoints:
            with suppress(CheckpointError):  # then the file is somebody else's, and resuming asks for --force
                self._checkpoints.note(_WRITTEN, written)

    def _write(self, step: Step) -> Iterator[str]:
        if self._checkpoints:
            began, size = time.monotonic(), 0
            try:
                size = self._checkpoints.write(step)
            except Exception as problem:  # also that memory does not suffice for a copy
                yield f"{problem or type(problem).__name__} The run goes on without."
            self._pace.wrote(size, time.monotonic() - began)

    def _is_long(self, step: Step) -> bool:
        return step.seconds > _JUDGED and step.seconds + self._clock.left(step) > LONG

    def _begin_unasked(self, step: Step) -> str:
        folder, left = unused(self._destination.path.with_suffix(".impasto")), duration(self._clock.left(step))
        try:
            self._checkpoints = Checkpoints.create(folder, self._about())
        except CheckpointError as error:
            self._refused = True
            return f"{error} The run goes on without."
        self._remember(self._written)
        return f"This takes about {left} more; if it is stopped, `impasto resume {folder}` goes on with it."

    def _about(self) -> dict[str, Any]:
        """What a session that goes on has to know."""
        destination = self._destination
        return {
            "record": self._run.record().to_json(),
            "folder": os.getcwd(),  # noqa: PTH109
            "output": str(destination.path),
            "base": str(destination.base or destination.path),
            "save_every": destination.save_every,
            "metadata": destination.metadata,
            "bits": destination.bits,
            "asked": self._asked,
        }


def wrote(checkpoints: Checkpoints, path: Path) -> bool:
    """Whether the run of `checkpoints` wrote the file at `path`, and nobody has changed it since."""
    return _is_own(path, checkpoints.noted(_WRITTEN))


def _is_own(path: Path, written: Mapping[str, str | None]) -> bool:
    """Whether the file has one of the hashes of `written`, or the name of one that was being written."""
    pending = written.get(os.path.abspath(path), "") is None  # noqa: PTH100
    return path.is_file() and (pending or file_hash(path) in written.values())
