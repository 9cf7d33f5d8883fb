"""Paths, bytes and open files -> a stream, or in plain words why there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from impasto.errors import ImageError, MissingFileError

ImageFile = str | os.PathLike[str] | bytes | BinaryIO


@contextmanager
def stream_of(source: ImageFile) -> Iterator[tuple[BinaryIO, str]]:
    """A stream of `source`, and what to call it; one that the caller has opened stays open."""
    if isinstance(source, str | os.PathLike):
        with _opened_file(Path(source)) as file:
            yield file, os.fspath(source)
    elif isinstance(source, bytes):
        yield BytesIO(source), "The image"
    else:
        name = getattr(source, "name", None)
        yield source, name if isinstance(name, str) else "The image"  # some have numbers for names


def _opened_file(path: Path) -> BinaryIO:
    """Open `path`, or say plainly why not."""
    try:
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError, ValueError) as problem:  # ValueError: a null byte in the name
        raise MissingFileError(_missing(path)) from problem
    except OSError as problem:
        if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where not even that may be known
            raise MissingFileError(f"{path} is a folder, not an image; name a file in it.") from problem
        remedy = "Check its permissions and its name."
        raise ImageError(f"{path} cannot be opened: {problem.strerror}. {remedy}") from problem


def _missing(path: Path) -> str:
    """Say what is missing, a file or already its folder, and what may have been meant."""
    if not os.path.isdir(path.parent):  # noqa: PTH112
        return f"There is no file {path}: there is no folder {path.parent}."
    names: dict[str, str] = {}
    with suppress(OSError):
        names = {entry.name.lower(): entry.name for entry in islice(path.parent.iterdir(), 10_000)}
    close = get_close_matches(path.name.lower(), names, n=1, cutoff=0.7)
    hint = f"Did you mean {path.with_name(names[close[0]])}?" if close else "Check the name and the folder."
    return f"There is no file {path}. {hint}"
