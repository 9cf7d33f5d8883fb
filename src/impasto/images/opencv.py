"""Changing a size as OpenCV does it, to the last bit, for programs whose pictures went through `cv2.resize`."""

from __future__ import annotations

import torch
from torch import Tensor

_BITS = 11  # of its fixed-point weights


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
