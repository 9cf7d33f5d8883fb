"""Names of files that do not exist yet, and that no other run is going to write to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from impasto.errors import UsageError


def numbered(path: Path) -> Iterator[Path]:
    """NAME.png, NAME-2.png, NAME-3.png, ..., whatever numbers NAME itself ends with."""
    yield path
    for number in count(2):
        yield path.with_stem(f"{path.stem}-{number}")


def unused(path: Path) -> Path:
    """The first of `numbered` that is not there."""
    return next(each for each in numbered(path) if not each.exists())


@contextmanager
def reserved(path: Path, *, fresh: bool) -> Iterator[Path]:
    """Within the block, no other run writes to `path`.  A `fresh` name, which nobody asked for, gives way to the next.

    Raises:
        UsageError: another run is going to write there.
    """
    for each in numbered(path):
        lock = _locked(each)
        free = lock.is_locked or not Path(lock.lock_file).exists()
        if free and not (fresh and each.exists()):
            break
        _let_go(lock)
        if not fresh:
            raise UsageError(f"{path} is being made by another run. Choose another name, or wait for its end.")
    try:
        yield each
    finally:
        _let_go(lock)


def _locked(path: Path) -> BaseFileLock:
    """The lock of a name; not held if another run has it, or if nothing can be written beside `path`."""
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    with suppress(Timeout, OSError):  # an OSError comes of names that can just be written, and is told then
        lock.acquire(blocking=False)
    return lock


def _let_go(lock: BaseFileLock) -> None:
    """Remove the lock file while it is held, so that no other process loses its own."""
    if lock.is_locked:
        with suppress(OSError):
            Path(lock.lock_file).unlink()
        lock.release()
