"""Sizes of images, and changing them."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from impasto.errors import UsageError

Resampler = Callable[[Tensor, int, int], Tensor]
"""(image, height, width) -> the same picture at that size."""


def size_for(height: int, width: int, size: int) -> tuple[int, int]:
    """Compute the height and width of the same picture with its long side at `size` pixels.

    The short side is rounded to the nearest whole pixel, halves up, and is at least 1.
    """
    if size < 1:
        raise UsageError(f"size is {size}; it must be at least 1 pixel.")
    long, short = max(height, width), min(height, width)
    other = max(1, (2 * short * size + long) // (2 * long))
    return (size, other) if height >= width else (other, size)


def resize(image: Tensor, height: int, width: int) -> Tensor:
    """Compute `image` at another size: bicubic, antialiased, clamped to [0, 1].

    The same tensor comes back when nothing changes.  The weights apply to the sRGB values as they are, not to linear
    light: encoders learned from pictures shrunk that way, the mean of the values stays what it was (on six photographs
    linear light raised it by up to 0.012), and the negative lobes of the filter do less harm: enlarging in linear light
    clipped at least six times as many values to black, because the sRGB curve is steep there.

    Shape: (N, C, H, W) -> (N, C, height, width)
    """
    if min(height, width) < 1:
        raise UsageError(f"The new size is {width}x{height}; both sides must be at least 1 pixel.")
    if image.shape[-2:] == (height, width):
        return image
    return F.interpolate(image, (height, width), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


def resize_nearest(image: Tensor, height: int, width: int) -> Tensor:
    """Compute `image` at another size: each pixel is the old one at its center, as Pillow's NEAREST takes it.

    Shape: (N, C, H, W) -> (N, C, height, width)
    """
    return F.interpolate(image, (height, width), mode="nearest-exact")
