"""One way forward through a chain and one way back, written out, for what a transfer asks of it: sums over positions.

Autograd would do the same in more passes over memory, which is what a small network spends its time on, and would hold
every activation to the end. Here a layer's Gram gradient is added into the gradient that comes from deeper layers by
the matrix product itself, a ReLU masks it in place, and an activation is freed as soon as the way back has passed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.base import Sums, Window
from impasto.statistics import position_rows, position_sums, sums_gradient

Pooling = Literal["max", "average", "l2"]
Padding = Literal["zeros", "reflect", "replicate", "circular"]
Borders = tuple[Padding, Padding]
"""What lies above and below, and what to the left and right."""

_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}

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


@dataclass(frozen=True)
class Route:
    """What a `Walk` passes and what it takes along: `links` up to the deepest layer that is asked for, the sums in
    `summed` over the positions inside the `window`, and the features of the layers in `wanted`.
    """

    links: Sequence[Link]
    summed: Sequence[Sums]
    wanted: Sequence[str]
    strides: Mapping[str, int]
    pooling: Pooling
    borders: Borders
    window: Window | None

    def part(self, features: Tensor, sums: Sums) -> Tensor:
        """The positions of a layer that `sums` are of, within their box: a view."""
        inside = features[(..., *self.window(self.strides[sums.layer]))] if self.window else features
        return inside if sums.weight is None else inside[(..., *sums.box)]

    def sums_of(self, layer: str) -> list[Sums]:
        """Which of `summed` are sums of `layer`."""
        return [each for each in self.summed if each.layer == layer]


class Walk(torch.autograd.Function):
    """`apply(x, route)`: count, sum of f and sum of f f^T for each of `route.summed`, then the features of
    `route.wanted`.

    The way back can be gone once: it frees what it no longer needs.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, route: Route) -> tuple[Tensor, ...]:
        """Forward, remembering what the way back needs, if there will be one."""
        returns = ctx.needs_input_grad[0]
        sums: dict[Sums, tuple[Tensor, Tensor, Tensor]] = {}
        features: dict[str, Tensor] = {}
        passed: list[tuple[Tensor | None, Tensor | None]] = []  # each link's result, unless `features` has it; indices
        for link in route.links:
            known = None
            if link.weight is None:
                x, known = pooled(x, route.pooling)
            else:
                x = padded_convolution(x, link.weight, link.bias, route.borders).relu_()
            for each in route.sums_of(link.name):
                sums[each] = position_sums(route.part(x, each), each.counted)
            if link.name in route.wanted:
                features[link.name] = x
            if returns:
                passed.append((None if link.name in route.wanted else x, known))
        ctx.save_for_backward(*(features[name] for name in route.wanted))
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*(count for count, _, _ in sums.values()))
        ctx.passed, ctx.route = passed, route
        return (*(part for each in route.summed for part in sums[each]), *(features[name] for name in route.wanted))

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor | None) -> tuple[Tensor | None, None]:
        """The gradient at `x`, from those at what `forward` gave."""
        route: Route = ctx.route
        links, count = route.links, 3 * len(route.summed)
        features = dict(zip(route.wanted, ctx.saved_tensors, strict=True))
        of_features = dict(zip(route.wanted, slopes[count:], strict=True))
        of_sums = {each: slopes[3 * i + 1 : 3 * i + 3] for i, each in enumerate(route.summed)}
        passed: list[tuple[Tensor | None, Tensor | None]] = ctx.passed
        if len(passed) < len(links):
            raise RuntimeError("This graph was gone back through before; evaluate again.")
        grad: Tensor | None = None
        for i in reversed(range(len(links))):
            link, (result, known) = links[i], passed.pop()
            result = features[link.name] if result is None else result
            own = of_features.get(link.name)
            if own is not None:
                grad = own.clone() if grad is None else grad.add_(own)
            for each in route.sums_of(link.name):
                if any(slope is not None for slope in of_sums[each]):
                    grad = torch.zeros_like(result) if grad is None else grad
                    _add_slopes(route.part(grad, each), route.part(result, each), each.counted, *of_sums[each])
            if grad is None:
                continue
            if link.turned is None:
                before = passed[-1][0]
                grad = unpooled(grad, features[links[i - 1].name] if before is None else before, route.pooling, known)
            else:
                masked = _aten.threshold_backward.grad_input(grad, result, 0, grad_input=grad)
                del result
                grad = turned_convolution(masked, link.turned, route.borders)
                del masked
        return grad, None


def _add_slopes(
    grad: Tensor, features: Tensor, weight: Tensor | None, first: Tensor | None, second: Tensor | None
) -> None:
    """Add the gradient of a layer's sums at its `features`, weight (first + (second + second^T) f), to `grad` in place.

    A slope that is None is 0.
    """
    if weight is not None:
        batch, channels = features.shape[:2]
        first = features.new_zeros(batch, channels) if first is None else first
        second = features.new_zeros(batch, channels, channels) if second is None else second
        grad.addcmul_(sums_gradient(features, first, second), weight.to(grad))
        return
    if second is not None:
        slope = (second + second.mT).to(grad.dtype)
        if grad.is_contiguous(memory_format=torch.channels_last):
            position_rows(grad).baddbmm_(position_rows(features), slope)
        else:
            grad.permute(0, 2, 3, 1).add_((position_rows(features) @ slope).view(len(grad), *grad.shape[-2:], -1))
    if first is not None:
        rows = grad.permute(0, 2, 3, 1)  # a row of pixels at once: short runs of channels would be added slowly
        tiled = first.to(grad.dtype)[:, None, None].expand(-1, 1, grad.shape[-1], -1)
        if grad.is_contiguous(memory_format=torch.channels_last):
            rows.flatten(2).add_(tiled.flatten(2))
        else:
            rows.add_(tiled)


def padded_convolution(features: Tensor, weight: Tensor, bias: Tensor | None, borders: Borders) -> Tensor:
    """3x3 convolution that keeps the size.  Shape: (N, C, H, W) -> (N, C', H, W).

    `circular` joins opposite borders: the features of a picture that repeats, if its sides are multiples of the stride.
    """
    if borders == ("zeros", "zeros"):
        return F.conv2d(features, weight, bias, padding=1)
    rows, columns = (_MODES[padding] for padding in borders)
    if rows == columns:
        return F.conv2d(F.pad(features, (1, 1, 1, 1), mode=rows), weight, bias)
    return F.conv2d(F.pad(F.pad(features, (1, 1, 0, 0), mode=columns), (0, 0, 1, 1), mode=rows), weight, bias)


def turned_convolution(grad: Tensor, turned: Tensor, borders: Borders) -> Tensor:
    """The gradient at the features of a `padded_convolution`.  Shape: (N, C', H, W) -> (N, C, H, W)."""
    if borders == ("zeros", "zeros"):
        return F.conv2d(grad, turned, padding=1)
    padded = F.conv2d(grad, turned, padding=2)
    for axis, padding in zip((-2, -1), borders, strict=True):
        _fold(padded, axis, padding)
    return padded[..., 1:-1, 1:-1].contiguous(memory_format=torch.channels_last)


def _fold(padded: Tensor, axis: int, padding: Padding) -> None:
    """Add what lies in the padding to where it was copied from, in place."""
    if padding == "zeros":
        return
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
