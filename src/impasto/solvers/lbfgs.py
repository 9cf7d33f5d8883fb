"""Limited-memory BFGS: a solver that learns the curvature from its last steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from impasto.solvers.base import Change, ValueAndGrad


def dot(a: Tensor, b: Tensor) -> Tensor:
    """The inner product of two images, a tensor of no dimensions: nobody waits for it."""
    return torch.dot(a.reshape(-1), b.reshape(-1))


@dataclass(frozen=True)
class LBFGSState:
    """The last good point with its loss and gradient, the step that was tried from it, and the curvature pairs.

    `pairs` holds (s, y, 1 / s.y), oldest first; `direction` and `scale` made the image now under evaluation:
    image = point + scale * direction. Before the first evaluation, `point` and all that follows is None.
    """

    point: Tensor | None = None
    loss: float = math.inf
    grad: Tensor | None = None
    direction: Tensor | None = None
    scale: float = 1.0
    pairs: tuple[tuple[Tensor, Tensor, float], ...] = ()

    def mapped(self, change: Change) -> LBFGSState:
        """The state as it is: none of its images goes to another size."""
        return self


@dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS with backtracking, one evaluation per step.

    A trial point that raises the loss by more than `tolerance` of it is not kept: the step from the last good point is
    shortened instead, as it is if the loss or the gradient there is no number; with an infinite one every other step is
    taken, as PyTorch's LBFGS does. The first step has the length min(1, 1 / |g|_1) * lr along the gradient, as in
    Schmidt's minFunc and its descendants.

    Memory: 8 bytes per value, 24 per pixel, for each of `history` pairs. `dot` is the inner product of two images. A
    step reads its numbers back from the device once: whether to keep the trial and its curvature are decided here.
    Reference: Nocedal & Wright 2006, algorithms 7.4 and 7.5.
    Differs: no search along the line beyond backtracking; a pair is kept only if its curvature s.y is positive enough.
    """

    lr: float = 1.0
    history: int = 20
    shrink: float = 0.35
    grow: float = 4.0
    tolerance: float = 0.01
    dot: Callable[[Tensor, Tensor], Tensor] = field(default=dot, repr=False)

    def init(self, image: Tensor) -> LBFGSState:
        """Nothing known yet."""
        return LBFGSState()

    def rescale(self, state: LBFGSState, image: Tensor) -> LBFGSState:
        """Curvature belongs to one size: the next level starts afresh."""
        return LBFGSState()

    def result(self, image: Tensor, state: LBFGSState) -> Tensor:
        """The last good point that was evaluated."""
        return image if state.point is None else state.point

    def step(self, value_and_grad: ValueAndGrad, image: Tensor, state: LBFGSState) -> tuple[Tensor, LBFGSState]:
        """Evaluate the trial point; move on from it if it is good, try nearer to the last good point if not."""
        value, grad = value_and_grad(image)
        pair = None if state.point is None or state.grad is None else (image - state.point, grad - state.grad)
        products = [self.dot(each, pair[1]) for each in pair] if pair else []
        loss, *curvature = torch.stack([value, *products]).tolist()
        if pair and (math.isnan(curvature[1]) or not self._improves(loss, state)):
            return self._retry(state)
        pairs = state.pairs
        if pair and self._curves_up(*curvature):
            pairs = (*pairs, (*pair, 1 / curvature[0]))[-self.history :]
        direction = two_loop(grad, pairs, self.dot).neg_()
        scale = self.lr if pairs else self._steepest(grad, state)
        moved = torch.add(image, direction, alpha=scale)
        return moved, LBFGSState(image, loss, grad, direction, scale, pairs)

    def _steepest(self, grad: Tensor, state: LBFGSState) -> float:
        """How far to go along the gradient without any curvature known."""
        if state.point is not None and not state.pairs:
            return min(self.grow * state.scale, 1e6)
        return self.lr * min(1.0, 1.0 / max(float(self.dot(grad, grad.sign())), 1e-30))

    def _improves(self, loss: float, state: LBFGSState) -> bool:
        """Whether a trial is worth keeping.  A loss that is no number is not."""
        return loss <= state.loss + self.tolerance * abs(state.loss)

    def _retry(self, state: LBFGSState) -> tuple[Tensor, LBFGSState]:
        """A shorter step in the same direction; steepest descent, its memory cleared, once that is hopeless."""
        assert state.point is not None and state.grad is not None and state.direction is not None
        scale = state.scale * self.shrink
        if state.pairs and scale < 0.02 * self.lr:
            direction = -state.grad
            scale = self._steepest(state.grad, state)
            state = replace(state, pairs=(), direction=direction)
        assert state.point is not None and state.direction is not None
        return torch.add(state.point, state.direction, alpha=scale), replace(state, scale=scale)

    def _curves_up(self, curvature: float, square: float) -> bool:
        """Whether s.y is positive enough beside y.y for the pair to be remembered."""
        least = 1e-10 * square  # 0 where a gradient is too small for its square
        return curvature > least > 0


def two_loop(
    grad: Tensor,
    pairs: tuple[tuple[Tensor, Tensor, float], ...],
    dot: Callable[[Tensor, Tensor], Tensor] = dot,
) -> Tensor:
    """The inverse-Hessian approximation of the pairs times `grad`.

    Reference: Nocedal & Wright 2006, algorithm 7.4, with H_0 = s.y / y.y of the newest pair (equation 7.20).
    """
    q = grad.clone()
    alphas = []
    for s, y, rho in reversed(pairs):
        alpha = rho * dot(s, q)
        q.addcmul_(y, alpha, value=-1)
        alphas.append(alpha)
    if pairs:
        _, y, rho = pairs[-1]
        q.mul_(1 / (rho * dot(y, y)))
    for (s, y, rho), alpha in zip(pairs, reversed(alphas), strict=True):
        q.addcmul_(s, alpha - rho * dot(y, q))
    return q
