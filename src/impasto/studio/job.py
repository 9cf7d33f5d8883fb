"""A run as the studio has it: what was asked, where it stands, what came of it; its folder outlasts the studio."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from threading import Lock
from typing import Any, Final

from impasto.errors import ImpastoError
from impasto.files import write_atomically
from impasto.studio.asking import Asked, asked_for
from impasto.studio.feed import Feed
from impasto.studio.previews import Previews
from impasto.studio.shelf import Shelf

QUEUED: Final = "queued"
PREPARING: Final = "preparing"
RUNNING: Final = "running"
DONE: Final = "done"
STOPPED: Final = "stopped"
FAILED: Final = "failed"
ACTIVE: Final = (PREPARING, RUNNING)
REMOVED: Final = "removed"
ENDED: Final = (DONE, STOPPED, FAILED, REMOVED)


@dataclass
class Job:
    """A run of the queue.  `state` is one of those above; `step` the record of the latest one (see `Step.record`)."""

    id: str
    asked: Asked
    folder: Path
    created: float = field(default_factory=time.time)
    state: str = QUEUED
    plan: dict[str, Any] = field(default_factory=dict)
    step: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    error: str = ""
    stopping: bool = False
    feed: Feed = field(default_factory=Feed, repr=False)
    previews: Previews = field(default_factory=Previews, repr=False)
    _keeping: Lock = field(default_factory=Lock, repr=False, compare=False)

    @classmethod
    def new(cls, asked: Asked, folder: Path) -> Job:
        """A run that waits, with a folder of its own in `folder`."""
        id = secrets.token_urlsafe(9)
        return cls(id, asked, folder / id)

    @property
    def result(self) -> Path:
        """The finished picture's file, with its record."""
        return self.folder / "result.png"

    @property
    def deep(self) -> Path:
        """The same with 16 bits a channel."""
        return self.folder / "result-16.png"

    @property
    def checkpoint(self) -> Path:
        """The folder that it goes on from."""
        return self.folder / "checkpoint"

    @property
    def resumable(self) -> bool:
        """Whether it can go on; one that was stopped before its first step begins, one that failed before it cannot."""
        return self.state == STOPPED or (self.state == FAILED and bool(self.step))

    def to_json(self) -> dict[str, Any]:
        """What those who ask are told."""
        return {
            "id": self.id,
            "state": self.state,
            "created": round(self.created, 3),
            "asked": self.asked.body,
            "plan": self.plan,
            "step": self.step,
            "notes": self.notes,
            "error": self.error,
            "preview": self.previews.number,
            "result": self.result.is_file(),
            "resumable": self.resumable,
        }

    def becomes(self, state: str, error: str = "") -> None:
        """Another state, which is told, and kept if it can be; a note says so if not."""
        with self._keeping:
            self.state, self.error = state, error
            try:
                self.keep()
            except (ImpastoError, OSError) as problem:
                if str(problem) not in self.notes:
                    self.notes.append(str(problem))
        self.feed.tell("state", **self.to_json())

    def remove(self) -> None:
        """Its files go, once all is kept that is being kept."""
        with self._keeping:
            self.state = REMOVED
            rmtree(self.folder, ignore_errors=True)
        self.feed.tell("state", **self.to_json())

    def keep(self) -> None:
        """Write down how it stands."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / "about.json", json.dumps(self.to_json()).encode())


def kept_in(folder: Path, shelf: Shelf) -> Iterator[Job]:
    """The runs of an earlier time, the oldest first; what was not at its end counts as stopped."""
    for about in folder.glob("*/about.json"):
        with suppress(ValueError, KeyError, TypeError, OSError, ImpastoError):
            values = json.loads(about.read_text(encoding="utf-8"))
            job = Job(about.parent.name, asked_for(values["asked"], shelf), about.parent, float(values["created"]))
            job.state = values["state"] if values["state"] in ENDED else STOPPED
            job.plan, job.step, job.notes = dict(values["plan"]), dict(values["step"]), list(values["notes"])
            job.error = str(values["error"])
            job.feed.tell("state", **job.to_json())
            yield job
