"""The queue and the history of runs, and the one thread that works: one run at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.errors import UsageError
from impasto.studio.asking import Asked
from impasto.studio.foreseeing import check
from impasto.studio.job import ACTIVE, ENDED, PREPARING, QUEUED, STOPPED, Job, kept_in
from impasto.studio.shelf import NotThereError, Shelf
from impasto.studio.work import carry_out

if TYPE_CHECKING:
    from impasto.loading import Encoders

MOST_QUEUED = 20
MOST_KEPT = 200  # runs
MOST_BYTES = 2 * 10**9  # of them all


class FullError(UsageError):
    """There are as many runs in the queue as it takes."""


class NotNowError(UsageError):
    """What cannot be done with a run as it stands."""


class Queue:
    """The runs, each in a folder of its own in `folder`.  `encoders` loads what they need, in the working thread."""

    def __init__(self, folder: Path, shelf: Shelf, encoders: Callable[[], Encoders]):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._shelf, self._load = folder, shelf, encoders
        kept = sorted(kept_in(folder, shelf), key=lambda job: job.created)
        self._jobs = {job.id: job for job in kept}
        self._waiting: list[Job] = []
        self._news = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="impasto-studio", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def close(self, patience: float = 10.0) -> None:
        """Stop the run that is at work, with its picture and its state kept; then nothing is made or told any more."""
        with self._news:
            self._closed = True
            for job in self.all():
                job.stopping = True
            self._news.notify()
        self._thread.join(patience)
        for job in self.all():
            job.feed.close()

    def __getitem__(self, id: str) -> Job:
        """The run with this id.

        Raises:
            NotThereError: there is none.
        """
        if id not in self._jobs:
            raise NotThereError("There is no such run any more.")
        return self._jobs[id]

    @property
    def busy(self) -> bool:
        """Whether a run is at work, or about to be."""
        return bool(self._waiting) or any(job.state in ACTIVE for job in self.all())

    def all(self) -> list[Job]:
        """All runs, the newest first."""
        return [*reversed(self._jobs.values())]

    def add(self, asked: Asked) -> Job:
        """A new run, at the queue's end.

        Raises:
            FullError: there are too many.
            UsageError, WeightsError: it could not begin.
        """
        check(asked, self._shelf, self._load())
        with self._news:
            if len(self._waiting) >= MOST_QUEUED:
                raise FullError(f"{MOST_QUEUED} runs are waiting, which is the most. Remove one, or wait.")
            job = Job.new(asked, self._folder)
            self._jobs[job.id] = job
            self._waiting.append(job)
            job.becomes(QUEUED)
            self._news.notify()
        self._forget()
        return job

    def stop(self, id: str) -> Job:
        """End a run after its present evaluation, with the picture that it has then; take one that waits out."""
        job = self[id]
        with self._news:
            if job in self._waiting:
                self._waiting.remove(job)
                job.becomes(STOPPED)
            elif job.state in ACTIVE:
                job.stopping = True
        return job

    def resume(self, id: str) -> Job:
        """Go on with a run that was stopped, before those that wait.

        Raises:
            NotNowError: it was not stopped.
        """
        job = self[id]
        with self._news:
            if not job.resumable:
                raise NotNowError(f"This run is {job.state}; only one that was stopped can go on.")
            job.stopping = False
            self._waiting.insert(0, job)
            job.becomes(QUEUED)
            self._news.notify()
        return job

    def remove(self, id: str) -> None:
        """Forget a run that is not at work, with its files.

        Raises:
            NotNowError: it is at work.
        """
        job = self[id]
        with self._news:
            if job.state in ACTIVE:
                raise NotNowError("This run is at work. Stop it first.")
            if job in self._waiting:
                self._waiting.remove(job)
            del self._jobs[id]
        job.remove()

    def _forget(self) -> None:
        """Let go of the oldest runs that have ended, beyond what is kept, and of pictures that none needs."""
        for job in [each for each in reversed(self.all()) if each.state in ENDED]:
            if len(self._jobs) <= MOST_KEPT and self._taken() <= MOST_BYTES:
                break
            self.remove(job.id)
        self._shelf.keep_only({id for job in self.all() for id in job.asked.used})

    def _taken(self) -> int:
        return sum(file.stat().st_size for file in self._folder.glob("*/*.png"))

    def _next(self) -> Job | None:
        """The run to carry out, once there is one: it is being prepared from now on; None at the end."""
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            job = self._waiting.pop(0)
            job.notes = []
            job.becomes(PREPARING)
            return job

    def _work(self) -> None:
        while job := self._next():
            carry_out(job, self._shelf, self._load)
