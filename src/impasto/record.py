from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from impasto.schedule import Level

KEYWORD = "impasto"


@dataclass(frozen=True)
class Input:
    role: str
    name: str
    sha256: str | None = None
    pixels: str | None = None


@dataclass(frozen=True)
class EncoderUsed:
    name: str
    sha256: str


@dataclass(frozen=True)
class Plan:
    levels: tuple
    history: int

    def all_levels(self):
        return tuple(Level(h, w, n, t) for w, h, n, t in self.levels)


@dataclass(frozen=True)
class Made:
    impasto: str
    torch: str
    device: str
    dtype: str
    threads: int
    processes: int = 1


@dataclass(frozen=True)
class Result:
    evaluations: int
    of: int
    loss: float
    terms: Mapping[str, float]
    pixels: str
    kept: str = "last"


@dataclass(frozen=True)
class Record:
    task: str
    settings: Mapping[str, Any]
    inputs: tuple
    encoder: EncoderUsed
    plan: Plan
    made: Made
    result: Result | None = None
    start: Record | None = None

    def to_json(self):
        return asdict(self)
