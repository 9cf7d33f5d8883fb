"""How a picture was made: what was asked for, of which files and programs, and what came out.

A record travels in the picture's file and in the folder of a checkpoint, as JSON.  Whoever wrote that, what is read is
a `Record`, or a UsageError says what is wrong with it.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, Literal, NamedTuple, cast

from impasto.choices import MOST_EVALUATIONS, MOST_LEVELS, MOST_STYLES
from impasto.errors import UsageError
from impasto.untrusted import JSON, Untrusted, listed, named, parsed, unusable, whole
from impasto.untrusted import printable as printable  # noqa: PLC0414 - also for those who show a record
from impasto.untrusted import safe_name as safe_name  # noqa: PLC0414

MOST_INPUTS: Final = 4 * MOST_STYLES  # with their masks, and the other pictures
KEYWORD: Final = "impasto"  # of the text in a picture's file
FORMAT: Final = 2  # 1: without the number of processes, and without telling which picture was kept

_LONGEST: Final = 1_000_000  # characters of JSON
_STARTS: Final = 100  # runs that went on from each other

Text = Annotated[str, Untrusted.text]
Sha256 = Annotated[str, Untrusted.sha256]
Number = Annotated[float, Untrusted.number]  # one that is not finite is None once it is written
Side = Annotated[int, whole(1, 1_000_000)]  # pixels
Evaluations = Annotated[int, whole(0, MOST_LEVELS * MOST_EVALUATIONS)]


@dataclass(frozen=True)
class Input:
    """A picture that was used: its role, and its name as it was given.

    The sha256 of the file or, for what is no file, of its pixels: one of the two.
    """

    role: Text
    name: Text
    sha256: Sha256 | None = None
    pixels: Sha256 | None = None

    def __post_init__(self) -> None:
        if (self.sha256 is None) == (self.pixels is None):
            raise ValueError("known by its sha256 or by that of its pixels")


@dataclass(frozen=True)
class EncoderUsed:
    """The encoder, and the sha256 of its weights; that is empty where they came from no file."""

    name: Text
    sha256: Annotated[str, lambda value: value.value if value.value == "" else value.sha256()]


class PlannedLevel(NamedTuple):
    """A level: its size in pixels, its evaluations, and the side of its tiles, None where it was not tiled."""

    width: Side
    height: Side
    evaluations: Annotated[int, whole(1, MOST_EVALUATIONS)]
    tile: Side | None


@dataclass(frozen=True)
class Plan:
    """The levels, coarse to fine, and the steps that L-BFGS remembers."""

    levels: Annotated[tuple[PlannedLevel, ...], listed(PlannedLevel, 1, MOST_LEVELS)]
    history: Annotated[int, whole(0, MOST_EVALUATIONS)]


@dataclass(frozen=True)
class Made:
    """The versions, the device, the number format, the threads and processes: the last bits depend on them."""

    impasto: Text
    torch: Text
    device: Text
    dtype: Text
    threads: Annotated[int, whole(1, 1024)]
    processes: Annotated[int, whole(1, 65_536)] = 1


@dataclass(frozen=True)
class Result:
    """How far the run was, its loss and terms there, and the sha256 of the picture's pixels.

    `kept` tells which picture that is: of the last evaluation, or the best before the numbers broke.
    """

    evaluations: Evaluations
    of: Evaluations
    loss: Number | None
    terms: Annotated[Mapping[str, float | None], named(Number | None, 4096)]
    pixels: Sha256
    kept: Literal["last", "best"] = "last"


@dataclass(frozen=True)
class Record:
    """How a picture was made; `start` is that of the picture that the run began with, if another run made it.

    `settings` are those of `task`, as plain values; whether they make sense, its Recipe knows.  `format` is that of
    the settings' names.
    """

    task: Text
    settings: Annotated[Mapping[str, JSON], named(Annotated[Any, Untrusted.plain], 4096)]
    inputs: Annotated[tuple[Input, ...], listed(Input, 0, MOST_INPUTS)]
    encoders: Annotated[tuple[EncoderUsed, ...], listed(EncoderUsed, 1, MOST_LEVELS)]
    plan: Plan
    made: Made
    result: Result | None = None
    start: Record | None = None
    format: Annotated[int, whole(1, FORMAT)] = FORMAT

    def to_json(self) -> dict[str, Any]:
        """The record as lists, objects and finite numbers."""
        return {"format": self.format, **_plain(self)}

    def to_text(self) -> str:
        """The record as the text of a file."""
        return json.dumps(self.to_json(), allow_nan=False)

    @classmethod
    def from_json(cls, value: object) -> Record:
        """The record that `to_json`, of this format or the one before, has computed.

        Raises:
            UsageError: it is none, it is of another format, or a value is absurd.
        """
        _check_formats(Untrusted(value))
        return cast(Record, Untrusted(_current(cast(dict[str, Any], value))).read(Record))

    @classmethod
    def from_text(cls, text: str) -> Record:
        """The record of `to_text`.

        Raises:
            UsageError: as for `from_json`; it is no JSON, or longer than a million characters.
        """
        if len(text) > _LONGEST:
            raise unusable(f"has {len(text):,} characters; at most {_LONGEST:,} are read")
        try:
            value = parsed(text)
        except ValueError as problem:
            raise unusable(f"is damaged: {printable(str(problem))}") from None
        return cls.from_json(value)


def read_record(file: str | os.PathLike[str] | bytes | BinaryIO) -> Record:
    """How the picture in `file` was made.

    Raises:
        UsageError: it does not say, or not plainly.
        MissingFileError, ImageError: it cannot be read.
    """
    from impasto.images import read_text  # noqa: PLC0415 - brings PyTorch

    text = read_text(file).get(KEYWORD)
    if text is None:
        name = printable(os.fspath(Path(file))) if isinstance(file, str | os.PathLike) else "The image"
        raise UsageError(
            f"{name} does not say how it was made: it is not of impasto, or was made with --no-metadata, "
            "or another program has saved it since."
        )
    return Record.from_text(text)


def _plain(value: Any) -> Any:
    """`value` as JSON has it: tuples are lists, and what is not finite is null.  Fields that are None are left out."""
    if is_dataclass(value):
        return {name: _plain(each) for name, each in vars(value).items() if each is not None}
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _check_formats(record: Untrusted) -> None:
    """Make sure that the formats of a record, and of those that it began with, are known, and that these end."""
    for _ in range(_STARTS):
        version = record["format"].whole(1, 1_000_000)
        if version > FORMAT:
            raise UsageError(f"The record has format {version}; this impasto reads up to {FORMAT}. Use a later one.")
        record = record["start"]
        if record.value is None:
            return
    record.refuse(f"missing, as {_STARTS} runs at most go on from each other")


def _current(record: dict[str, Any]) -> dict[str, Any]:
    """A record with what its format does not have: one encoder was enough, the first knew one process and picture."""
    record = dict(record)
    if "encoder" in record:
        record.setdefault("encoders", [record.pop("encoder")])
    missing: dict[str, dict[str, Any]] = {"made": {"processes": 1}, "result": {"kept": "last"}}
    for name, more in missing.items():
        if record["format"] == 1 and isinstance(record.get(name), dict):
            record[name] = {**more, **record[name]}
    if record.get("start") is not None:
        record["start"] = _current(record["start"])
    return record
