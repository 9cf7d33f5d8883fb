"""A tree of dataclasses <-> tensors by name and JSON, to the bit; no pickle."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from torch import Tensor

from impasto.engine import Best, Snapshot
from impasto.solvers import STATES

_CLASSES = {each.__name__: each for each in (Snapshot, Best, *STATES)}


@dataclass(frozen=True)
class Packed:
    """A value as `tensors` by name, in the order of their memory, and a `tree` of JSON that says where they belong."""

    tensors: dict[str, Tensor]
    tree: Any

    @property
    def bytes(self) -> int:
        """The size of the tensors."""
        return sum(tensor.nbytes for tensor in self.tensors.values())


def pack(value: Any) -> Packed:
    """Take a tree of dataclasses, tuples, tensors and numbers apart.  A tensor that occurs twice is kept once."""
    names: dict[int, str] = {}
    tensors: dict[str, Tensor] = {}

    def tree(value: Any) -> Any:
        if isinstance(value, Tensor):
            name = names.setdefault(id(value), str(len(names)))
            tensors[name] = value.permute(order(value))
            return {"tensor": name, "order": order(value)}
        if isinstance(value, tuple):
            return [tree(each) for each in value]
        if is_dataclass(value) and type(value).__name__ in _CLASSES:
            parts = {each.name: tree(getattr(value, each.name)) for each in fields(value)}
            return {"class": type(value).__name__, "fields": parts}
        if isinstance(value, float) and not math.isfinite(value):
            return {"float": str(value)}
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise TypeError(f"{type(value).__name__} cannot be kept in a checkpoint; name it in solvers.STATES.")

    return Packed(tensors, tree(value))


def unpack(packed: Packed) -> Any:
    """The inverse of `pack`; only the classes of a snapshot and of solvers' states are made."""
    made: dict[str, Tensor] = {}

    def value(tree: Any) -> Any:
        if isinstance(tree, list):
            return tuple(value(each) for each in tree)
        if not isinstance(tree, dict):
            return tree
        if "float" in tree:
            return float(tree["float"])
        if "class" in tree:
            return _CLASSES[tree["class"]](**{name: value(each) for name, each in tree["fields"].items()})
        return made.setdefault(tree["tensor"], _ordered(packed.tensors[tree["tensor"]], tree["order"]))

    return value(packed.tree)


def order(tensor: Tensor) -> list[int]:
    """The dimensions as they follow each other in memory: sums are rounded in that order, so it must come back."""
    strides = tensor.stride()
    return sorted(range(tensor.ndim), key=lambda dimension: -strides[dimension])


def _ordered(stored: Tensor, order: list[int]) -> Tensor:
    return stored.permute([order.index(dimension) for dimension in range(len(order))])
