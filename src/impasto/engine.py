"""The loop, and nothing else: a problem, a solver and a schedule make a sequence of steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from PIL.Image import Image as Picture
from torch import Tensor

from impasto.errors import DivergedError
from impasto.images import to_pil
from impasto.objective import Evaluation, Objective
from impasto.schedule import Level
from impasto.solvers import Solver

RECENT = 64  # losses that are remembered
BACKOFFS = 4  # evaluations in a row that are not finite, after which the best picture is looked at again
Until = Callable[[Sequence[float]], bool]
Terms = tuple[tuple[str, float], ...]  # names and weighted values


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
    """The evaluation with the lowest loss of a level so far.

    `image`, (1, 3, H, W), is the one that was evaluated: the one before a first-order solver's step. `level` and
    `iteration` count from 1, as in `Step`.
    """

    loss: float
    image: Tensor = field(repr=False)
    level: int
    iteration: int
    seconds: float
    terms: Terms

    def record(self, levels: Sequence[Level]) -> dict[str, Any]:
        """As `Step.record` of that evaluation, with `best`: the picture is the evaluated one, not the step's.

        A run that is made again has it as `snapshot.best.image` of the step that `done` tells.
        """
        where = _position(self.level, self.iteration, levels)
        return _record(where, self.seconds, self.loss, dict(self.terms)) | {"best": True}


@dataclass(frozen=True)
class Snapshot:
    """Where a run stands between two evaluations: all that it takes to go on from there, to the bit.

    `level` and `iteration` are those that are done, as in `Step`; `image` is the next to be evaluated, (1, 3, H, W),
    and `state` the solver's, None for one that is yet to begin. `seconds` have passed, and the run was begun again
    `restarts` times because a number was not finite. `losses` are the level's, the latest last, `RECENT` at most, and
    `first_loss` that of its first evaluation; `counts` are the evaluations of the levels before it, as they turned out.
    The latest `broken` evaluations were not finite. Nothing in it changes later: keeping it copies nothing.
    """

    level: int
    iteration: int
    image: Tensor = field(repr=False)
    state: Any = field(default=None, repr=False)
    best: Best | None = field(default=None, repr=False)
    seconds: float = 0.0
    restarts: int = 0
    losses: tuple[float, ...] = ()
    first_loss: float | None = None
    counts: tuple[int, ...] = ()
    broken: int = 0


class NotFiniteError(DivergedError):
    """`DivergedError` that tells `where`, and has a snapshot of the level's best picture so far to begin again from.

    `record` is that picture's, see `Best.record`; None if no evaluation of the level was finite, in which case the
    snapshot has the picture that the level began with, and the last step's is the best there is.
    """

    def __init__(self, where: str, best: Snapshot, record: dict[str, Any] | None):
        super().__init__(
            f"The picture is no longer finite ({where}); try float32, another solver, or a smaller weight of that term."
        )
        self.where = where
        self.best = best
        self.record = record


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

    @property
    def relative_loss(self) -> float:
        """`loss` over that of the level's first evaluation: above 1 where it has risen."""
        loss, first = self.loss, self.snapshot.first_loss
        if first is None:
            return math.nan
        return loss / first if first else 1.0 if loss == 0 else math.inf

    def picture(self) -> Picture:
        """`image` as an 8-bit PIL image, opaque, at the level's size."""
        return to_pil(self.image)

    def record(self) -> dict[str, Any]:
        """The step as plain JSON values, without its picture."""
        where = {name: getattr(self, name) for name in _POSITION}
        return _record(where, self.seconds, self.loss, self.terms) | ({"note": self.note} if self.note else {})


_POSITION = ("level", "levels", "iteration", "iterations", "done", "total", "size")


def _position(level: int, iteration: int, levels: Sequence[Level]) -> dict[str, Any]:
    """What `Step` counts of an evaluation, and its size in pixels."""
    now, counts = levels[level - 1], [each.iterations for each in levels]
    done = sum(counts[: level - 1]) + iteration
    values = (level, len(levels), iteration, now.iterations, done, sum(counts), (now.width, now.height))
    return dict(zip(_POSITION, values, strict=True))


def _record(where: Mapping[str, Any], seconds: float, loss: float, terms: Mapping[str, float]) -> dict[str, Any]:
    measured = {"seconds": round(seconds, 4), "loss": loss, "terms": dict(terms)}
    return {**where, "size": list(where["size"]), **measured}


class _Watched:
    """An objective as solvers want it, (loss, gradient), that remembers its last evaluation."""

    def __init__(self, objective: Objective):
        self.objective = objective
        self.evaluation: Evaluation | None = None

    def __call__(self, image: Tensor) -> tuple[Tensor, Tensor]:
        self.evaluation = self.objective.evaluate(image)
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
        NotFiniteError: a number is not finite, and the solver does not back off; or it does so in vain.
    """
    at = start or Snapshot(1, 0, problem.initial(levels[0]))
    zero = time.perf_counter() - at.seconds
    if at.state is None:
        at = replace(at, state=solver.init(at.image))
    levels = _counted(levels, at.counts)
    for number in range(at.level, len(levels) + 1):
        if number > at.level:
            at = _enlarged(at, problem, solver, levels[number - 1])
        levels = _shortened(levels, at, until)
        if at.iteration == levels[number - 1].iterations:
            continue
        value_and_grad = _Watched(problem.objective(levels[number - 1]))
        while at.iteration < levels[number - 1].iterations:
            at = _advanced(at, solver, value_and_grad, levels, zero)
            levels = _shortened(levels, at, until)
            assert value_and_grad.evaluation is not None
            yield _step(at, levels, value_and_grad.evaluation, solver.result(at.image, at.state))


def _counted(levels: Sequence[Level], counts: Sequence[int]) -> tuple[Level, ...]:
    """The levels, the first of them with so many evaluations."""
    first = (replace(level, iterations=count) for level, count in zip(levels, counts, strict=False))
    return (*first, *levels[len(counts) :])


def _shortened(levels: Sequence[Level], at: Snapshot, until: Until | None) -> Sequence[Level]:
    """The levels, the one at hand with no more evaluations than it had if it is done."""
    return levels if until is None or not until(at.losses) else _counted(levels, (*at.counts, at.iteration))


def _enlarged(at: Snapshot, problem: Problem, solver: Solver, level: Level) -> Snapshot:
    """The beginning of the next level."""
    image = problem.enlarged(solver.result(at.image, at.state), level)
    state, counts = solver.rescale(at.state, image), (*at.counts, at.iteration)
    return Snapshot(at.level + 1, 0, image, state, seconds=at.seconds, restarts=at.restarts, counts=counts)


def _advanced(at: Snapshot, solver: Solver, value_and_grad: _Watched, levels: Sequence[Level], zero: float) -> Snapshot:
    """One evaluation further.  `zero` is the time at which the run began, as `time.perf_counter` has it.

    Raises:
        NotFiniteError: see `iterate`.
    """
    image, state = solver.step(value_and_grad, at.image, at.state)
    evaluation = value_and_grad.evaluation
    assert evaluation is not None
    numbers = (evaluation.loss, evaluation.grad.sum(), image.sum(), *evaluation.terms.values())
    loss, grad, sum_of_image, *values = torch.stack(numbers).tolist()  # read from the device at once
    terms = tuple(zip(evaluation.terms, values, strict=True))
    there = _recorded(at, loss, grad, terms, time.perf_counter() - zero)
    goes_on = not there.broken or (
        _backed_off(at, solver, image, state) and not _is_in_vain(there, levels, value_and_grad.objective)
    )
    if not (goes_on and math.isfinite(sum_of_image)):
        raise _not_finite(at, loss, grad, terms, levels)
    return replace(there, image=image, state=state)


def _recorded(at: Snapshot, loss: float, grad: float, terms: Terms, seconds: float) -> Snapshot:
    """What is known after an evaluation at `at.image`; the solver's next image and state are still missing."""
    iteration, losses = at.iteration + 1, (*at.losses, loss)[-RECENT:]
    if not (math.isfinite(loss) and math.isfinite(grad)):
        return replace(at, iteration=iteration, seconds=seconds, losses=losses, broken=at.broken + 1)
    best, first_loss = at.best, loss if at.first_loss is None else at.first_loss
    if best is None or not at.losses or loss < best.loss:
        best = Best(loss, at.image, at.level, iteration, seconds, terms)
    return replace(at, iteration=iteration, seconds=seconds, losses=losses, best=best, first_loss=first_loss, broken=0)


def _backed_off(at: Snapshot, solver: Solver, image: Tensor, state: Any) -> bool:
    """Whether the solver did not keep the image it was given, as one that tries nearer to the last good point."""
    return torch.equal(solver.result(image, state), solver.result(at.image, at.state))


def _is_in_vain(at: Snapshot, levels: Sequence[Level], objective: Objective) -> bool:
    """Whether there is nowhere to back off to: not even the level's best picture is finite, or is so any more.

    That is looked at once in a while, and at the level's end.
    """
    if at.best is None:
        return True
    if at.broken % BACKOFFS and at.iteration < levels[at.level - 1].iterations:
        return False
    again = objective.evaluate(at.best.image)
    return not math.isfinite(float(again.loss) + float(again.grad.sum()))


def _not_finite(at: Snapshot, loss: float, grad: float, terms: Terms, levels: Sequence[Level]) -> NotFiniteError:
    """What the evaluation after `at` broke, and the best picture until then, with a solver that knows nothing."""
    parts = (("the loss", loss), ("the gradient", grad))
    broken = [[name for name, value in each if not math.isfinite(value)] for each in (terms, parts)]
    where = ", ".join(broken[0] or broken[1]) or "the solver's step"
    best = replace(at, image=at.best.image if at.best else at.image, state=None, losses=(), broken=0)
    return NotFiniteError(where, best, at.best.record(levels) if at.best else None)


def _step(at: Snapshot, levels: Sequence[Level], evaluation: Evaluation, result: Tensor) -> Step:
    where = _position(at.level, at.iteration, levels)
    return Step(**where, seconds=at.seconds, evaluation=evaluation, image=result, snapshot=at)
