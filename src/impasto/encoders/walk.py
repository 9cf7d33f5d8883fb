"""One way forward through a chain and one way back, written out, for what a transfer asks of it: sums over positions.

Autograd would do the same in more passes over memory, which is what a small network spends its time on, and would hold
every activation to the end. Here a layer's Gram gradient is added into the gradient that comes from deeper layers by
the matrix product itself, a ReLU masks it in place, and an activation is freed as soon as the way back has passed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from impasto.encoders.base import Sums, Window
from impasto.encoders.operations import Padding, Pooling, padded_convolution, pooled, turned_convolution, unpooled
from impasto.statistics import position_rows, position_sums, sums_gradient

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
    padding: Padding
    window: Window

    def part(self, features: Tensor, sums: Sums) -> Tensor:
        """The positions of a layer that `sums` are of: a view."""
        return features[(..., *self.window(self.strides[sums.layer]))]

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
                x = padded_convolution(x, link.weight, link.bias, route.padding).relu_()
            for each in route.sums_of(link.name):
                sums[each] = position_sums(route.part(x, each), each.weight)
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
                    _add_slopes(route.part(grad, each), route.part(result, each), each.weight, *of_sums[each])
            if grad is None:
                continue
            if link.turned is None:
                before = passed[-1][0]
                grad = unpooled(grad, features[links[i - 1].name] if before is None else before, route.pooling, known)
            else:
                masked = _aten.threshold_backward.grad_input(grad, result, 0, grad_input=grad)
                del result
                grad = turned_convolution(masked, link.turned, route.padding)
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
