"""Settings in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from impasto.choices import SolverSpec
from impasto.encoders.preprocessing import Preprocessing
from impasto.schedule import Pyramid


def words(value: Any) -> str:
    """A setting as it is best read: layers with their weights, solvers with their numbers, `yes` and `no`."""
    match value:
        case bool():
            text = "yes" if value else "no"
        case float():
            text = f"{value:.6g}"
        case tuple() | list():
            text = ", ".join(map(words, value)) or "none"
        case Mapping():
            text = ", ".join(map(_entry, value, value.values())) or "none"
        case Preprocessing():
            text = _colors(value)
        case SolverSpec():
            text = value.method
        case Pyramid():
            text = _sizes(value)
        case _:
            text = _nested(value) if is_dataclass(value) else str(value)
    return text


def _entry(name: str, value: Any) -> str:
    return f"{name} ({words(value)})" if isinstance(value, Mapping) else f"{name}={words(value)}"


def _colors(value: Preprocessing) -> str:
    """`(2 b - 1, 2 g - 1, 2 r - 1)`: what the network is given for a color (r, g, b) in [0, 1]."""
    channels = []
    for row, offset in zip(value.matrix, value.offset, strict=True):
        terms = [f"{factor:.6g} {color}" for factor, color in zip(row, "rgb", strict=True) if factor]
        channels.append(f"{' + '.join(terms)} {'-' if offset < 0 else '+'} {abs(offset):.6g}")
    return f"({', '.join(channels)}) of r, g, b in [0, 1]"


def _sizes(value: Pyramid) -> str:
    if value.most == 1:
        return "one size"
    shares = " : ".join(f"{share:g}" for share in value.shares)
    most = "" if value.most > 8 else f", at most {value.most} sizes"
    return (
        f"coarse to fine from {value.smallest} pixels or more, {value.factor:.6g} times larger each time{most}; "
        f"evaluations as {shares}"
    )


def _nested(value: Any) -> str:
    """`RMSprop (lr 0.001, rho 0.9), in InUnits (scale 2)`: what is wrapped comes first."""
    parts = {field.name: getattr(value, field.name) for field in fields(value) if field.repr}
    inner = [words(part) for part in parts.values() if is_dataclass(part)]
    numbers = ", ".join(
        f"{name.replace('_', ' ')} {words(part)}" for name, part in parts.items() if not is_dataclass(part)
    )
    own = f"{type(value).__name__} ({numbers})" if numbers else type(value).__name__
    return ", in ".join([*inner, own])
