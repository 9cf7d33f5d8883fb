"""Pictures and masks as ComfyUI has them <-> as impasto has them.

Pictures are batches, (B, H, W, C) from 0 to 1, of 3 or 4 channels; masks are (B, H, W) or (H, W), 1 where something is
meant. Nodes run in inference mode, whose tensors no gradient may meet: `free` makes them plain ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from impasto.errors import UsageError


@contextmanager
def gradients() -> Iterator[None]:
    """Where gradients may be computed, whatever is so around."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


def free(given: Tensor) -> Tensor:
    """The same numbers, on the CPU, as a tensor that knows nothing of inference mode; within `gradients`."""
    return given.detach().to("cpu", torch.float32).clone()


def pictures_of(batch: Tensor) -> list[Tensor]:
    """Each picture of a batch.  Shape: (B, H, W, C) -> (3, H, W) each."""
    return [each[..., :3].movedim(-1, 0).clamp(0, 1) for each in free(batch)]


def batch_of(pictures: list[Tensor]) -> Tensor:
    """Pictures of one size as a batch.  Shape: (1, 3, H, W) each -> (B, H, W, 3)."""
    return torch.cat(pictures).movedim(1, -1).contiguous()


def mask_for(masks: Tensor | None, number: int, count: int, name: str) -> Tensor | None:
    """The mask of one of `count` pictures; None where there is none, or an empty one, as LoadImage gives.

    Shape: (B, H, W) or (H, W) -> (H, W).
    Raises: UsageError if there are several, but not one for each.
    """
    if masks is None:
        return None
    each = free(masks).reshape(-1, *masks.shape[-2:])
    if len(each) not in (1, count):
        raise UsageError(f"{name} has {len(each)} masks for {count} pictures; give one for all, or one for each.")
    mask = each[number % len(each)].clamp(0, 1)
    return mask if bool(mask.any()) else None


def needed(mask: Tensor | None, name: str) -> Tensor:
    """`mask`, which must not be empty.

    Raises: UsageError: it is.
    """
    if mask is None:
        raise UsageError(f"The mask of {name} is empty, as LoadImage's is where nothing is transparent; paint one.")
    return mask


def seen_through(picture: Tensor, transparent: Tensor | None) -> Tensor:
    """A picture with its transparency, from LoadImage's mask, which is 1 where nothing can be seen.

    Shape: (3, H, W), (H, W) -> (4, H, W), or (3, H, W) without a mask.
    Raises: UsageError: they are not of one size.
    """
    if transparent is None:
        return picture
    if transparent.shape != picture.shape[1:]:
        (height, width), (rows, columns) = transparent.shape, picture.shape[1:]
        raise UsageError(f"transparent has {width}x{height} pixels, but the picture {columns}x{rows}; make them alike.")
    return torch.cat([picture, 1 - transparent[None]])
