"""Convolution and pooling of a chain, and the way back through each."""

from __future__ import annotations

from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor

Pooling = Literal["max", "average", "l2"]
Padding = Literal["zeros", "reflect", "replicate", "circular"]

_aten = torch.ops.aten


def padded_convolution(features: Tensor, weight: Tensor, bias: Tensor | None, padding: Padding) -> Tensor:
    """3x3 convolution that keeps the size.  Shape: (N, C, H, W) -> (N, C', H, W).

    `circular` joins opposite borders: the features of a picture that repeats, if its sides are multiples of the stride.
    """
    if padding == "zeros":
        return F.conv2d(features, weight, bias, padding=1)
    return F.conv2d(F.pad(features, (1, 1, 1, 1), mode=padding), weight, bias)


def turned_convolution(grad: Tensor, turned: Tensor, padding: Padding) -> Tensor:
    """The gradient at the features of a `padded_convolution`.  Shape: (N, C', H, W) -> (N, C, H, W)."""
    if padding == "zeros":
        return F.conv2d(grad, turned, padding=1)
    padded = F.conv2d(grad, turned, padding=2)
    for axis in (-2, -1):
        _fold(padded, axis, padding)
    return padded[..., 1:-1, 1:-1].contiguous(memory_format=torch.channels_last)


def _fold(padded: Tensor, axis: int, padding: Padding) -> None:
    """Add what lies in the padding to where it was copied from, in place."""
    last = padded.shape[axis] - 2  # the feature map is 1 to last
    first_from, last_from = {"reflect": (2, last - 1), "replicate": (1, last), "circular": (last, 1)}[padding]
    padded.select(axis, first_from).add_(padded.select(axis, 0))
    padded.select(axis, last_from).add_(padded.select(axis, last + 1))


def pooled(features: Tensor, pooling: Pooling) -> tuple[Tensor, Tensor | None]:
    """The result, and what the way back must know beside the features."""
    if pooling == "max":
        result, indices = _aten.max_pool2d_with_indices(features, [2, 2], [2, 2])
        return result, indices.to(torch.int32)  # half the memory until the way back
    if pooling == "average":
        return F.avg_pool2d(features, 2), None
    result = pool2d(features, pooling)
    return result, result


def unpooled(grad: Tensor, features: Tensor, pooling: Pooling, known: Tensor | None) -> Tensor:
    """The gradient at the features of a pooling."""
    if pooling == "max":
        assert known is not None
        arguments = ([2, 2], [2, 2], [0, 0], [1, 1], False, known.to(torch.int64))
        return cast(Tensor, _aten.max_pool2d_with_indices_backward(grad, features, *arguments))
    scaled = grad if known is None else grad / known  # l2, whose result it is
    spread = cast(Tensor, _aten.avg_pool2d_backward(scaled, features, [2, 2], [2, 2], [0, 0], False, True, None))
    return spread if known is None else spread * features


def pool2d(features: Tensor, pooling: Pooling) -> Tensor:
    """2x2 pooling with stride 2; a last odd row or column is dropped.  Shape: (N, C, H, W) -> (N, C, H//2, W//2).

    `l2` is the root mean square of the window.  None is rescaled to keep the mean activation.
    """
    if pooling == "max":
        return F.max_pool2d(features, 2)
    if pooling == "average":
        return F.avg_pool2d(features, 2)
    return (F.avg_pool2d(features.square(), 2) + 1e-8).sqrt()
