"""How the picture moves: solvers see an image and a function for (loss, gradient), never a network.

Every solver makes exactly one evaluation per step, at the image it is given, and answers with the next image to look
at; `result` is the image to keep. A solver holds no state of its own: what it remembers is in the state it returns.
Solvers are frozen dataclasses, states too; one that wraps another has it in its field `solver`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Protocol, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

ValueAndGrad = Callable[[Tensor], tuple[Tensor, Tensor]]
Change = Callable[[Tensor], Tensor]
S = TypeVar("S", bound="Solver")


class Solver(Protocol):
    """`state` is whatever `init` made; it belongs to one image size."""

    def init(self, image: Tensor) -> Any:
        """The state before the first step."""
        ...

    def step(self, value_and_grad: ValueAndGrad, image: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Evaluate at `image` once; the next image and state."""
        ...

    def rescale(self, state: Any, image: Tensor) -> Any:
        """The state to go on with at `image`, the same picture at another size."""
        ...

    def result(self, image: Tensor, state: Any) -> Tensor:
        """The image to show or keep after a step that gave `image` and `state`."""
        ...


# First-order --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FirstOrderState:
    """Steps done, and running means of the gradient (`first`) and its square (`second`), shaped like the image."""

    steps: int
    first: Tensor
    second: Tensor

    def mapped(self, change: Change) -> FirstOrderState:
        """The state with `change` applied to its images."""
        return FirstOrderState(self.steps, change(self.first), change(self.second))


Stepped = tuple[Tensor, FirstOrderState]  # the next image and state


class _FirstOrder:
    """What Adam, RMSprop and SGD share: their state, and how it grows with the picture."""

    def init(self, image: Tensor) -> FirstOrderState:
        """Zero moments."""
        return FirstOrderState(0, torch.zeros_like(image), torch.zeros_like(image))

    def rescale(self, state: FirstOrderState, image: Tensor) -> FirstOrderState:
        """Moments resampled to the new size, so that the next level starts warm (Crowson 2021)."""
        size = image.shape[-2:]
        first = F.interpolate(state.first, size=size, mode="bilinear", align_corners=False)
        second = F.interpolate(state.second, size=size, mode="bilinear", align_corners=False).clamp_min_(0)
        return replace(state, first=first, second=second)

    def result(self, image: Tensor, state: FirstOrderState) -> Tensor:
        """The image itself."""
        return image


@dataclass(frozen=True)
class Adam(_FirstOrder):
    """x -= lr * m / (sqrt(v) + epsilon), with bias-corrected m and v.

    Reference: Kingma & Ba 2015, algorithm 1.
    """

    lr: float = 0.02
    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-8

    def step(self, value_and_grad: ValueAndGrad, image: Tensor, state: FirstOrderState) -> Stepped:
        """One evaluation, one update."""
        _, grad = value_and_grad(image)
        steps = state.steps + 1
        first = torch.lerp(state.first, grad, 1 - self.beta1)
        second = torch.lerp(state.second, grad.square(), 1 - self.beta2)
        root = (second / (1 - self.beta2**steps)).sqrt_().add_(self.epsilon)
        moved = image - self.lr / (1 - self.beta1**steps) * first / root
        return moved, FirstOrderState(steps, first, second)


@dataclass(frozen=True)
class RMSprop(_FirstOrder):
    """v = rho v + (1 - rho) g^2;  x -= lr * g / sqrt(v + epsilon), as Keras computes it.

    `epsilon_placement="outside"` gives lr * g / (sqrt(v) + epsilon), as PyTorch does.
    Reference: Tieleman & Hinton 2012, lecture 6.5.
    """

    lr: float = 1e-3
    rho: float = 0.9
    epsilon: float = 1e-7
    epsilon_placement: Literal["inside", "outside"] = "inside"

    def step(self, value_and_grad: ValueAndGrad, image: Tensor, state: FirstOrderState) -> Stepped:
        """One evaluation, one update."""
        _, grad = value_and_grad(image)
        second = torch.lerp(state.second, grad.square(), 1 - self.rho)
        root = (second + self.epsilon).sqrt() if self.epsilon_placement == "inside" else second.sqrt() + self.epsilon
        return image - self.lr * grad / root, replace(state, steps=state.steps + 1, second=second)


@dataclass(frozen=True)
class SGD(_FirstOrder):
    """x -= lr * decay^(step / decay_steps) * g, the decay continuous, as Keras's ExponentialDecay."""

    lr: float = 1.0
    decay: float = 1.0
    decay_steps: int = 100

    def step(self, value_and_grad: ValueAndGrad, image: Tensor, state: FirstOrderState) -> Stepped:
        """One evaluation, one update."""
        _, grad = value_and_grad(image)
        rate = self.lr * self.decay ** (state.steps / self.decay_steps)
        return image - rate * grad, replace(state, steps=state.steps + 1)


# Quasi-Newton -------------------------------------------------------------------------------------------------------


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


# Wrappers -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AveragedState:
    """The wrapped solver's state, and the running mean of its images with the weight gathered so far."""

    inner: Any
    average: Tensor
    weight: float = 0.0

    def mapped(self, change: Change) -> AveragedState:
        """The state with `change` applied to its images, the wrapped solver's included."""
        return AveragedState(self.inner.mapped(change), change(self.average), self.weight)


@dataclass(frozen=True)
class Averaged:
    """Another solver whose result is the exponential moving average of its images, which takes the flicker out of Adam.

    Reference: Polyak & Juditsky 1992; for pictures, Crowson 2021 (decay 0.99).
    """

    solver: Solver
    decay: float = 0.99

    def init(self, image: Tensor) -> AveragedState:
        """An average of nothing."""
        return AveragedState(self.solver.init(image), torch.zeros_like(image))

    def step(self, value_and_grad: ValueAndGrad, image: Tensor, state: AveragedState) -> tuple[Tensor, AveragedState]:
        """The wrapped solver's step, its image taken into the average."""
        moved, inner = self.solver.step(value_and_grad, image, state.inner)
        average = torch.lerp(state.average, moved, 1 - self.decay)
        return moved, AveragedState(inner, average, 1 - (1 - state.weight) * self.decay)

    def rescale(self, state: AveragedState, image: Tensor) -> AveragedState:
        """The average starts again at each size."""
        return AveragedState(self.solver.rescale(state.inner, image), torch.zeros_like(image))

    def result(self, image: Tensor, state: AveragedState) -> Tensor:
        """The average, corrected for its short past."""
        return image if state.weight == 0 else state.average / state.weight


@dataclass(frozen=True)
class InUnits:
    """Another solver that sees the picture in other units: y = `scale` * x, as 255 for an 8-bit program.

    Step sizes and epsilons of published programs are in their own pixel units; this keeps them exact.
    """

    solver: Solver
    scale: float

    def init(self, image: Tensor) -> Any:
        """The wrapped solver's state, in its units."""
        return self.solver.init(image * self.scale)

    def step(self, value_and_grad: ValueAndGrad, image: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The wrapped solver's step, in its units."""

        def rescaled(y: Tensor) -> tuple[Tensor, Tensor]:
            value, grad = value_and_grad(y / self.scale)
            return value, grad / self.scale

        moved, state = self.solver.step(rescaled, image * self.scale, state)
        return moved / self.scale, state

    def rescale(self, state: Any, image: Tensor) -> Any:
        """The wrapped solver's state, in its units."""
        return self.solver.rescale(state, image * self.scale)

    def result(self, image: Tensor, state: Any) -> Tensor:
        """The wrapped solver's result, in the picture's units."""
        return self.solver.result(image * self.scale, state) / self.scale


@dataclass(frozen=True)
class Clamped:
    """Another solver whose images are clamped to the displayable range [0, 1] after every step."""

    solver: Solver = field(default_factory=Adam)

    def init(self, image: Tensor) -> Any:
        """The wrapped solver's state."""
        return self.solver.init(image)

    def step(self, value_and_grad: ValueAndGrad, image: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The wrapped solver's step, clamped."""
        moved, state = self.solver.step(value_and_grad, image, state)
        return moved.clamp(0, 1), state

    def rescale(self, state: Any, image: Tensor) -> Any:
        """The wrapped solver's state."""
        return self.solver.rescale(state, image)

    def result(self, image: Tensor, state: Any) -> Tensor:
        """The wrapped solver's result, clamped."""
        return self.solver.result(image, state).clamp(0, 1)


# What is inside -----------------------------------------------------------------------------------------------------


def changed(solver: S, name: str, change: Callable[[Any], Any]) -> S:
    """The same solver with `change` applied to its field `name`, and to that of every solver it wraps."""
    changes: dict[str, Callable[[Any], Any]] = {name: change, "solver": lambda inner: changed(inner, name, change)}
    there = [each.name for each in fields(solver) if each.name in changes]  # type: ignore[arg-type]
    return replace(solver, **{each: changes[each](getattr(solver, each)) for each in there})  # type: ignore[type-var]


def cautious(solver: S, factor: float) -> S:
    """The same solver, wrapped ones included, with steps `factor` as long."""
    return changed(solver, "lr", lambda lr: lr * factor)


def with_history(solver: S, pairs: int) -> S:
    """The same solver, wrapped ones included, remembering at most `pairs` steps."""
    return changed(solver, "history", lambda history: min(pairs, history))


def history(solver: Solver) -> int:
    """The steps that a solver, or one that it wraps, remembers."""
    inner = getattr(solver, "solver", None)
    return max(getattr(solver, "history", 0), history(inner) if inner else 0)


STATES = (FirstOrderState, LBFGSState, AveragedState)
