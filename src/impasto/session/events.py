"""What a session tells: one `Planned`, then steps and notes, and one `Outcome` in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.clock import Clock as Clock  # noqa: PLC0414 - for those who show what is told
from impasto.engine import Step
from impasto.plan import Plan

if TYPE_CHECKING:
    from impasto.tasks.figures import Figure


@dataclass(frozen=True)
class Planned:
    """A run begins, or a figure, as it was planned."""

    plan: Plan | Figure


@dataclass(frozen=True)
class Stepped:
    """An evaluation is done, and what was due after it is saved."""

    step: Step


@dataclass(frozen=True)
class Milestone:
    """A line that the preset's source prints at this step; its picture is saved."""

    line: str


@dataclass(frozen=True)
class Note:
    """A sentence for whoever is looking."""

    text: str


@dataclass(frozen=True)
class Saved:
    """The run has ended well: its picture is at `path`, made at `step` (see `Step.record`)."""

    path: Path
    step: Mapping[str, Any]


@dataclass(frozen=True)
class Stopped:
    """Somebody ended the run.  The picture so far is at `path`, made at `step`; None before the first evaluation.

    `checkpoint` is the folder that another session can go on from, None if there is none.
    """

    reason: str
    path: Path | None = None
    step: Mapping[str, Any] | None = None
    checkpoint: Path | None = None


@dataclass(frozen=True)
class Failed:
    """`error` ended the run.  The best picture so far is at `path`; None if there is none, or no place for it.

    `checkpoint` is the folder that another session can go on from, if the picture could not be written where it should.
    """

    error: BaseException
    path: Path | None = None
    checkpoint: Path | None = None


Outcome = Saved | Stopped | Failed
Event = Planned | Stepped | Milestone | Note | Outcome
