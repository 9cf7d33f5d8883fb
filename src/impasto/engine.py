"""The loop, and nothing else: a problem, a solver and a schedule make a sequence of steps."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from impasto.errors import DivergedError
from impasto.objective import Evaluation, Objective
from impasto.schedule import Level
from impasto.solvers import Solver


class Problem(Protocol):
    """What is optimised, at any size."""

    def initial(self, level: Level) -> Tensor:
        """The picture to begin with at the first level.  Shape: (1, 3, level.height, level.width)."""
        ...

    def enlarged(self, image: Tensor, level: Level) -> Tensor:
        """The picture so far, taken to the next level's size."""
        ...

    def objective(self, level: Level) -> Objective:
        """What is minimised at this level."""
        ...


@dataclass(frozen=True)
class Step:
    """One record for the command line, the logs and the tests.

    `level` and `iteration` count from 1; `iterations` is this level's; `done` and `total` count evaluations over all
    levels; `size` is (width, height) in pixels; `seconds` is the time since the run began. `image` is the picture to
    keep after this step, (1, 3, H, W); `loss` and `terms` were found at the image this step began with.
    """

    level: int
    levels: int
    iteration: int
    iterations: int
    done: int
    total: int
    size: tuple[int, int]
    seconds: float
    evaluation: Evaluation = field(repr=False)
    image: Tensor = field(repr=False)

    @property
    def loss(self) -> float:
        """The whole objective; reading it waits for the device."""
        return float(self.evaluation.loss)

    @property
    def terms(self) -> dict[str, float]:
        """Each term, weighted; they add up to `loss`."""
        return {name: float(value) for name, value in self.evaluation.terms.items()}

    @property
    def last(self) -> bool:
        """Whether the run ends with this step."""
        return self.done == self.total

    def record(self) -> dict[str, Any]:
        """The step as plain JSON values, without its picture."""
        names = ("level", "levels", "iteration", "iterations", "done", "total")
        return {name: getattr(self, name) for name in names} | {
            "size": list(self.size),
            "seconds": round(self.seconds, 4),
            "loss": self.loss,
            "terms": self.terms,
        }


class _Watched:
    """An objective as solvers want it, (loss, gradient), that remembers its last evaluation."""

    def __init__(self, objective: Objective):
        self._objective = objective
        self.evaluation: Evaluation | None = None

    def __call__(self, image: Tensor) -> tuple[Tensor, Tensor]:
        self.evaluation = self._objective.evaluate(image)
        return self.evaluation.loss, self.evaluation.grad


def _check_finite(image: Tensor, evaluation: Evaluation) -> None:
    """Stop at the first step whose picture is not finite.  A solver that backs off from a bad trial point goes on."""
    if not bool(torch.isfinite(image.sum())):
        broken = [name for name, value in evaluation.terms.items() if not bool(torch.isfinite(value))]
        raise DivergedError(
            f"The picture is no longer finite ({', '.join(broken) or 'its gradient'}); "
            "try float32, a smaller step or a smaller weight."
        )


def iterate(problem: Problem, solver: Solver, levels: Sequence[Level]) -> Iterator[Step]:
    """Run `solver` over `levels`, coarse to fine, yielding after every evaluation.  Closing the iterator stops the run.

    Raises:
        DivergedError: the picture is not finite; the steps before it were.
    """
    started, done, total = time.perf_counter(), 0, sum(level.iterations for level in levels)
    image = problem.initial(levels[0])
    state = solver.init(image)
    for index, level in enumerate(levels, 1):
        if index > 1:
            image = problem.enlarged(solver.result(image, state), level)
            state = solver.rescale(state, image)
        value_and_grad = _Watched(problem.objective(level))
        for iteration in range(1, level.iterations + 1):
            image, state = solver.step(value_and_grad, image, state)
            assert value_and_grad.evaluation is not None
            _check_finite(image, value_and_grad.evaluation)
            done += 1
            yield Step(
                level=index,
                levels=len(levels),
                iteration=iteration,
                iterations=level.iterations,
                done=done,
                total=total,
                size=(level.width, level.height),
                seconds=time.perf_counter() - started,
                evaluation=value_and_grad.evaluation,
                image=solver.result(image, state),
            )
