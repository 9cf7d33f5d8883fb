"""Solvers around others: averaged, in other units, clamped; and how what they wrap is reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor

from impasto.solvers.base import Change, S, Solver, ValueAndGrad
from impasto.solvers.first_order import Adam


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

    Step sizes and epsilons of published programs are in their own pixel units; this keeps them exact. Where each place
    has its own, (1, 1, H, W), places with large ones move less.
    """

    solver: Solver
    scale: float | Tensor

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
