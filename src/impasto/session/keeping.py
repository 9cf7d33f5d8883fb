"""When and where a run's state is kept: in the folder that was asked for, or beside the result of a long run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from impasto.checkpoint import Checkpoints, Pace
from impasto.engine import Snapshot, Step
from impasto.errors import CheckpointError, ImpastoError, UsageError
from impasto.files import file_hash, output_errors, unused
from impasto.quantities import duration
from impasto.record import MOST_INPUTS, Evaluations, Record, Text
from impasto.run import Run
from impasto.session.destination import Destination, Result
from impasto.session.events import Clock
from impasto.untrusted import Untrusted, listed, whole

LONG = 300.0  # seconds from which on a run is kept unasked
_JUDGED = 5.0  # seconds after which its speed is known


def _record(value: Untrusted) -> Record:
    return Record.from_json(value.value)


@dataclass(frozen=True)
class About:
    """What a session that goes on has to know: the run, the folder it was begun in, and its destination (see there).

    `places` are the folders of its inputs, `asked` is whether somebody asked for the state to be kept.
    """

    record: Annotated[Record, _record]
    folder: Text
    places: Annotated[tuple[str, ...], listed(Text, 0, MOST_INPUTS)]
    output: Text
    base: Text
    metadata: Annotated[bool, Untrusted.flag]
    bits: Annotated[int, whole(8, 16)]
    exif: Literal["safe", "all", "none"]
    asked: Annotated[bool, Untrusted.flag]
    save_every: Evaluations | None = None

    @classmethod
    def of(cls, checkpoints: Checkpoints) -> About:
        """What was kept in a folder.

        Raises:
            CheckpointError: it cannot be read.
        """
        value = checkpoints.about()
        try:
            return cast(About, Untrusted(value).read(cls))
        except UsageError as error:
            raise CheckpointError(f"{checkpoints.folder / 'run.json'} cannot be used: {error}") from None

    def to_json(self) -> dict[str, Any]:
        """The same as `of` reads it."""
        return {**vars(self), "record": self.record.to_json()}


class Written:
    """The files that a run wrote, with their hashes: who goes on with the run in its folder may write them anew."""

    def __init__(self, checkpoints: Checkpoints | None):
        self._files: dict[str, str | None] = checkpoints.noted("written") if checkpoints else {}
        self._checkpoints = checkpoints

    def __contains__(self, path: Path) -> bool:
        """Whether the run wrote the file, or was writing it, and nobody has changed it since."""
        pending = self._files.get(os.path.abspath(path), "") is None  # noqa: PTH100
        return path.is_file() and (pending or file_hash(path) in self._files.values())

    @contextmanager
    def adding(self, path: Path) -> Iterator[None]:
        """The block writes the file."""
        name = os.path.abspath(path)  # noqa: PTH100
        self._note({**self._files, name: None})
        try:
            yield
        except BaseException:
            self._note({key: value for key, value in self._files.items() if key != name})
            raise
        self._note({**self._files, name: file_hash(path)})

    def note_in(self, checkpoints: Checkpoints) -> None:
        """Have it known in a folder, from now on."""
        self._checkpoints = checkpoints
        self._note(self._files)

    def _note(self, files: dict[str, str | None]) -> None:
        self._files = files
        if self._checkpoints:
            with suppress(CheckpointError):  # then the file is somebody else's, and resuming asks for --force
                self._checkpoints.note("written", files)


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
        self.start: Snapshot | None = None
        self.result: Result | None = None
        self.notes: tuple[str, ...] = ()
        if resumed:
            self._asked = About.of(resumed).asked
            kept, self.notes = resumed.newest(run.home)
            if kept:
                self.start, self.result = kept.snapshot, Result(kept.image, kept.step)
        elif destination.checkpoint:
            self._checkpoints = Checkpoints.create(Path(destination.checkpoint), self._about())
        self.written = Written(self._checkpoints)

    @property
    def folder(self) -> Path | None:
        """Where the run can be resumed from; None if it is not kept."""
        return self._checkpoints.folder if self._checkpoints else None

    def step(self, step: Step) -> Iterator[str]:
        """Write a snapshot, if it is time for one; notes."""
        judged, left = step.seconds > _JUDGED, self._clock.left(step)
        if step.last:
            return
        if self._checkpoints is None and not self._refused and judged and step.seconds + left > LONG:
            yield self._begin_unasked(duration(left))
        if self._pace.due(step):
            yield from self._write(step)

    def end(self, step: Step | None, *, well: bool) -> Iterator[str]:
        """Keep where the run has ended; if it ended `well`, what was kept unasked goes instead.  Notes."""
        if well and self._checkpoints and not self._asked:
            self._checkpoints.remove()
            self._checkpoints = None
        elif step:
            yield from self._write(step)

    def close(self) -> None:
        """Let others work with the folder."""
        if self._checkpoints:
            self._checkpoints.close()

    def _write(self, step: Step) -> Iterator[str]:
        if self._checkpoints:
            began, size = time.monotonic(), 0
            try:
                size = self._checkpoints.write(step)
            except Exception as problem:  # also that memory does not suffice for a copy
                yield f"{problem or type(problem).__name__} The run goes on without."
            self._pace.wrote(size, time.monotonic() - began)

    def _begin_unasked(self, left: str) -> str:
        folder = self._destination.path.with_suffix(".impasto")
        try:
            with output_errors(folder, CheckpointError, "{} cannot be made"):
                folder = unused(folder)
            self._checkpoints = Checkpoints.create(folder, self._about())
        except ImpastoError as error:
            self._refused = True
            return f"{error} The run goes on without."
        self.written.note_in(self._checkpoints)
        return f"This takes about {left} more; if it is stopped, `impasto resume {folder}` goes on with it."

    def _about(self) -> dict[str, Any]:
        destination = self._destination
        return About(
            record=self._run.record(),
            folder=os.getcwd(),  # noqa: PTH109
            places=tuple(dict.fromkeys(os.path.dirname(os.path.abspath(each)) for each in destination.inputs)),  # noqa: PTH100, PTH120
            output=str(destination.path),
            base=str(destination.base or destination.path),
            metadata=destination.metadata,
            bits=destination.bits,
            exif=cast(Any, destination.exif),
            asked=self._asked,
            save_every=destination.save_every,
        ).to_json()
