"""One way forward through a chain and one way back, written out, for what a transfer asks of it: sums over positions.

Autograd would do the same in more passes over memory, which is what a small network spends its time on, and would hold
every activation to the end. Here a layer's Gram gradient is added into the gradient that comes from deeper layers by
the matrix product itself, a ReLU masks it in place, and an activation is freed as soon as the way back has passed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.statistics import position_rows, position_sums

Pooling = Literal["max", "average", "l2"]
Padding = Literal["zeros", "reflect", "replicate", "circular"]

_aten = torch.ops.aten


@dataclass(frozen=True)
class Link:
    """One link of a chain: a convolution with its ReLU if it has a weight, else a pooling.

    `turned` is the weight of the way back: the gradient of a convolution is a convolution.
    """

    name: str
    weight: Tensor | None = None
    bias: Tensor | None = None
    turned: Tensor | None = None


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


def _pooled(features: Tensor, pooling: Pooling) -> tuple[Tensor, Tensor | None]:
    """The result, and what the way back must know beside the features."""
    if pooling == "max":
        result, indices = _aten.max_pool2d_with_indices(features, [2, 2], [2, 2])
        return result, indices
    if pooling == "average":
        return F.avg_pool2d(features, 2), None
    result = pool2d(features, pooling)
    return result, result


def _unpooled(grad: Tensor, features: Tensor, pooling: Pooling, known: Tensor | None) -> Tensor:
    """The gradient at the features of a pooling."""
    if pooling == "max":
        arguments = ([2, 2], [2, 2], [0, 0], [1, 1], False, known)
        return cast(Tensor, _aten.max_pool2d_with_indices_backward(grad, features, *arguments))
    if known is not None:  # l2, whose result it is
        grad = grad / known
    spread = cast(Tensor, _aten.avg_pool2d_backward(grad, features, [2, 2], [2, 2], [0, 0], False, True, None))
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


class Walk(torch.autograd.Function):
    """`apply(x, links, summed, wanted, pooling, padding)`: the sums of f and of f f^T over the positions of each layer
    in `summed`, two tensors a layer, then the features of those in `wanted`.

    The way back can be gone once: it frees what it no longer needs.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        links: Sequence[Link],
        summed: Sequence[str],
        wanted: Sequence[str],
        pooling: Pooling,
        padding: Padding,
    ) -> tuple[Tensor, ...]:
        """Forward, remembering what the way back needs."""
        sums: dict[str, tuple[Tensor, Tensor]] = {}
        features: dict[str, Tensor] = {}
        passed: list[tuple[Tensor | None, Tensor | None]] = []  # each link's result, unless `features` has it; indices
        for link in links:
            known = None
            if link.weight is None:
                x, known = _pooled(x, pooling)
            else:
                x = padded_convolution(x, link.weight, link.bias, padding).relu_()
            if link.name in summed:
                sums[link.name] = position_sums(x)
            if link.name in wanted:
                features[link.name] = x
            passed.append((None if link.name in wanted else x, known))
        ctx.save_for_backward(*(features[name] for name in wanted))
        ctx.set_materialize_grads(False)
        ctx.passed, ctx.links, ctx.summed, ctx.wanted = passed, links, summed, wanted
        ctx.pooling, ctx.padding = pooling, padding
        return (*(part for name in summed for part in sums[name]), *(features[name] for name in wanted))

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor | None) -> tuple[Tensor | None, ...]:
        """The gradient at `x`, from those at what `forward` gave."""
        links, count = ctx.links, 2 * len(ctx.summed)
        features = dict(zip(ctx.wanted, ctx.saved_tensors, strict=True))
        of_features = dict(zip(ctx.wanted, slopes[count:], strict=True))
        of_sums = {name: slopes[2 * i : 2 * i + 2] for i, name in enumerate(ctx.summed)}
        passed: list[tuple[Tensor | None, Tensor | None]] = ctx.passed
        if len(passed) < len(links):
            raise RuntimeError("This graph was gone back through before; evaluate again.")
        grad: Tensor | None = None
        for i in reversed(range(len(links))):
            link = links[i]
            result, known = passed.pop()
            result = features[link.name] if result is None else result
            first, second = of_sums.get(link.name, (None, None))
            if grad is not None or first is not None or second is not None or of_features.get(link.name) is not None:
                grad = _with_slopes(grad, result, first, second, of_features.get(link.name))
            if grad is None:
                continue
            if link.weight is None:
                before = passed[-1][0] if passed else None
                before = features[links[i - 1].name] if before is None else before
                grad = _unpooled(grad, before, ctx.pooling, known)
            else:
                masked = _aten.threshold_backward.grad_input(grad, result, 0, grad_input=grad)
                del result
                grad = turned_convolution(masked, link.turned, ctx.padding)
                del masked
        return grad, None, None, None, None, None


def _with_slopes(
    grad: Tensor | None, result: Tensor, first: Tensor | None, second: Tensor | None, of_features: Tensor | None
) -> Tensor:
    """`grad`, in place, with what a layer's own sums and features add: first + (second + second^T) f + of_features."""
    if grad is None:
        grad = torch.zeros_like(result) if of_features is None else of_features.clone()
    elif of_features is not None:
        grad.add_(of_features)
    if second is not None:
        slope = (second + second.mT).to(grad.dtype)
        position_rows(grad).baddbmm_(position_rows(result), slope)
    if first is not None:
        rows = grad.permute(0, 2, 3, 1).flatten(2)  # (N, H, W*C): short runs of channels would be added slowly
        rows.add_(first.to(grad.dtype).repeat(1, grad.shape[-1])[:, None])
    return grad
