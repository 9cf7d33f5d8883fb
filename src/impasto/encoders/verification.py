"""Is a file the one that was published?  Sizes and digests, and a note of what was found so as not to ask twice."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from impasto.encoders.registry import REGISTRY, WeightSource, cache_folder
from impasto.errors import MissingFileError, WeightsError
from impasto.files import file_hash, replacing
from impasto.untrusted import parsed


def check(path: Path, source: WeightSource) -> str:
    """The sha256 of a file that is proven to be the one `source` describes.

    Raises:
        WeightsError: it is not; the message says what was expected and what was found.
    """
    size, sha256 = path.stat().st_size, file_hash(path)
    md5 = file_hash(path, "md5") if source.md5 else None
    prefix = source.sha256_prefix or ""
    facts = (
        (source.size in (None, size), f"expected {source.size} bytes, got {size}"),
        (source.sha256 in (None, sha256), f"expected sha256 {source.sha256}, got {sha256}"),
        (sha256.startswith(prefix), f"expected a sha256 that begins with {prefix}, got {sha256}"),
        (source.md5 == md5, f"expected md5 {source.md5}, got {md5}"),
    )
    for holds, contradiction in facts:
        if not holds:
            raise WeightsError(f"{path} is not the published {source.file_name}: {contradiction}")
    return sha256


def check_once(path: Path, source: WeightSource) -> str:
    """As `check`, but a file that was proven before and has not changed since is not read again."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        note = parsed(_note(path, source).read_text(encoding="utf-8"))
        sha256 = str(note["sha256"])
        if note == _facts(path, sha256) and source.sha256 in (None, sha256):
            return sha256
    sha256 = check(path, source)
    remember(path, source, sha256)
    return sha256


def verify(path: str | os.PathLike[str], source: WeightSource | None = None) -> str:
    """The sha256 of a file, after comparing it with `source`, or with the registry's entry for a file of that name.

    The file is always read, whatever was remembered of it.  A file that the registry does not know passes.

    Raises:
        MissingFileError: there is no such file.
        WeightsError: the file is not what its name says.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(f"There is no file {path}")
    source = source or next((known for known in REGISTRY.values() if known.file_name == path.name), None)
    return check(path, source) if source else file_hash(path)


def remember(path: Path, source: WeightSource, sha256: str) -> None:
    """Note beside the cached files that `path` is proven.  Where nothing can be written, nothing is remembered."""
    note = _note(path, source)
    with contextlib.suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        with replacing(note) as new:
            new.write_text(json.dumps(_facts(path, sha256)), encoding="utf-8")


def _note(path: Path, source: WeightSource) -> Path:
    where = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:8]
    return cache_folder() / f"{source.file_name}.{where}.verified.json"


def _facts(path: Path, sha256: str) -> dict[str, int | str]:
    """What is noted of a proven file; once it, or another in its place, has changed, the note no longer holds.

    The time of the last change of its status is the system's own: nobody can set it back, as that of the contents.
    """
    status = path.stat()
    found = {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "ctime_ns": status.st_ctime_ns}
    return {"path": str(path.absolute()), "inode": status.st_ino, **found, "sha256": sha256}
