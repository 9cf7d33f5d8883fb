"""Sizes of images, and changing them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import UsageError

Resampler = Callable[[Tensor, int, int], Tensor]
"""(image, height, width) -> the same picture at that size."""

_BITS = 11  # of the fixed-point weights of OpenCV


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


def at_most(image: Tensor, size: int) -> Tensor:
    """Compute `image` with its long side at `size` pixels; one that is smaller stays as it is.

    Shape: (N, C, H, W) -> (N, C, height, width)
    """
    height, width = image.shape[-2:]
    return resize(image, *size_for(height, width, min(size, max(height, width))))


def wrapping(resample: Resampler, axes: str) -> Resampler:
    """The same for pictures that repeat along `axes`, x and y: what lies beyond a border comes from the other side."""

    def resized(image: Tensor, height: int, width: int) -> Tensor:
        rows, columns = image.shape[-2:]
        above = _margin(rows, height) if "y" in axes else 0
        beside = _margin(columns, width) if "x" in axes else 0
        if (rows, columns) == (height, width) or not above + beside:
            return resample(image, height, width)
        wider = F.pad(image, (beside, beside, above, above), mode="circular")
        above, beside = above * height // rows, beside * width // columns
        larger = resample(wider, height + 2 * above, width + 2 * beside)
        return larger[..., above : above + height, beside : beside + width].contiguous()

    return resized


def _margin(before: int, after: int) -> int:
    """The fewest pixels, of a side, that become a whole number of new ones and hold what a bicubic filter sees."""
    unit = before // math.gcd(before, after)
    reach = 2 * max(1.0, before / after) + 1
    return min(before, unit * math.ceil(reach / unit))


def resize_nearest(image: Tensor, height: int, width: int) -> Tensor:
    """Compute `image` at another size: each pixel is the old one at its center, as Pillow's NEAREST takes it.

    Shape: (N, C, H, W) -> (N, C, height, width)
    """
    return F.interpolate(image, (height, width), mode="nearest-exact")


def resize_like_opencv(image: Tensor, height: int, width: int) -> Tensor:
    """Compute `image` at another size as `cv2.resize` does with 8-bit pixels: bilinear, rounded to 8 bits.

    Four pixels make one whatever the scale, so that shrinking aliases.  The weights have 11 bits, and what is below the
    last bit is cut off between rows and columns: one value in eight comes out a level off the rounded exact one.

    Shape: (N, 3, H, W) -> (N, 3, height, width)
    Reference: OpenCV's INTER_LINEAR for 8-bit images; the same as versions 4.12 and 5.0 compute on x86.
    """
    if image.shape[-2:] == (height, width):
        return image
    levels = (image * 255).round().long()
    left, right, near, far = _neighbors(image.shape[-1], width, image.device)
    inside = (left >= 0) & (left < image.shape[-1] - 1)  # columns beyond the border repeat it, unweighted
    near, far = torch.where(inside, near, 1 << _BITS), torch.where(inside, far, 0)
    left, right = left.clamp(0, image.shape[-1] - 1), right.clamp(0, image.shape[-1] - 1)
    rows = levels[..., left] * near + levels[..., right] * far
    top, bottom, near, far = _neighbors(image.shape[-2], height, image.device)
    top, bottom = top.clamp(0, image.shape[-2] - 1), bottom.clamp(0, image.shape[-2] - 1)
    above = (rows[..., top, :] >> 4) * near[:, None] >> 16
    below = (rows[..., bottom, :] >> 4) * far[:, None] >> 16
    return ((above + below + 2) >> 2).to(image.dtype) / 255


def _neighbors(before: int, after: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of each new pixel: the two old ones around its center, which may lie beyond the border, and their weights."""
    centers = ((torch.arange(after, dtype=torch.float64) + 0.5) * (before / after) - 0.5).float()
    first = centers.floor()
    fraction = centers - first
    near, far = (w.mul(1 << _BITS).round().long().to(device) for w in (1 - fraction, fraction))
    index = first.long().to(device)
    return index, index + 1, near, far
