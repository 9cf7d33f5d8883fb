"""The loop, and nothing else: a problem, a solver and a schedule make a sequence of steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from impasto.errors import DivergedError
from impasto.objective import Evaluation, Objective
from impasto.schedule import Level
from impasto.solvers import Solver

RECENT = 64  # losses that are remembered
Until = Callable[[Sequence[float]], bool]


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
class Best:
    """The lowest loss of a level so far, and the picture that has it."""

    loss: float
    image: Tensor


@dataclass(frozen=True)
class Snapshot:
    """Where a run stands between two evaluations: all that it takes to go on from there, to the bit.

    `level` and `iteration` are those that are done, as in `Step`; `image` is the next to be evaluated, (1, 3, H, W),
    and `state` the solver's, None for one that is yet to begin. `seconds` have passed, and the run was begun again
    `restarts` times because a number was not finite. `losses` are the level's, the latest last, `RECENT` at most.
    Nothing in it changes later: keeping it copies nothing.
    """

    level: int
    iteration: int
    image: Tensor = field(repr=False)
    state: Any = field(default=None, repr=False)
    best: Best | None = field(default=None, repr=False)
    seconds: float = 0.0
    restarts: int = 0
    losses: tuple[float, ...] = ()


class NotFiniteError(DivergedError):
    """`DivergedError` that tells `where`, and has a snapshot of the best picture so far to begin again from."""

    def __init__(self, where: str, best: Snapshot):
        super().__init__(
            f"The picture is no longer finite ({where}); try float32, another solver, or a smaller weight of that term."
        )
        self.where = where
        self.best = best


@dataclass(frozen=True)
class Step:
    """One record for the command line, the logs and the tests.

    `level` and `iteration` count from 1; `iterations` is this level's; `done` and `total` count evaluations over all
    levels; `size` is (width, height) in pixels; `seconds` is the time since the run began. `image` is the picture to
    keep after this step, (1, 3, H, W); `loss` and `terms` were found at the image this step began with. `snapshot` is
    what `iterate` goes on from; `note` is a sentence worth telling, if something happened on the way to this step.
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
    snapshot: Snapshot = field(repr=False)
    note: str = ""

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
        return (
            {name: getattr(self, name) for name in names}
            | {
                "size": list(self.size),
                "seconds": round(self.seconds, 4),
                "loss": self.loss,
                "terms": self.terms,
            }
            | ({"note": self.note} if self.note else {})
        )


class _Watched:
    """An objective as solvers want it, (loss, gradient), that remembers its last evaluation."""

    def __init__(self, objective: Objective):
        self._objective = objective
        self.evaluation: Evaluation | None = None

    def __call__(self, image: Tensor) -> tuple[Tensor, Tensor]:
        self.evaluation = self._objective.evaluate(image)
        return self.evaluation.loss, self.evaluation.grad


def iterate(
    problem: Problem,
    solver: Solver,
    levels: Sequence[Level],
    start: Snapshot | None = None,
    until: Until | None = None,
) -> Iterator[Step]:
    """Run `solver` over `levels`, coarse to fine, yielding after every evaluation.  Closing the iterator stops the run.

    With `start`, a snapshot of the same run, the steps that come after it, bit for bit. A level ends early once `until`
    says so of its latest losses; from then on it counts with the evaluations it had.

    Raises:
        NotFiniteError: a number is not finite, and the solver did not back off; the steps before it were.
    """
    began = time.perf_counter() - (start.seconds if start else 0.0)
    at = start or Snapshot(1, 0, problem.initial(levels[0]))
    if at.state is None:
        at = replace(at, state=solver.init(at.image))
    for number in range(at.level, len(levels) + 1):
        if number > at.level:
            at = _enlarged(at, problem, solver, levels[number - 1])
        levels = _shortened(levels, at, until)
        if at.iteration == levels[number - 1].iterations:
            continue
        value_and_grad = _Watched(problem.objective(levels[number - 1]))
        while at.iteration < levels[number - 1].iterations:
            at = _advanced(at, solver, value_and_grad, began)
            levels = _shortened(levels, at, until)
            assert value_and_grad.evaluation is not None
            yield _step(at, levels, value_and_grad.evaluation, solver.result(at.image, at.state))


def _shortened(levels: Sequence[Level], at: Snapshot, until: Until | None) -> Sequence[Level]:
    """The levels, the one at hand with no more evaluations than it had if it is done."""
    if until is None or not until(at.losses):
        return levels
    now = at.level - 1
    return (*levels[:now], replace(levels[now], iterations=at.iteration), *levels[now + 1 :])


def _enlarged(at: Snapshot, problem: Problem, solver: Solver, level: Level) -> Snapshot:
    """The beginning of the next level."""
    image = problem.enlarged(solver.result(at.image, at.state), level)
    return replace(
        at, level=at.level + 1, iteration=0, image=image, state=solver.rescale(at.state, image), best=None, losses=()
    )


def _advanced(at: Snapshot, solver: Solver, value_and_grad: _Watched, began: float) -> Snapshot:
    """One evaluation further.

    Raises:
        NotFiniteError: see `iterate`.
    """
    image, state = solver.step(value_and_grad, at.image, at.state)
    evaluation = value_and_grad.evaluation
    assert evaluation is not None
    loss, grad, sum_of_image = torch.stack((evaluation.loss, evaluation.grad.sum(), image.sum())).tolist()
    known = math.isfinite(loss) and math.isfinite(grad)
    if not math.isfinite(sum_of_image) or not (known or _backed_off(at, solver, image, state)):
        raise NotFiniteError(_what_broke(evaluation, loss, grad), _best(at))
    best = Best(loss, at.image) if known and (at.best is None or loss < at.best.loss) else at.best
    seconds, losses = time.perf_counter() - began, (*at.losses, loss)[-RECENT:]
    return Snapshot(at.level, at.iteration + 1, image, state, best, seconds, at.restarts, losses)


def _backed_off(at: Snapshot, solver: Solver, image: Tensor, state: Any) -> bool:
    """Whether the solver did not keep the image it was given, as one that tries nearer to the last good point."""
    return torch.equal(solver.result(image, state), solver.result(at.image, at.state))


def _best(at: Snapshot) -> Snapshot:
    """The best picture of this level, with a solver that knows nothing; the one at hand if none was ever evaluated."""
    return replace(at, image=at.best.image if at.best else at.image, state=None, best=None, losses=())


def _what_broke(evaluation: Evaluation, loss: float, grad: float) -> str:
    broken = [name for name, value in evaluation.terms.items() if not math.isfinite(float(value))]
    parts = {"the loss": loss, "the gradient": grad}
    return (
        ", ".join(broken or [name for name, value in parts.items() if not math.isfinite(value)]) or "the solver's step"
    )


def _step(at: Snapshot, levels: Sequence[Level], evaluation: Evaluation, result: Tensor) -> Step:
    level = levels[at.level - 1]
    return Step(
        level=at.level,
        levels=len(levels),
        iteration=at.iteration,
        iterations=level.iterations,
        done=sum(each.iterations for each in levels[: at.level - 1]) + at.iteration,
        total=sum(each.iterations for each in levels),
        size=(level.width, level.height),
        seconds=at.seconds,
        evaluation=evaluation,
        image=result,
        snapshot=at,
    )
