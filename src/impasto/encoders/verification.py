"""Is a file the one that was published?  Sizes and digests, and a note of what was found so as not to ask twice."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from impasto.encoders.registry import REGISTRY, WeightSource, cache_folder
from impasto.errors import MissingFileError, WeightsError
from impasto.files import digests, file_hash, replacing


def mismatch(source: WeightSource, size: int, found: dict[str, str]) -> str:
    """What about a file contradicts `source`; empty if nothing does."""
    if source.size not in (None, size):
        return f"expected {source.size} bytes, got {size}"
    if source.sha256 not in (None, found["sha256"]):
        return f"expected sha256 {source.sha256}, got {found['sha256']}"
    if not found["sha256"].startswith(source.sha256_prefix or ""):
        return f"expected a sha256 that begins with {source.sha256_prefix}, got {found['sha256']}"
    if source.md5 not in (None, found.get("md5")):
        return f"expected md5 {source.md5}, got {found.get('md5')}"
    return ""


def check(path: Path, source: WeightSource) -> str:
    """The sha256 of a file that is proven to be the one `source` describes.

    Raises:
        WeightsError: it is not; the message says what was expected and what was found.
    """
    found = digests(path, ("sha256", "md5") if source.md5 else ("sha256",))
    wrong = mismatch(source, path.stat().st_size, found)
    if wrong:
        raise WeightsError(f"{path} is not the published {source.file_name}: {wrong}")
    return found["sha256"]


def check_once(path: Path, source: WeightSource) -> str:
    """As `check`, but a file that was proven before and has not changed since is not read again."""
    known = _remembered(path, source)
    if known is not None:
        return known
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
            new.write_text(json.dumps({**_state(path), "sha256": sha256}), encoding="utf-8")


def _remembered(path: Path, source: WeightSource) -> str | None:
    try:
        note = json.loads(_note(path, source).read_text(encoding="utf-8"))
        sha256 = str(note.pop("sha256"))
        unchanged = note == _state(path)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return sha256 if unchanged and source.sha256 in (None, sha256) else None


def _note(path: Path, source: WeightSource) -> Path:
    where = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:8]
    return cache_folder() / f"{source.file_name}.{where}.verified.json"


def _state(path: Path) -> dict[str, int]:
    status = path.stat()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
