"""Sums over positions: what Gram, mean, covariance and Wasserstein losses know of a layer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

RUNS = 64  # that bfloat16 features are summed in, at least
SHORTEST_RUN, LONGEST_RUN = 32, 2**14  # positions


def gram_matrix(features: Tensor) -> Tensor:
    """G = F F^T, the inner products of the channels over all positions.

    Shape: (N, C, H, W) -> (N, C, C).
    Reference: Gatys, Ecker & Bethge 2016, equation (3).  Not divided by H*W: see `Moments.gram` for that.
    """
    flat = features.flatten(2)  # (N, C, H*W)
    return flat @ flat.mT


@dataclass(frozen=True)
class Moments:
    """`count` = sum of weights, `first` = sum of f, `second` = sum of f f^T over the positions of a layer.

    Moments add up: over tiles, over devices, over style images.  Scaling by a number scales all three, so that
    `0.7 * a.normalized() + 0.3 * b.normalized()` blends two styles.

    Shape: count (N,), first (N, C), second (N, C, C); float32, or float64 if the features are.
    """

    count: Tensor
    first: Tensor
    second: Tensor

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.count + other.count, self.first + other.first, self.second + other.second)

    def __mul__(self, factor: float | Tensor) -> Moments:
        return Moments(self.count * factor, self.first * factor, self.second * factor)

    __rmul__ = __mul__

    def normalized(self) -> Moments:
        """The same means, with a count of 1."""
        return Moments(torch.ones_like(self.count), self.mean, self.gram)

    def detach(self) -> Moments:
        """The same numbers, off the graph."""
        return Moments(self.count.detach(), self.first.detach(), self.second.detach())

    @property
    def mean(self) -> Tensor:
        """E[f].  Shape: (N, C)."""
        return self.first / self.count[:, None]

    @property
    def gram(self) -> Tensor:
        """E[f f^T], the Gram matrix per position.  Shape: (N, C, C)."""
        return self.second / self.count[:, None, None]

    @property
    def covariance(self) -> Tensor:
        """E[f f^T] - E[f] E[f]^T.  Shape: (N, C, C)."""
        mean = self.mean
        return self.gram - mean[:, :, None] * mean[:, None, :]

    @property
    def variance(self) -> Tensor:
        """The diagonal of the covariance, not below zero.  Shape: (N, C)."""
        return (self.gram.diagonal(dim1=1, dim2=2) - self.mean.square()).clamp_min(0)


def moments(features: Tensor, weight: Tensor | None = None) -> Moments:
    """Sums over the positions of `features`, each position counted `weight` times (once, if None).

    Shape: features (N, C, H, W); weight broadcastable to (N, 1, H, W).
    """
    batch, _, height, width = features.shape
    if weight is None:
        first, second = _sums(features)
        return Moments(first.new_full((batch,), float(height * width)), first, second)
    f = at_least_float32(features)
    weight = weight.to(f.dtype).expand(batch, 1, height, width)
    rows = position_rows(f)
    weighted = position_rows(f * weight)
    return Moments(weight.sum((1, 2, 3)), weighted.sum(1), weighted.mT @ rows)


def at_least_float32(features: Tensor) -> Tensor:
    """`features` in float32, or as they are if they are more precise."""
    return features.to(torch.promote_types(features.dtype, torch.float32))


def position_rows(features: Tensor) -> Tensor:
    """One row per position; a view if `features` is channels_last.  Shape: (N, C, H, W) -> (N, H*W, C)."""
    return features.permute(0, 2, 3, 1).flatten(1, 2)


def position_sums(features: Tensor) -> tuple[Tensor, Tensor]:
    """sum f and sum f f^T over positions, without grad.  Shape: (N, C, H, W) -> (N, C), (N, C, C), at least float32.

    They are summed over runs of neighbours, and the runs added up: one long product would carry every position's
    rounding along, to 3e-4 of sum f over a picture of 2048x2048. Features of a format shorter than float32 are summed
    in it over `RUNS` runs or more, by hardware that adds in float32, and the runs in float32: a run is rounded once, to
    0.2 % in bfloat16, and the roundings average out.
    """
    rows = position_rows(features)
    short = features.dtype.itemsize < torch.float32.itemsize
    length = min(rows.shape[1] // RUNS if short else rows.shape[1], LONGEST_RUN)
    if length < SHORTEST_RUN or length == rows.shape[1]:
        return _products(at_least_float32(rows))
    count = rows.shape[1] // length
    runs = rows[:, : count * length].view(len(rows), count, length, -1)
    rest = _products(at_least_float32(rows[:, count * length :]))
    first, second = (at_least_float32(part).sum(1) + last for part, last in zip(_products(runs), rest, strict=True))
    return first, second


def _products(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Shape: (..., M, C) -> (..., C), (..., C, C)."""
    ones = rows.new_ones(1).expand(*rows.shape[:-2], 1, rows.shape[-2])
    return (ones @ rows)[..., 0, :], rows.mT @ rows


def _sums(features: Tensor) -> tuple[Tensor, Tensor]:
    """sum f and sum f f^T.  Shape: (N, C, H, W) -> (N, C), (N, C, C)."""
    first, second = _Sums.apply(features)  # type: ignore[no-untyped-call]
    return first, second


class _Sums(torch.autograd.Function):
    """`_sums` with one matrix product each way, backward in the features' own format.

    The gradient of <g, sum f> + <S, sum f f^T> is g + (S + S^T) f; autograd would take two products and two additions
    of the features' size for it, which is a third of an evaluation of a small encoder.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(features)
        return position_sums(features)

    @staticmethod
    def backward(ctx: Any, first: Tensor, second: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        batch, channels, height, width = features.shape
        first, second = first.to(features.dtype), (second + second.mT).to(features.dtype)
        grad = torch.baddbmm(first[:, None, :], position_rows(features), second)  # (N, H*W, C)
        return grad.view(batch, height, width, channels).permute(0, 3, 1, 2)


def blend(parts: Iterable[Moments], weights: Iterable[float]) -> Moments:
    """The weighted mean of several images' moments, whatever their sizes.  The weights are scaled to sum to 1."""
    weights = list(weights)
    total = sum(weights)
    blended = [part.normalized() * (weight / total) for part, weight in zip(parts, weights, strict=True)]
    return sum(blended[1:], start=blended[0])
