"""Sums over positions: what Gram, mean, covariance and Wasserstein losses know of a layer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from impasto.errors import UsageError

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

    The gradient reaches the features only.

    Shape: features (N, C, H, W); weight broadcastable to (N, 1, H, W).
    """
    return Moments(*_Sums.apply(features, weight))  # type: ignore[no-untyped-call]


def exactly(numbers: Tensor) -> Tensor:
    """In float64; on the CPU where the device has neither that nor eigenvalues."""
    return (numbers.cpu() if numbers.device.type in ("mps", "xpu") else numbers).double()


def at_least_float32(features: Tensor) -> Tensor:
    """`features` in float32, or as they are if they are more precise."""
    return features.to(torch.promote_types(features.dtype, torch.float32))


def position_rows(features: Tensor) -> Tensor:
    """One row per position; a view if `features` is channels_last.  Shape: (N, C, H, W) -> (N, H*W, C)."""
    return features.permute(0, 2, 3, 1).flatten(1, 2)


def position_sums(features: Tensor, weight: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """`count`, `first` and `second` of `moments`, without grad.

    They are summed over runs of neighbours, and the runs added up: one long product would carry every position's
    rounding along, to 3e-4 of sum f over a picture of 2048x2048. Features of a format shorter than float32 are summed
    in it over `RUNS` runs or more, by hardware that adds in float32, and the runs in float32: a run is rounded once, to
    0.2 % in bfloat16, and the roundings average out. A weight is rounded to the features' format, but for the count.
    """
    rows, precise = position_rows(features), torch.promote_types(features.dtype, torch.float32)
    batch, positions, _ = rows.shape
    if weight is None:
        return torch.full((batch,), float(positions), dtype=precise, device=rows.device), *_run_sums(rows, None)
    weight = weight.to(rows.device).expand(batch, 1, *features.shape[-2:])
    return weight.sum((1, 2, 3), dtype=precise), *_run_sums(rows, position_rows(weight))


def _run_sums(rows: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """Shape: rows (N, M, C), weight (N, M, 1) -> (N, C), (N, C, C), at least float32."""
    short = rows.dtype.itemsize < torch.float32.itemsize
    length = min(rows.shape[1] // RUNS if short else rows.shape[1], LONGEST_RUN)
    if length < SHORTEST_RUN or length == rows.shape[1]:
        return _products(at_least_float32(rows), weight)
    runs, rest = _split(rows, length)
    run_weights, rest_weight = (None, None) if weight is None else _split(weight, length)
    parts = zip(_products(runs, run_weights), _products(at_least_float32(rest), rest_weight), strict=True)
    first, second = (at_least_float32(part).sum(1) + last for part, last in parts)
    return first, second


def _split(rows: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Runs of `length` rows, and the rest.  Shape: (N, M, C) -> (N, M // length, length, C), (N, M % length, C)."""
    whole = rows.shape[1] // length * length
    return rows[:, :whole].view(len(rows), -1, length, rows.shape[2]), rows[:, whole:]


def _products(rows: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """Shape: rows (..., M, C), weight (..., M, 1) -> (..., C), (..., C, C)."""
    if weight is None:
        weight, weighted = rows.new_ones(1).expand(*rows.shape[:-1], 1), rows
    else:
        weight = weight.to(rows.dtype)
        weighted = rows * weight
    return (weight.mT @ rows)[..., 0, :], weighted.mT @ rows


def sums_gradient(features: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """The gradient of <`first`, sum f> + <`second`, sum f f^T> at `features`, in their format: first + (S + S^T) f."""
    first, second = first.to(features.dtype), (second + second.mT).to(features.dtype)
    rows = torch.baddbmm(first[:, None, :], position_rows(features), second)  # (N, H*W, C)
    return rows.view(len(rows), *features.shape[-2:], features.shape[1]).permute(0, 3, 1, 2)


class _Sums(torch.autograd.Function):
    """`position_sums` with one matrix product each way, backward in the features' own format.

    Autograd would take two products and two additions of the features' size for the way back, which is a third of an
    evaluation of a small encoder.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(features)
        ctx.weight = weight
        count, first, second = position_sums(features, weight)
        ctx.mark_non_differentiable(count)
        return count, first, second

    @staticmethod
    def backward(ctx: Any, _: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, None]:
        (features,) = ctx.saved_tensors
        grad = sums_gradient(features, first, second)
        return grad if ctx.weight is None else grad.mul_(ctx.weight.to(grad)), None


def blend(parts: Iterable[Moments], weights: Iterable[float]) -> Moments:
    """The weighted mean of several images' moments, whatever their sizes.  The weights are scaled to sum to 1.

    Raises:
        UsageError: they sum to 0 or less.
    """
    weights = list(weights)
    total = sum(weights)
    if not total > 0:
        raise UsageError(f"The weights of a blend sum to {total:g}; their sum must be above 0.")
    blended = [part.normalized() * (weight / total) for part, weight in zip(parts, weights, strict=True)]
    return sum(blended[1:], start=blended[0])
