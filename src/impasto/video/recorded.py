"""How a clip was made, in its file: beside the name of the program, or in each frame of a folder."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from impasto import record
from impasto.errors import ImageError, UsageError
from impasto.files import file_hash
from impasto.recipe import Recipe
from impasto.record import KEYWORD, Input, Record
from impasto.video.reading import pyav


def record_of(opening: Record, clip: Path, recipe: Recipe) -> Record:
    """That of a clip, whose first frame has this one, painted as `recipe` says: the content is the clip."""
    digest = file_hash(clip) if clip.is_file() else hashlib.sha256(known(clip).encode()).hexdigest()
    content = Input("content", str(clip), sha256=digest)
    others = (each for each in opening.inputs if each.role != content.role)
    return replace(opening, settings=recipe.to_json(), inputs=(content, *others))


def read_record(path: Path) -> Record:
    """How the clip at `path`, a video or a folder of frames, was made.

    Raises:
        UsageError: it does not say, or not plainly.
        ImageError: it cannot be read.
    """
    if path.is_dir():
        frame = next(iter(sorted(path.glob("*.png"))), None)
        if frame is None:
            raise UsageError(f"{path} holds no frames that impasto made.")
        return record.read_record(frame)
    av = pyav()
    try:
        with av.open(str(path)) as file:
            text = {name.lower(): value for name, value in file.metadata.items()}.get(KEYWORD)
    except (av.error.FFmpegError, UnicodeError, ValueError) as problem:
        raise ImageError(f"{path} is no video that can be read: {problem}.") from problem
    if text is None:
        raise UsageError(
            f"{path} does not say how it was made: it is not of impasto, or was made with --no-metadata, or another "
            "program has saved it since."
        )
    return Record.from_text(text)


def known(source: Any) -> str:
    """What a file is known by: its digest, a folder's those of its files; else its name."""
    path = Path(source) if isinstance(source, str | Path) else None
    if path and path.is_dir():
        return " ".join(file_hash(each)[:16] for each in sorted(path.iterdir()) if each.is_file())
    return file_hash(path) if path and path.is_file() else str(source)
