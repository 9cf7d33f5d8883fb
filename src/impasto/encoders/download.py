"""Downloads that end with the published file or with nothing: resumed, retried, verified, in place at once.

Why these lines and not a library: docs/decisions/0003-downloads.md.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable
from math import inf
from pathlib import Path

from impasto.encoders.registry import WeightSource, by_hand, cached_path, find_source, human_size, places
from impasto.encoders.verification import check, check_once, remember
from impasto.errors import WeightsError
from impasto.files import Lock, put_in_place

Progress = Callable[[int, int | None], None]


def fetch(
    name: str, *, progress: Progress | None = None, urls: Iterable[str] | None = None, force: bool = False
) -> Path:
    """The verified file of a weight set, downloaded if it is not on this computer.

    A file that is there is verified, not downloaded; `force` downloads nevertheless and replaces it when the new one
    is proven.  An interrupted download goes on where it ended.  Any number of processes may fetch at once.

    Args:
        name: The weight set, as in `vgg19.torchvision`.
        progress: Called with the bytes that are there and the bytes there will be, if known.
        urls: Mirrors to try in their order, instead of the registry's.
        force: Download even if the file is there.

    Raises:
        UnknownNameError: no weight set is called `name`.
        WeightsError: the file can be had from no mirror, cannot be stored, or is not the published one.
    """
    source = find_source(name)
    present = None if force else find_verified(source)
    if present:
        return present
    path = cached_path(source)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with Lock(path.with_name(f"{path.name}.lock"), patience=inf):
            if force or find_verified(source) != path:  # which another process may have downloaded meanwhile
                _download(path, source, tuple(urls or source.urls), progress)
    except OSError as error:
        raise WeightsError(_storage_trouble(error, path, source)) from error
    return path


def find_verified(source: WeightSource) -> Path | None:
    """The file of `source` on this computer, verified; None if there is none.

    Raises:
        WeightsError: a file of that name lies in impasto's own cache and is not the published one.
    """
    own = cached_path(source)
    for place in filter(Path.is_file, places(source)):
        try:
            check_once(place, source)
            return place
        except (WeightsError, OSError) as error:
            if place == own:
                raise WeightsError(f"{error}. Replace it: impasto weights fetch {source.name} --force") from error
    return None


def _download(path: Path, source: WeightSource, urls: tuple[str, ...], progress: Progress | None) -> None:
    from impasto.encoders.transfer import download_first  # noqa: PLC0415 - brings httpx

    part = path.with_name(f"{path.name}.part")
    missing = (source.size or 0) - (part.stat().st_size if part.exists() else 0)
    if shutil.disk_usage(part.parent).free < missing:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    try:
        sha256 = download_first(urls, part, source.size, lambda file: check(file, source), progress)
    except WeightsError as error:
        raise WeightsError(f"Cannot download {source.name}:\n{error}\n{by_hand(source)}") from error
    put_in_place(part, path)
    remember(path, source, sha256)


def _storage_trouble(error: OSError, path: Path, source: WeightSource) -> str:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):  # Windows has no EDQUOT
        return (
            f"No space left in {path.parent} for {path.name} ({human_size(source.size)}). "
            "Make room, or set IMPASTO_CACHE to a folder that has some"
        )
    reason = error.strerror or str(error)
    return f"Cannot write {path.name} to {path.parent}: {reason}. Set IMPASTO_CACHE to a folder you can write to"
