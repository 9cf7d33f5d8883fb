"""Where a run's pictures go: OUT, the pictures of `--save-every`, and a place of last resort."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.cli.interrupts import check, held_back
from impasto.errors import ImpastoError, OutputError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from impasto.engine import Step
    from impasto.tasks.run import Run


def check_path(path: Path, inputs: Sequence[str], *, force: bool) -> None:
    """Make sure that the result can be written, before any work starts.

    Raises:
        UsageError, OutputError: it cannot, or not without overwriting what is there.
    """
    from impasto.images import check_output

    for source in inputs:
        if not force and path.is_file() and Path(source).is_file() and path.samefile(source):
            raise UsageError(
                f"{path} is itself one of the images to read. Choose another name for the result, "
                "or overwrite it with --force."
            )
    check_output(path, force=force)


def new_path(*parts: str) -> Path:
    """CONTENT-STYLE.png in the current folder, of the names of files, numbered if there is one already."""
    from impasto.tasks.sources import source_name

    stem = "-".join(source_name(part) for part in parts)
    path, number = Path(f"{stem}.png"), 2
    while path.exists():
        path, number = Path(f"{stem}-{number}.png"), number + 1
    return path


def save(ready: Run, image: Tensor, path: Path, *, force: bool) -> None:
    """The picture at its full size, even if the run is still at a coarser one."""
    from impasto.images import resize, save_image

    final = ready.plan.levels[-1]
    save_image(resize(image, final.height, final.width), path, alpha=ready.alpha(), force=force)


def save_result(ready: Run, image: Tensor, path: Path, *, force: bool) -> None:
    """`save`, and if that fails now that the work is done, into the folder for temporary files.

    Raises:
        ImpastoError: it could not be saved at `path`; the message says where it is instead.
    """
    try:
        save(ready, image, path, force=force)
    except ImpastoError as error:
        rescued = _rescue(ready, image, path)
        raise type(error)(f"{error} The picture is in {rescued} instead." if rescued else str(error)) from error


def _rescue(ready: Run, image: Tensor, path: Path) -> Path | None:
    """Save into the folder for temporary files; where that fails too, leave nothing and return None."""
    try:
        handle, name = tempfile.mkstemp(prefix=f"{path.stem}-", suffix=".png")
        os.close(handle)
    except OSError:
        return None
    try:
        save(ready, image, Path(name), force=True)
    except OutputError:
        Path(name).unlink()
        return None
    return Path(name)


class Snapshots:
    """The pictures of `--save-every`: OUT-0050.png, OUT-0100.png, ...; none may exist unless overwriting is allowed."""

    def __init__(self, path: Path, every: int | None, ready: Run, *, force: bool):
        from impasto.images import check_output

        self._path, self._every, self._ready, self._force = path, every, ready, force
        for done in range(every, ready.plan.evaluations, every) if every else ():
            check_output(self._name(done), force=force)

    def step(self, step: Step) -> None:
        """Save, if it is time; the last step is OUT itself."""
        if not self._every or step.done % self._every or step.last:
            return
        with held_back():
            save(self._ready, step.image, self._name(step.done), force=self._force)
        check()

    def _name(self, done: int) -> Path:
        digits = max(4, len(str(self._ready.plan.evaluations)))
        return self._path.with_stem(f"{self._path.stem}-{done:0{digits}}")
