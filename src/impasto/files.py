"""Files: written whole or not at all, held by one process at a time, known by their digests."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from difflib import get_close_matches
from functools import partial
from itertools import chain, count, islice
from math import inf
from pathlib import Path
from typing import Final

from impasto.errors import ImpastoError, MissingFileError, OutputError, UsageError

_FOLDERS_OPEN: Final = hasattr(os, "O_DIRECTORY")  # not on Windows, where a file is flushed only if it is open to write
_DAY: Final = 86_400.0  # seconds
_FULL: Final = "Free some space or choose another disk."
_REMEDIES: Final = {
    errno.ENOSPC: _FULL,
    getattr(errno, "EDQUOT", errno.ENOSPC): _FULL,  # Windows has none
    errno.EFBIG: _FULL,
    errno.ENAMETOOLONG: "Choose a shorter name.",
}


# Reading ------------------------------------------------------------------------------------------------------------


def missing(name: str, swatches: Iterable[str] = ()) -> MissingFileError:
    """The error that there is no such file: what may have been meant, if it can be told."""
    path, parts = Path(name), [part.strip() for part in name.split(",")]
    if re.match(r"[a-z][a-z0-9+.-]+://", name, re.IGNORECASE):
        return MissingFileError(f"{name} is an address on the web, not a file. Download it first, then name the file.")
    if len(parts) > 1 and any(map(os.path.lexists, parts)):
        remedy = f"If several are meant, name each by itself: {' and '.join(parts)}."
        return MissingFileError(f"There is no file {name}. {remedy}")
    if name in swatches:
        return MissingFileError(f"There is no file {name}. Did you mean the swatch swatch:{name}?")
    if not os.path.isdir(path.parent):  # noqa: PTH112 - Path.is_dir raises where not even that may be known
        return MissingFileError(f"There is no file {path}: there is no folder {path.parent}.")
    names: dict[str, str] = {}
    with suppress(OSError):
        names = {entry.name.lower(): entry.name for entry in islice(path.parent.iterdir(), 10_000)}
    close = get_close_matches(path.name.lower(), names, n=1, cutoff=0.7)
    hint = f"Did you mean {path.with_name(names[close[0]])}?" if close else "Check the name and the folder."
    return MissingFileError(f"There is no file {path}. {hint}")


# Writing ------------------------------------------------------------------------------------------------------------


def write_atomically(target: Path, data: bytes) -> None:
    """Write `data` into `target`, which appears whole or stays as it was.

    Raises:
        OutputError: the disk is full, no permission
    """
    with output_errors(target), replacing(target) as temporary:
        temporary.write_bytes(data)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A path beside `target` for the block to fill; then it takes the place of `target`, on the disk too.

    Nothing is left behind if the block fails.

    Raises:
        OSError: what the system says
    """
    temporary = target.with_name(f".impasto-{secrets.token_hex(8)}.tmp")
    try:
        yield temporary
        _flush(temporary)
        put_in_place(temporary, target)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def put_in_place(finished: Path, target: Path) -> None:
    """Give a file that is on the disk the name `target`, which survives a power cut.

    Raises:
        OSError: what the system says
    """
    finished.replace(target)
    if _FOLDERS_OPEN:
        _flush(target.parent)


@contextmanager
def output_errors(
    target: Path, kind: type[ImpastoError] = OutputError, what: str = "{} cannot be written"
) -> Iterator[None]:
    """Turn an OSError of the block into an error of this `kind`: `what` is impossible, why, and the remedy."""
    try:
        yield
    except OSError as problem:
        reason = problem.strerror or str(problem)
        remedy = _REMEDIES.get(problem.errno or 0, "Choose another folder or name.")
        if problem.errno == errno.ENOENT and target.parent.is_dir():  # as in /proc
            reason, remedy = f"No file can be made in {target.parent}", "Choose another folder."
        raise kind(f"{what.format(target)}: {reason}. {remedy}") from problem


def check_folder(target: Path) -> None:
    """Make sure that the folder of `target` is there and may be written into.

    Raises:
        MissingFileError: it is not there, or is a file
        OutputError: no permission
    """
    folder, cannot = target.parent, f"{target} cannot be written"
    if folder.exists() and not folder.is_dir():
        raise MissingFileError(f"{cannot}: {folder} is a file, not a folder.")
    if not folder.is_dir():
        raise MissingFileError(f"{cannot}: there is no folder {folder}. Create it first.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{cannot}: no permission for the folder {folder}. Choose another folder.")


def check_beside(target: Path) -> None:
    """Raise OutputError unless a file can be made beside `target`: of /proc and /sys no permission tells that."""
    with output_errors(target), tempfile.TemporaryFile(dir=target.parent):
        pass


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if _FOLDERS_OPEN else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# Holding ------------------------------------------------------------------------------------------------------------


class InUseError(UsageError):
    """What another process holds."""


class Lock(AbstractContextManager["Lock"]):
    """A file that one process holds; it is there as long as it is held.

    `patience` is how many seconds to wait for another process, at most.

    Raises:
        InUseError: another process holds it still
        OSError: the file cannot be made
    """

    def __init__(self, path: Path, patience: float = 0.0):
        from filelock import FileLock, Timeout  # noqa: PLC0415 - wanted only by those who write

        self._path, self._lock = path, FileLock(path, thread_local=False)
        try:
            while not os.path.lexists(path) or not self._lock.is_locked:  # whoever held it may have removed it
                self._lock.release()
                self._lock.acquire(timeout=-1 if patience == inf else patience)
        except Timeout:
            raise InUseError(f"{path} is held by another process. Wait for its end.") from None

    def release(self) -> None:
        """Let others have it; a second time does nothing."""
        if self._lock.is_locked:
            with suppress(OSError):  # while it is held, so that no other process loses its own
                self._path.unlink()
            self._lock.release()

    def __exit__(self, *_: object) -> None:
        self.release()


@contextmanager
def reserved(path: Path) -> Iterator[Path]:
    """Within the block, `path` is reserved: no other process that asks for it gets it.  It may exist.

    Raises:
        InUseError: another process has reserved it
    """
    if not (held := _reservation(path)):
        raise InUseError(f"{path} is being made by another run. Choose another name, or wait for its end.")
    with held:
        yield path


@contextmanager
def reserved_new(path: Path) -> Iterator[Path]:
    """Within the block, the first of `alternatives(path)` that neither exists nor is reserved is reserved."""
    for each in alternatives(path):
        with _reservation(each) or nullcontext() as held:
            if held and not os.path.lexists(each):
                yield each
                return


def alternatives(path: Path) -> Iterator[Path]:
    """NAME.png, NAME-2.png, NAME-3.png, ..."""
    return chain([path], (path.with_stem(f"{path.stem}-{number}") for number in count(2)))


def unused(path: Path) -> Path:
    """The first of `alternatives` that is not there."""
    return next(each for each in alternatives(path) if not os.path.lexists(each))


def _reservation(path: Path) -> AbstractContextManager[object] | None:
    """The lock beside `path`, None if another process holds it.

    Where no such file can be, there is nothing to hold; if that matters, writing `path` will tell.
    """
    beside = path.with_name(f".{path.name}.lock")
    _tidy(path.parent)
    try:
        return Lock(beside)
    except InUseError:
        return None
    except OSError:
        return None if os.path.lexists(beside) else nullcontext(path)


def _tidy(folder: Path) -> None:
    """Remove what processes that were killed while they wrote have left behind; nobody writes one file for a day."""
    with suppress(OSError):
        for each in folder.glob(".impasto-*.tmp"):
            if time.time() - each.stat().st_mtime > _DAY:
                each.unlink()


# Digests ------------------------------------------------------------------------------------------------------------


def file_hash(path: str | os.PathLike[str], kind: str = "sha256") -> str:
    """The digest of a file, in hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.new, kind, usedforsecurity=False)).hexdigest()
