"""A step of a run <-> a safetensors file, to the bit: tensors by name, and JSON that says where they belong; no pickle.

Differs: `safetensors.torch.save_file` fills a temporary file with a name of its own, which a process that is killed
leaves behind; `save` holds all bytes a second time.  Here the tensors go into the named file one after the other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import safe_open
from torch import Tensor

from impasto.checkpoint.seal import BLANK, NAME, check_seal, sealed
from impasto.engine import Best, Snapshot, Step
from impasto.solvers import STATES
from impasto.untrusted import parsed

FORMAT: Final = 2  # 1: with checksums of the tensors alone
_CLASSES: Final = {each.__name__: each for each in (Snapshot, Best, *STATES)}
_TYPES: Final = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


@dataclass(frozen=True)
class Kept:
    """A snapshot as it was read back, with the picture to show, (1, 3, H, W), and the record of its step."""

    snapshot: Snapshot
    image: Tensor
    step: dict[str, Any]


def write_snapshot(path: Path, step: Step) -> int:
    """Write a new file of `step`; the size of its tensors in bytes.

    Once the run has ended, the picture is all that anyone can go on from.

    Raises:
        OSError: what the system says
    """
    ended = replace(step.snapshot, image=step.image, state=None, best=None)
    packed = pack((ended if step.last else step.snapshot, step.image))
    stored = {name: tensor.detach().contiguous().cpu() for name, tensor in packed.tensors.items()}
    write_tensors(path, stored, {"format": FORMAT, "tree": packed.tree, "step": step.record()})
    return packed.bytes


def read_snapshot(path: Path, device: torch.device | str) -> Kept:
    """What `write_snapshot` wrote, its tensors on `device`.

    Raises:
        Exception: it is no longer that
    """
    tensors, about = read_tensors(path)
    placed = {name: tensor.to(device, copy=True) for name, tensor in tensors.items()}
    match unpack(Packed(placed, about["tree"])), about["step"]:
        case (Snapshot(image=Tensor(ndim=4)) as snapshot, Tensor(ndim=4) as image), {"done": int()} as step:
            return Kept(snapshot, image, step)
    raise ValueError("it is no snapshot")


# A tree of dataclasses <-> tensors and JSON -------------------------------------------------------------------------


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
        match value:
            case Tensor():
                name = names.setdefault(id(value), str(len(names)))
                tensors[name] = value.permute(order(value))
                return {"tensor": name, "order": order(value)}
            case tuple():
                return [tree(each) for each in value]
            case float() if not math.isfinite(value):
                return {"float": str(value)}
            case None | int() | float() | str():
                return value
        kind = type(value).__name__
        if kind not in _CLASSES:
            raise TypeError(f"{kind} cannot be kept in a checkpoint; name it in solvers.STATES.")
        return {"class": kind, "fields": {each.name: tree(getattr(value, each.name)) for each in fields(value)}}

    return Packed(tensors, tree(value))


def unpack(packed: Packed) -> Any:
    """The inverse of `pack`; only the classes of a snapshot and of solvers' states are made."""
    made: dict[str, Tensor] = {}

    def value(tree: Any) -> Any:
        match tree:
            case list():
                return tuple(value(each) for each in tree)
            case {"float": number}:
                return float(number)
            case {"class": kind, "fields": parts}:
                return _CLASSES[kind](**{name: value(each) for name, each in parts.items()})
            case {"tensor": name, "order": order}:
                back = [order.index(dimension) for dimension in range(len(order))]
                return made.setdefault(name, packed.tensors[name].permute(back))
            case dict():
                raise ValueError("its description is wrong")
        return tree

    return value(packed.tree)


def order(tensor: Tensor) -> list[int]:
    """The dimensions as they follow each other in memory: sums are rounded in that order, so it must come back."""
    strides = tensor.stride()
    return sorted(range(tensor.ndim), key=lambda dimension: -strides[dimension])


# Tensors and JSON <-> a file ----------------------------------------------------------------------------------------


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write a new file, sealed: contiguous tensors on the CPU, and `about` in its header.

    Raises:
        OSError: what the system says
    """
    header: dict[str, Any] = {"__metadata__": {NAME: BLANK, "impasto": json.dumps(about)}}
    ordered = sorted(tensors.items(), key=lambda each: -each[1].element_size())  # each aligned to its own numbers
    end = 0
    for name, tensor in ordered:
        begin, end = end, end + tensor.nbytes
        header[name] = {"dtype": _TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    start = json.dumps(header).encode()
    start += b" " * (-len(start) % 8)
    data = [_bytes(tensor) for _, tensor in ordered]
    with path.open("xb") as file:
        file.write(sealed(len(start).to_bytes(8, "little") + start, *data))
        file.writelines(data)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a file, and what it says about them.

    Raises:
        Exception: it is no longer what was written
    """
    check_seal(path)
    with safe_open(path, framework="pt") as file:
        about = parsed(file.metadata()["impasto"])
        return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118 - it is no mapping


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.reshape(-1).view(torch.uint8).numpy().data
