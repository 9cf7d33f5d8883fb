"""Where a run's pictures go: OUT, the pictures of `--save-every`, and a place of last resort."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.cli.interrupts import check, held_back
from impasto.errors import ImpastoError, OutputError, UsageError

if TYPE_CHECKING:
    from filelock import BaseFileLock
    from torch import Tensor

    from impasto.engine import Step
    from impasto.tasks.run import Run


def check_path(path: Path, inputs: Sequence[str], *, force: bool, bits: int = 8) -> None:
    """Make sure that the result can be written, before any work starts.

    Raises:
        UsageError, OutputError: it cannot, or not without overwriting what is there.
    """
    from impasto.images import check_encoding, check_output

    for source in inputs:
        if not force and path.is_file() and Path(source).is_file() and path.samefile(source):
            raise UsageError(
                f"{path} is itself one of the images to read. Choose another name for the result, "
                "or overwrite it with --force."
            )
    check_output(path, force=force)
    check_encoding(path.suffix, bits=bits)


def new_path(*parts: str) -> Path:
    """CONTENT-STYLE.png in the current folder, of the names of files, numbered if there is one already."""
    from impasto.tasks.sources import source_name

    return unused(Path("-".join(source_name(part) for part in parts) + ".png"))


def unused(path: Path) -> Path:
    """`path`, numbered if there is such a file."""
    while path.exists():
        path = numbered(path)
    return path


def numbered(path: Path) -> Path:
    """The next of NAME.png, NAME-2.png, NAME-3.png, ..."""
    stem, number = re.fullmatch(r"(.*?)(?:-([1-9]\d?))?", path.stem, re.DOTALL).groups()  # type: ignore[union-attr]
    return path.with_stem(f"{stem}-{int(number or 1) + 1}")


@contextmanager
def reserved(path: Path, *, fresh: bool) -> Iterator[Path]:
    """Within the block, no other run writes to `path`.  A `fresh` name, which nobody asked for, gives way to the next.

    Raises:
        UsageError: another run is going to write there.
    """
    from filelock import FileLock, Timeout

    while True:
        lock = FileLock(path.with_name(f".{path.name}.lock"))
        with suppress(Timeout, OSError):  # an OSError comes of names that can just be written, and is told then
            lock.acquire(blocking=False)
        free = lock.is_locked or not Path(lock.lock_file).exists()
        if free and not (fresh and path.exists()):
            break
        _let_go(lock)
        if not fresh:
            raise UsageError(f"{path} is being made by another run. Choose another name, or wait for its end.")
        path = numbered(path)
    try:
        yield path
    finally:
        _let_go(lock)


def _let_go(lock: BaseFileLock) -> None:
    """Remove the lock file while it is held, so that no other process loses its own."""
    if lock.is_locked:
        with suppress(OSError):
            Path(lock.lock_file).unlink()
        lock.release()


@dataclass(frozen=True)
class Result:
    """A picture, and the record of the step it was made at (see `Step.record`)."""

    image: Tensor
    step: Mapping[str, Any]


def save(ready: Run, result: Result, path: Path, *, force: bool, metadata: bool, bits: int = 8) -> None:
    """The picture at its full size, even if the run is still at a coarser one, and with `metadata` how it was made."""
    from impasto.images import save_image
    from impasto.tasks.provenance import KEYWORD, result_record
    from impasto.tasks.remaking import full_size

    image = full_size(ready, result.image)
    text = {KEYWORD: json.dumps(result_record(ready, image, result.step))} if metadata else None
    save_image(image, path, alpha=ready.alpha(), force=force, bits=bits, text=text)


def save_result(ready: Run, result: Result, path: Path, *, force: bool, metadata: bool, bits: int = 8) -> None:
    """`save`, and if that fails now that the work is done, into the folder for temporary files.

    Raises:
        ImpastoError: it could not be saved at `path`; the message says where it is instead.
    """
    try:
        save(ready, result, path, force=force, metadata=metadata, bits=bits)
    except ImpastoError as error:
        rescued = _rescue(ready, result, path, metadata, bits)
        raise type(error)(f"{error} The picture is in {rescued} instead." if rescued else str(error)) from error


def _rescue(ready: Run, result: Result, path: Path, metadata: bool, bits: int) -> Path | None:
    """Save into the folder for temporary files; where that fails too, leave nothing and return None."""
    try:
        handle, name = tempfile.mkstemp(prefix=f"{path.stem}-", suffix=".png")
        os.close(handle)
    except OSError:
        return None
    try:
        save(ready, result, Path(name), force=True, metadata=metadata, bits=bits)
    except OutputError:
        Path(name).unlink()
        return None
    return Path(name)


class Snapshots:
    """The pictures of `--save-every`: OUT-0050.png, OUT-0100.png, ...; none may exist unless overwriting is allowed."""

    def __init__(self, path: Path, every: int | None, ready: Run, *, force: bool, metadata: bool):
        from impasto.images import check_output

        self._path, self._every, self._ready, self._force, self._metadata = path, every, ready, force, metadata
        for done in range(every, ready.plan.evaluations, every) if every else ():
            check_output(self._name(done), force=force)

    def step(self, step: Step) -> None:
        """Save, if it is time; the last step is OUT itself."""
        if not self._every or step.done % self._every or step.last:
            return
        with held_back():
            name, result = self._name(step.done), Result(step.image, step.record())
            save(self._ready, result, name, force=self._force, metadata=self._metadata)
        check()

    def _name(self, done: int) -> Path:
        digits = max(4, len(str(self._ready.plan.evaluations)))
        return self._path.with_stem(f"{self._path.stem}-{done:0{digits}}")
