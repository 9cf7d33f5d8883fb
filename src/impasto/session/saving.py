"""A picture and its record -> a file, or a place of last resort."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto.engine import NotFiniteError, Step
from impasto.images import save_image
from impasto.painting import result_of
from impasto.record import KEYWORD
from impasto.run import Run
from impasto.session.destination import Destination


@dataclass(frozen=True)
class Result:
    """A picture, (1, 3, H, W), and the record of the step it was made at (see `Step.record`)."""

    image: Tensor
    step: Mapping[str, Any]


def kept_at(step: Step, error: BaseException | None = None) -> Result:
    """The picture of the latest `step`; where its numbers broke, the best one of its level."""
    if isinstance(error, NotFiniteError) and error.record:
        return Result(error.best.image, error.record)
    return Result(step.image, step.record())


def save(run: Run, result: Result, destination: Destination) -> None:
    """Write the picture at its full size, even if the run is still at a coarser one, and how it was made.

    Raises:
        ImpastoError: it cannot be written.
    """
    image = run.full_size(result.image)
    record = run.record(result_of(image, run.alpha, result.step))
    text = {KEYWORD: record.to_text()} if destination.metadata else None
    save_image(image, destination.path, alpha=run.alpha, force=destination.force, bits=destination.bits, text=text)


def rescue(run: Run, result: Result, destination: Destination) -> Path | None:
    """Save into the folder for temporary files; where that fails too, leave nothing and return None."""
    try:
        handle, name = tempfile.mkstemp(prefix=f"{destination.path.stem}-", suffix=".png")
        os.close(handle)
    except OSError:
        return None
    try:
        save(run, result, replace(destination, path=Path(name), force=True))
    except Exception:
        with suppress(OSError):
            Path(name).unlink()
        return None
    return Path(name)
