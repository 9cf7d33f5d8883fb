"""One run of the queue, carried out: events of its session become messages, previews and files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from dataclasses import replace
from shutil import rmtree
from typing import TYPE_CHECKING

from impasto.errors import ImpastoError
from impasto.studio.asking import pictures_of
from impasto.studio.form import without_dashes
from impasto.studio.job import DONE, FAILED, RUNNING, STOPPED, Job
from impasto.studio.shelf import Shelf

if TYPE_CHECKING:
    from impasto.engine import Step
    from impasto.loading import Encoders
    from impasto.record import Input
    from impasto.run import Run
    from impasto.session import Destination, Event


def carry_out(job: Job, shelf: Shelf, encoders: Callable[[], Encoders]) -> None:
    """Make the picture of a job, or go on with it where it was kept; whatever happens, it has ended then."""
    try:
        _carried_out(job, shelf, encoders())
    except ImpastoError as error:
        job.becomes(FAILED, _plainly(str(error), shelf))
    except MemoryError:
        job.becomes(FAILED, "Out of memory. Choose a smaller size.")
    except Exception as error:
        out = "memory" in str(error).lower()
        unexpected = f"{type(error).__name__}: {error}"
        job.becomes(FAILED, "Out of memory. Choose a smaller size." if out else _plainly(unexpected, shelf))


def _carried_out(job: Job, shelf: Shelf, encoders: Encoders) -> None:
    from impasto.checkpoint import Checkpoints
    from impasto.preparation import prepare
    from impasto.record import Record
    from impasto.session import Destination, Session

    with ExitStack() as stack:
        kept, plan = None, None
        if (job.checkpoint / "run.json").is_file():
            kept = stack.enter_context(closing(Checkpoints.open(job.checkpoint)))
            plan = Record.from_json(kept.about()["record"]).plan
        run = prepare(job.asked.recipe, pictures_of(job.asked.body, shelf.source), encoders, plan)
        run = replace(run, inputs=tuple(_renamed(run.inputs, shelf)))
        if job.stopping:
            job.becomes(STOPPED)
            return
        run.plan.keep_freed()
        checkpoint = None if kept else str(job.checkpoint)
        destination = Destination(job.result, force=True, checkpoint=checkpoint)
        show = _Shown(job, run, shelf)
        Session(run, destination, resumed=kept).carry_out(show)
        show.keep_deep(destination)
    show.end()


class _Shown:
    """What is told of a run's events, which are shown to it."""

    def __init__(self, job: Job, run: Run, shelf: Shelf):
        from impasto.session.events import Clock

        self._job, self._run, self._shelf = job, run, shelf
        self._clock = Clock(run.plan.levels)
        self._outcome: tuple[str, str] = (DONE, "")
        self.step: Step | None = None

    def __call__(self, event: Event) -> None:
        """Tell of an event.

        Raises:
            KeyboardInterrupt: somebody wants the run to stop, after this step.
        """
        from impasto.session import Failed, Note, Planned, Stepped, Stopped

        match event:
            case Planned():
                self._planned()
            case Stepped(step):
                self._stepped(step)
            case Note(text):
                self._job.notes.append(_plainly(text, self._shelf))
            case Stopped():
                self._outcome = STOPPED, ""
            case Failed(error):
                self._outcome = FAILED, _plainly(str(error) or type(error).__name__, self._shelf)

    def _planned(self) -> None:
        plan, last = self._run.plan, self._run.plan.levels[-1]
        self._job.plan = {
            "evaluations": plan.evaluations,
            "width": last.width,
            "height": last.height,
            "levels": [[level.width, level.height, level.iterations] for level in plan.levels],
        }
        self._job.notes += [_plainly(note, self._shelf) for note in plan.notes]
        if self._job.feed.heard and not self._job.step:
            self._job.previews.begin(self._run)
        self._job.becomes(RUNNING)

    def _stepped(self, step: Step) -> None:
        self.step = step
        job = self._job
        if job.feed.heard:
            job.previews.make(self._run, step)
        job.step = step.record() | {"fraction": self._clock.fraction(step), "left": round(self._clock.left(step), 2)}
        job.feed.tell("step", preview=job.previews.number, **job.step)
        if job.stopping:
            raise KeyboardInterrupt

    def keep_deep(self, destination: Destination) -> None:
        """Also write the picture with 16 bits a channel, unless the run has failed."""
        from impasto.session.destination import kept_at

        if self.step and self._outcome[0] != FAILED:
            replace(destination, path=self._job.deep, bits=16).save(self._run, kept_at(self.step))

    def end(self) -> None:
        """Tell how it has ended; one that is done cannot be gone on with."""
        state, error = self._outcome
        if state == DONE:
            rmtree(self._job.checkpoint, ignore_errors=True)
        self._job.becomes(state, error)


def _renamed(inputs: Iterable[Input], shelf: Shelf) -> Iterable[Input]:
    """Inputs under the names that their files had where they came from."""
    names = shelf.names()
    for each in inputs:
        yield replace(each, name=next((name for id, name in names.items() if each.name.endswith(id)), each.name))


def _plainly(text: str, shelf: Shelf) -> str:
    """A sentence with the names of pictures in place of ours for them, and of settings in place of options."""
    return without_dashes(shelf.with_names(text))
