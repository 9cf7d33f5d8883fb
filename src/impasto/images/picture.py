"""Picture, and arrays -> Picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from impasto.errors import UsageError


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as read.

    `pixels` are sRGB values in [0, 1], upright and contiguous; what is transparent is composited over the mean of the
    visible colors.  `alpha` is None where everything is opaque.  `notes` are plain sentences worth telling the user.

    Shape: pixels (1, 3, H, W) float32, alpha (1, 1, H, W) float32
    """

    pixels: Tensor
    alpha: Tensor | None = None
    notes: tuple[str, ...] = ()


def from_array(array: np.ndarray) -> Picture:
    """Convert an array of sRGB values: uint8 or uint16 over their whole range, or floats in [0, 1].

    Shape: (H, W) gray, (H, W, 3) color or (H, W, 4) color with alpha, not premultiplied
    """
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))) or array.size == 0:
        raise UsageError(f"The array has shape {array.shape}; it must be (H, W), (H, W, 3) or (H, W, 4), not empty.")
    values = _unit_range(array)
    if array.ndim == 2 or array.shape[2] == 3:
        return composited(channels_first(values), None)
    return composited(channels_first(values[:, :, :3]), torch.tensor(values[:, :, 3])[None, None])


def composited(pixels: Tensor, alpha: Tensor | None, notes: tuple[str, ...] = ()) -> Picture:
    """Bind colors and alpha to a Picture: what is transparent is filled."""
    if alpha is None or alpha.min() == 1:
        return Picture(pixels, None, notes)
    if not alpha.any():
        notes = (*notes, "the image is transparent everywhere; plain gray is used")
    return Picture(_fill_behind(pixels, alpha), alpha, notes)


def _fill_behind(pixels: Tensor, alpha: Tensor) -> Tensor:
    """Compute `pixels` composited over their own mean color, weighted by `alpha`.

    The mean is the color that differs least from the visible ones, so no edge appears where the picture ends.  A
    picture that is transparent everywhere becomes mid-gray.

    Shape: pixels (1, 3, H, W), alpha (1, 1, H, W) -> (1, 3, H, W)
    """
    weight = alpha.sum(dtype=torch.float64)
    if weight == 0:
        return torch.full_like(pixels, 0.5)
    mean = (pixels * alpha).sum((2, 3), keepdim=True, dtype=torch.float64) / weight  # (1, 3, 1, 1)
    return torch.lerp(mean.to(pixels.dtype).clamp(0, 1), pixels, alpha)


def channels_first(values: np.ndarray) -> Tensor:
    """Copy (H, W) or (H, W, 3), uint8 or float32 in [0, 1], into a contiguous float32 tensor (1, 3, H, W)."""
    if values.ndim == 2:
        values = np.broadcast_to(values[:, :, None], (*values.shape, 3))
    planes = torch.from_numpy(np.array(values.transpose(2, 0, 1), order="C")[None])
    return planes.to(torch.float32).div_(255) if planes.dtype == torch.uint8 else planes


def _unit_range(array: np.ndarray) -> np.ndarray:
    """Scale an array of a known type to float32 in [0, 1]."""
    if array.dtype.kind == "u" and array.dtype.itemsize <= 2:
        return array.astype(np.float32) / np.float32(np.iinfo(array.dtype).max)
    if array.dtype.kind != "f":
        raise UsageError(f"The array holds {array.dtype}; it must hold uint8, uint16 or floats in [0, 1].")
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 1):  # also when one of them is not a number
        raise UsageError(
            f"The array's values run from {low:g} to {high:g}; floats must lie in [0, 1]: divide them first."
        )
    return array.astype(np.float32)
