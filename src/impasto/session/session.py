"""A run, carried out: whatever ends it after its first evaluation, its picture is on the disk."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from pathlib import Path

from impasto.checkpoint import Checkpoints
from impasto.engine import NotFiniteError, Step
from impasto.run import Run
from impasto.session.destination import Destination, Result, kept_at, series_of
from impasto.session.events import Event, Failed, Milestone, Note, Outcome, Planned, Saved, Stepped, Stopped
from impasto.session.keeping import Keeper

FAR = 2.0  # times its first loss, from which on a level's last is worth a note


class Session:
    """A run that is going to be carried out, once, with its picture at `destination`.

    With `resumed`, it goes on from what is kept there, and closes that folder in the end. `shield` is entered while
    files are written: within it, nothing may interrupt.

    Raises:
        UsageError, OutputError, CheckpointError: a file or the folder of checkpoints cannot be written or read.
    """

    def __init__(
        self,
        run: Run,
        destination: Destination,
        *,
        resumed: Checkpoints | None = None,
        shield: Callable[[], AbstractContextManager[None]] = nullcontext,
    ):
        self._run, self._destination, self._shield = run, destination, shield
        self._series = series_of(run.plan, destination)
        destination.check_size(run.plan.levels[-1].width, run.plan.levels[-1].height)
        if not resumed:  # before there is a folder of checkpoints, which a refused run would leave behind
            self._series.check(allowed=lambda _: destination.force)
        self._keeper = Keeper(run, destination, resumed)
        if resumed:
            done = self._keeper.result.step["done"] if self._keeper.result else 0
            self._series.check(after=done, allowed=self._may_overwrite)
        self._last: Step | None = None

    def carry_out(self, show: Callable[[Event], None]) -> Outcome:
        """Run to the end and show every event; the last one.

        What `show` raises ends the run as anything else does: the picture is saved, and it is told why. Only what it
        raises when shown the end itself is passed on.
        """
        with closing(self.events()) as events:
            event = next(events)
            while not isinstance(event, Outcome):
                try:
                    show(event)
                except BaseException as error:
                    event = events.throw(error)
                else:
                    event = next(events)
            show(event)
            return event

    def events(self) -> Generator[Event, None, None]:
        """What happens, the end included; it goes on as the events are taken.

        It ends with the picture saved also where an exception is thrown into it, or where it is closed.
        """
        error: BaseException | None = None
        try:
            yield Planned(self._run.plan)
            yield from map(Note, self._keeper.notes)
            yield from self._steps()
        except BaseException as raised:
            error = raised
            traceback.clear_frames(error.__traceback__)  # lets go of the pictures that the error holds
        with closing(self._keeper), self._shield():
            last_words = self._end(error)
        if not isinstance(error, GeneratorExit):
            yield from last_words

    def _steps(self) -> Iterator[Event]:
        for step in self._run.steps(self._keeper.start):
            self._last = step
            if step.note:
                yield Note(step.note)
            with self._shield():
                happened = [*self._picture_on_the_way(step), *map(Note, self._keeper.step(step))]
            yield from happened
            yield Stepped(step)

    def _picture_on_the_way(self, step: Step) -> Iterator[Event]:
        if self._series.due(step):
            path = self._series.name(step.done)
            try:
                self._save(
                    kept_at(step), replace(self._destination, path=path, force=self._may_overwrite(path), bits=8)
                )
            except Exception as problem:
                yield Note(f"{problem or type(problem).__name__} The run goes on without.")
            if self._series.line:
                yield Milestone(self._series.line.format(done=step.done, loss=step.loss))

    def _end(self, error: BaseException | None) -> list[Event]:
        """Save the picture, keep the state; notes, and the outcome."""
        last, result = self._last, self._keeper.result
        if last:
            result = kept_at(last, error)
        if result is None:
            return [_outcome(error)]
        folder = self._keeper.folder
        try:
            self._save(result, self._destination)
        except Exception as problem:
            notes = self._keeper.end(last, well=False)
            rescued = self._destination.rescue(self._run, result, folder)
            return [*map(Note, notes), Failed(problem, rescued, folder)]
        notes = self._keeper.end(last, well=error is None)
        return [*map(Note, [*self._rise(error), *notes]), _outcome(error, self._destination.path, result, folder)]

    def _save(self, result: Result, destination: Destination) -> None:
        with self._keeper.written.adding(destination.path):
            destination.save(self._run, result)

    def _may_overwrite(self, path: Path) -> bool:
        return self._destination.force or path in self._keeper.written

    def _rise(self, error: BaseException | None) -> Iterator[str]:
        """A note, if the loss is far above the first one of its level, and not only that of a last trial."""
        last = self._last
        first = last.snapshot.first_loss if last and not isinstance(error, NotFiniteError) else None
        if first and last and min(last.snapshot.losses[-3:]) > FAR * first:
            yield (
                f"The loss ended {last.relative_loss:.1f} times above its start: {last.loss:.4g}, not {first:.4g}; "
                "try a smaller weight, float32 or another solver."
            )


def _outcome(
    error: BaseException | None, path: Path | None = None, result: Result | None = None, checkpoint: Path | None = None
) -> Outcome:
    """How a run has ended that `error` ended, and whose `result` is at `path`."""
    match error:
        case KeyboardInterrupt() | GeneratorExit():
            return Stopped(str(error) or "Interrupted", path, result.step if result else None, checkpoint)
        case None if path and result:
            return Saved(path, result.step)
    return Failed(error or RuntimeError("The run has no steps."), path)
