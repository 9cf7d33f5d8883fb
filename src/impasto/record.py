"""How a picture was made: what was asked for, of which files and programs, and what came out.

A record travels in the picture's file and in the folder of a checkpoint, as JSON.  Whoever wrote that, what is read is
a `Record`, or a UsageError says what is wrong with it.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, NamedTuple

from impasto.errors import UsageError
from impasto.untrusted import JSON, Untrusted, printable, safe_name

__all__ = [
    "FORMAT",
    "KEYWORD",
    "EncoderUsed",
    "Input",
    "Made",
    "Plan",
    "PlannedLevel",
    "Record",
    "Result",
    "printable",
    "read_record",
    "safe_name",
]

KEYWORD: Final = "impasto"  # of the text in a picture's file
FORMAT: Final = 2  # 1: without the number of processes, and without telling which picture was kept

_LONGEST: Final = 1_000_000  # characters of JSON
_STARTS: Final = 100  # runs that went on from each other
_INPUTS: Final = 64
_TERMS: Final = 4096
_LEVELS: Final = 64
_SIDE: Final = 1_000_000  # pixels
_EVALUATIONS: Final = 10_000_000  # of a level
_THREADS: Final = 1024
_PROCESSES: Final = 65_536


@dataclass(frozen=True)
class Input:
    """A picture that was used: its role, and its name as it was given.

    The sha256 of the file or, for what is no file, of its pixels: one of the two.
    """

    role: str
    name: str
    sha256: str | None = None
    pixels: str | None = None


@dataclass(frozen=True)
class EncoderUsed:
    """The encoder, and the sha256 of its weights; that is empty where they came from no file."""

    name: str
    sha256: str


class PlannedLevel(NamedTuple):
    """A level: its size in pixels, its evaluations, and the side of its tiles, None where it was not tiled."""

    width: int
    height: int
    evaluations: int
    tile: int | None


@dataclass(frozen=True)
class Plan:
    """The levels, coarse to fine, and the steps that L-BFGS remembers."""

    levels: tuple[PlannedLevel, ...]
    history: int


@dataclass(frozen=True)
class Made:
    """The versions, the device, the number format, the threads and processes: the last bits depend on them."""

    impasto: str
    torch: str
    device: str
    dtype: str
    threads: int
    processes: int = 1


@dataclass(frozen=True)
class Result:
    """How far the run was, its loss and terms there, and the sha256 of the picture's pixels.

    `kept` tells which picture that is: of the last evaluation, or the best before the numbers broke.  A number that
    is not finite is None once it is written.
    """

    evaluations: int
    of: int
    loss: float | None
    terms: Mapping[str, float | None]
    pixels: str
    kept: Literal["last", "best"] = "last"


@dataclass(frozen=True)
class Record:
    """How a picture was made; `start` is that of the picture that the run began with, if another run made it.

    `settings` are those of `task`, as plain values; whether they make sense, its Recipe knows.  `format` is that of
    the settings' names.
    """

    task: str
    settings: Mapping[str, JSON]
    inputs: tuple[Input, ...]
    encoder: EncoderUsed
    plan: Plan
    made: Made
    result: Result | None = None
    start: Record | None = None
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        """The record as lists, objects and finite numbers."""
        plain: dict[str, Any] = {
            "format": self.format,
            "task": self.task,
            "settings": _plain(self.settings),
            "inputs": [_without_none(vars(each)) for each in self.inputs],
            "encoder": _plain(vars(self.encoder)),
            "plan": _plain(vars(self.plan)),
            "made": _plain(vars(self.made)),
            "result": self.result and _plain(vars(self.result)),
            "start": self.start and self.start.to_json(),
        }
        return _without_none(plain)

    def to_text(self) -> str:
        """The record as the text of a file."""
        return json.dumps(self.to_json(), allow_nan=False)

    @classmethod
    def from_json(cls, value: object) -> Record:
        """The record that `to_json`, of this format or the one before, has computed.

        Raises:
            UsageError: it is none, it is of another format, or a value is absurd.
        """
        chain = [Untrusted(value)]
        while chain[-1]["start"].value is not None:
            chain.append(chain[-1]["start"])
            if len(chain) > _STARTS:
                chain[-1].refuse(f"missing, as {_STARTS} runs at most go on from each other")
        record = None
        for each in reversed(chain):
            record = _record(each, record)
        assert record is not None
        return record

    @classmethod
    def from_text(cls, text: str) -> Record:
        """The record of `to_text`.

        Raises:
            UsageError: as for `from_json`; it is no JSON, or longer than a million characters.
        """
        if len(text) > _LONGEST:
            raise UsageError(
                f"The record of how the picture was made has {len(text):,} characters; at most {_LONGEST:,} are read. "
                "Use a file as impasto wrote it."
            )
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as problem:
            raise UsageError(
                f"The record of how the picture was made is damaged: {printable(str(problem))}. "
                "Use a file as impasto wrote it."
            ) from None
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


# Writing ------------------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """`value` as JSON has it: tuples are lists, and what is not finite is null."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


# Reading ------------------------------------------------------------------------------------------------------------


def _record(value: Untrusted, start: Record | None) -> Record:
    version = _version(value["format"])
    return Record(
        task=value["task"].text(),
        settings={name: each.plain() for name, each in value["settings"].fields(_TERMS).items()},
        inputs=tuple(_input(each) for each in value["inputs"].entries(_INPUTS)),
        encoder=_encoder(value["encoder"]),
        plan=_plan(value["plan"]),
        made=_made(value["made"], version),
        result=value["result"].maybe(lambda each: _result(each, version)),
        start=start,
        format=version,
    )


def _version(value: Untrusted) -> int:
    version = value.whole(1, 1_000_000)
    if version > FORMAT:
        raise UsageError(f"The record has format {version}; this impasto reads up to {FORMAT}. Use a later impasto.")
    return version


def _input(value: Untrusted) -> Input:
    sha256, pixels = (value[kind].maybe(Untrusted.sha256) for kind in ("sha256", "pixels"))
    if (sha256 is None) == (pixels is None):
        value.refuse("known by its sha256 or by that of its pixels")
    return Input(value["role"].text(), value["name"].text(), sha256, pixels)


def _encoder(value: Untrusted) -> EncoderUsed:
    sha256 = value["sha256"]
    return EncoderUsed(value["name"].text(), sha256.sha256() if sha256.value != "" else "")


def _plan(value: Untrusted) -> Plan:
    levels = value["levels"].entries(_LEVELS)
    if not levels:
        value["levels"].refuse("a list of at least 1")
    return Plan(tuple(map(_level, levels)), value["history"].whole(0, _EVALUATIONS))


def _level(value: Untrusted) -> PlannedLevel:
    fields = value.entries(4)
    if len(fields) != 4:
        value.refuse("width, height, evaluations and tile")
    width, height, evaluations, tile = fields
    return PlannedLevel(
        width.whole(1, _SIDE),
        height.whole(1, _SIDE),
        evaluations.whole(1, _EVALUATIONS),
        tile.maybe(lambda each: each.whole(1, _SIDE)),
    )


def _made(value: Untrusted, version: int) -> Made:
    processes = value["processes"]
    return Made(
        impasto=value["impasto"].text(),
        torch=value["torch"].text(),
        device=value["device"].text(),
        dtype=value["dtype"].text(),
        threads=value["threads"].whole(1, _THREADS),
        processes=1 if version == 1 and processes.value is None else processes.whole(1, _PROCESSES),
    )


def _result(value: Untrusted, version: int) -> Result:
    most, kept = _LEVELS * _EVALUATIONS, value["kept"]
    if kept.value not in ("last", "best") and not (version == 1 and kept.value is None):
        kept.refuse("last or best")
    return Result(
        evaluations=value["evaluations"].whole(0, most),
        of=value["of"].whole(0, most),
        loss=value["loss"].maybe(Untrusted.number),
        terms={name: each.maybe(Untrusted.number) for name, each in value["terms"].fields(_TERMS).items()},
        pixels=value["pixels"].sha256(),
        kept="best" if kept.value == "best" else "last",
    )
