"""A step of a run <-> a file: what the run goes on from, the picture to show, and the record of the step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from torch import Tensor

from impasto.checkpoint.packing import Packed, pack, unpack
from impasto.checkpoint.tensors import read_tensors, write_tensors
from impasto.engine import Snapshot, Step

FORMAT: Final = 1
DAMAGED: Final = (OSError, SafetensorError, LookupError, TypeError, ValueError)  # what reading raises


@dataclass(frozen=True)
class Kept:
    """A snapshot as it was read back, with the picture to show, (1, 3, H, W), and the record of its step."""

    snapshot: Snapshot
    image: Tensor
    step: dict[str, Any]


def write_snapshot(path: Path, step: Step) -> int:
    """Write a new file of `step`; the size of its tensors in bytes.

    Raises:
        OSError: what the system says
    """
    packed = pack(_worth_keeping(step))
    stored = {name: tensor.detach().contiguous().cpu() for name, tensor in packed.tensors.items()}
    write_tensors(path, stored, {"format": FORMAT, "tree": packed.tree, "step": step.record()})
    return packed.bytes


def read_snapshot(path: Path, device: torch.device | str) -> Kept:
    """What `write_snapshot` wrote, its tensors on `device`.

    Raises:
        one of DAMAGED: it is no longer that
    """
    tensors, about = read_tensors(path)
    placed = {name: tensor.to(device, copy=True) for name, tensor in tensors.items()}
    snapshot, image = unpack(Packed(placed, about["tree"]))
    return Kept(snapshot, image, about["step"])


def _worth_keeping(step: Step) -> tuple[Snapshot, Tensor]:
    """The snapshot and the picture to show; once the run has ended, the picture is all that anyone can go on from."""
    if step.last:
        return replace(step.snapshot, image=step.image, state=None, best=None), step.image
    return step.snapshot, step.image
