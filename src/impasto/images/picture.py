"""Picture, and arrays -> Picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from impasto.errors import UsageError


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as read.

    `pixels` are sRGB values in [0, 1], upright and contiguous, not premultiplied; what cannot be seen at all has the
    mean of the visible colors.  `alpha` is None where everything is opaque.  `notes` are plain sentences worth telling
    the user.  `exif` is what its file says of it, as it is there.

    Shape: pixels (1, 3, H, W) float32, alpha (1, 1, H, W) float32
    """

    pixels: Tensor
    alpha: Tensor | None = None
    notes: tuple[str, ...] = ()
    exif: bytes = b""

    def cropped(self) -> Picture:
        """The part that holds all that can be seen; all of it if nothing can."""
        if self.alpha is None or not self.alpha.any():
            return self
        rows, columns = (torch.nonzero(self.alpha[0, 0].any(side)).flatten() for side in (1, 0))
        part = (..., slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
        return replace(self, pixels=self.pixels[part].contiguous(), alpha=self.alpha[part].contiguous())


ROUNDING = 1e-3  # beyond [0, 1]: what resizing and arithmetic leave


def from_array(array: np.ndarray) -> Picture:
    """Convert an array of sRGB values: uint8 or uint16 over their whole range, floats in [0, 1], or bool.

    Shape: (H, W) gray, (H, W, 3) color or (H, W, 4) color with alpha, not premultiplied
    """
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))) or array.size == 0:
        raise UsageError(f"The array has shape {array.shape}; it must be (H, W), (H, W, 3) or (H, W, 4), not empty.")
    if array.dtype.kind == "b":
        array = array.astype(np.uint8) * 255
    if array.dtype.kind == "f":
        low, high = float(array.min()), float(array.max())
        if not (low >= -ROUNDING and high <= 1 + ROUNDING):  # also when one of them is not a number
            raise UsageError(
                f"The array's values run from {low:g} to {high:g}; floats must lie in [0, 1]: divide them first."
            )
        array = array.clip(0, 1)
    elif array.dtype.kind != "u" or array.dtype.itemsize > 2:
        raise UsageError(f"The array holds {array.dtype}; it must hold uint8, uint16 or floats in [0, 1].")
    values = array.reshape(*array.shape[:2], -1)
    return of_samples(values[:, :, :3], values[:, :, 3:] if values.shape[2] == 4 else None)


def of_samples(colors: np.ndarray, alpha: np.ndarray | None, notes: tuple[str, ...] = ()) -> Picture:
    """Bind colors and alpha to a Picture.  Unsigned integers are taken over their whole range, floats as they are.

    CMYK becomes (1 - ink) * (1 - black), as browsers and ImageMagick show it.

    Shape: colors (H, W, 1) gray, (H, W, 3) or (H, W, 4) CMYK; alpha (H, W, 1)
    """
    planes = _planes(colors)
    if planes.shape[1] == 4:
        planes = (1 - planes[:, :3]) * (1 - planes[:, 3:])
    pixels = planes.expand(-1, 3, -1, -1).contiguous()
    opacity = None if alpha is None else _planes(alpha)
    if opacity is None or opacity.min() == 1:
        return Picture(pixels, None, notes)
    if not opacity.any():
        notes = (*notes, "the image is transparent everywhere; plain gray is used")
    return Picture(filled(pixels, opacity), opacity, notes)


def filled(pixels: Tensor, alpha: Tensor) -> Tensor:
    """Compute `pixels` with the mean of the colors, weighted by `alpha`, where nothing is visible.

    The mean is the color that differs least from the visible ones.  A picture that is transparent everywhere becomes
    mid-gray.

    Shape: pixels (1, 3, H, W), alpha (1, 1, H, W) -> (1, 3, H, W)
    """
    weight = alpha.sum(dtype=torch.float64)
    if weight == 0:
        return torch.full_like(pixels, 0.5)
    mean = (pixels * alpha).sum((2, 3), keepdim=True, dtype=torch.float64) / weight  # (1, 3, 1, 1)
    return torch.where(alpha > 0, pixels, mean.to(pixels.dtype).clamp(0, 1))


def _planes(values: np.ndarray) -> Tensor:
    """Shape: (H, W, C) -> (1, C, H, W) float32."""
    planes = np.empty((1, values.shape[2], *values.shape[:2]), np.float32)
    white = np.float32(np.iinfo(values.dtype).max if values.dtype.kind == "u" else 1)
    np.divide(values.transpose(2, 0, 1)[None], white, out=planes, casting="unsafe")
    return torch.from_numpy(planes)
