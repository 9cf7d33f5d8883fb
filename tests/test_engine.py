"""The loop: what it tells at every step, and that it tells the same every time."""

import json
import math

import pytest
import torch

from impasto.engine import BACKOFFS, NotFiniteError, iterate
from impasto.errors import DivergedError
from impasto.objective import Evaluation
from impasto.schedule import Converged, Level
from impasto.solvers import LBFGS, SGD, Adam, Averaged, Clamped, InUnits

LEVELS = (Level(4, 6, 3), Level(8, 12, 2))


class Bowl:
    """Two terms with minima at 0.2 and 0.6, that turn into no number below `edge`."""

    def __init__(self, edge=-1e9):
        self._edge = edge

    def evaluate(self, image):
        a, b = ((image - 0.2) ** 2).sum(), ((image - 0.6) ** 2).sum()
        if image.min() < self._edge:
            b = b * torch.nan
        grad = 2 * (image - 0.2) + 2 * (image - 0.6) * (b / b)
        return Evaluation(a + b, grad, {"a": a, "b": b})


class BowlProblem:
    def __init__(self, edge=-1e9):
        self._edge = edge
        self.evaluated = []

    def initial(self, level):
        return torch.linspace(0.5, 1, 3 * level.height * level.width).reshape(1, 3, level.height, level.width)

    def enlarged(self, image, level):
        return torch.nn.functional.interpolate(image, (level.height, level.width))

    def objective(self, level):
        self.evaluated.append(level)
        return Bowl(self._edge)


def test_steps_count_levels_iterations_and_evaluations():
    steps = list(iterate(BowlProblem(), Adam(), LEVELS))
    assert [(s.level, s.iteration, s.iterations, s.done) for s in steps] == [
        (1, 1, 3, 1),
        (1, 2, 3, 2),
        (1, 3, 3, 3),
        (2, 1, 2, 4),
        (2, 2, 2, 5),
    ]
    assert {(s.levels, s.total) for s in steps} == {(2, 5)}
    assert [s.last for s in steps] == [False] * 4 + [True]


def test_a_level_ends_early_once_it_improves_no_more():
    until, levels = Converged(window=4, least=0.02), (Level(4, 6, 300), Level(8, 12, 300))
    steps = list(iterate(BowlProblem(), SGD(lr=0.05), levels, until=until))
    assert [s.last for s in steps] == [False] * (len(steps) - 1) + [True]
    assert [s.done for s in steps] == list(range(1, len(steps) + 1))
    for number in (1, 2):
        losses = [s.loss for s in steps if s.level == number]
        assert 8 <= len(losses) < 300
        assert [until(losses[:count]) for count in range(1, len(losses) + 1)] == [False] * (len(losses) - 1) + [True]
        assert min(losses[:-4]) - min(losses[-4:]) < 0.02 * min(losses[:-4])
    ends = next(s for s in steps if s.level == 2).done
    for start in (steps[3], steps[ends - 2], steps[ends], steps[-2]):
        rest = list(iterate(BowlProblem(), SGD(lr=0.05), levels, start.snapshot, until))
        assert torch.equal(rest[-1].image, steps[-1].image)
        assert len(rest) == len(steps) - start.done


def test_levels_that_ended_early_keep_their_counts_in_snapshots():
    until, levels = Converged(window=4, least=0.02), (Level(4, 6, 300), Level(8, 12, 300), Level(9, 13, 300))

    def counted(start=None):
        found = iterate(BowlProblem(), SGD(lr=0.05), levels, start, until)
        return [(s.level, s.iteration, s.iterations, s.done, s.total) for s in found]

    whole, steps = counted(), list(iterate(BowlProblem(), SGD(lr=0.05), levels, until=until))
    assert whole[-1][-2] == whole[-1][-1] == len(whole) < 300
    for step in steps:
        assert counted(step.snapshot) == whole[step.done :]


def test_steps_show_the_picture_at_the_size_of_their_level():
    for step in iterate(BowlProblem(), LBFGS(), LEVELS):
        level = LEVELS[step.level - 1]
        assert step.size == (level.width, level.height)
        assert step.image.shape == (1, 3, level.height, level.width)


def test_seconds_do_not_run_backwards():
    seconds = [step.seconds for step in iterate(BowlProblem(), Adam(), LEVELS)]
    assert seconds == sorted(seconds)
    assert seconds[0] >= 0


def test_the_loss_is_that_of_the_image_the_step_began_with():
    problem = BowlProblem()
    first = next(iterate(problem, SGD(lr=0.1), LEVELS))
    start = Bowl().evaluate(problem.initial(LEVELS[0]))
    assert first.loss == float(start.loss)
    torch.testing.assert_close(first.image, problem.initial(LEVELS[0]) - 0.1 * start.grad)


def test_a_record_is_json_and_its_terms_add_up():
    for step in iterate(BowlProblem(), Averaged(Adam()), LEVELS):
        record = json.loads(json.dumps(step.record(), allow_nan=False))
        assert record["loss"] == pytest.approx(sum(record["terms"].values()), rel=1e-6)
        assert record["size"] == list(step.size)
        assert set(record) == {
            "level",
            "levels",
            "iteration",
            "iterations",
            "done",
            "total",
            "size",
            "seconds",
            "loss",
            "terms",
        }


@pytest.mark.parametrize("solver", [LBFGS(), Averaged(Adam()), SGD(lr=0.01)], ids=str)
def test_the_same_run_twice_is_the_same_to_the_bit(solver):
    first, second = (list(iterate(BowlProblem(), solver, LEVELS)) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a.image, b.image)
        assert (a.loss, a.terms) == (b.loss, b.terms)


def test_closing_stops_the_run():
    problem = BowlProblem()
    run = iterate(problem, Adam(), LEVELS)
    next(run)
    run.close()
    assert list(run) == []
    assert problem.evaluated == [LEVELS[0]]


def test_nothing_is_computed_before_it_is_asked_for():
    problem = BowlProblem()
    iterate(problem, Adam(), LEVELS)
    assert problem.evaluated == []


def test_earlier_steps_keep_their_pictures():
    steps = list(iterate(BowlProblem(), LBFGS(), LEVELS))
    copies = [step.image.clone() for step in iterate(BowlProblem(), LBFGS(), LEVELS)]
    assert all(torch.equal(step.image, copy) for step, copy in zip(steps, copies, strict=True))


def test_a_picture_that_is_no_longer_finite_ends_the_run_with_the_broken_term():
    steps = []
    with pytest.raises(DivergedError, match=r"no longer finite \(b\)"):
        steps.extend(iterate(BowlProblem(edge=0.45), Adam(lr=0.1), (Level(4, 6, 50),)))


def test_the_steps_before_a_divergence_are_finite():
    seen = []
    with pytest.raises(DivergedError):
        for step in iterate(BowlProblem(edge=0.45), Adam(lr=0.1), (Level(4, 6, 50),)):
            seen.append(step)
    assert seen
    assert all(step.image.isfinite().all() for step in seen)


def test_a_solver_that_backs_off_survives_what_breaks_others():
    steps = list(iterate(BowlProblem(edge=0.45), LBFGS(), (Level(4, 6, 50),)))
    assert len(steps) == 50
    assert steps[-1].image.isfinite().all()


class FromThenOn:
    """A smooth problem of which the loss, or the gradient, or both, are no number from an evaluation `first` on.

    `count` evaluations long, or for ever.
    """

    def __init__(self, broken, first=10, count=10**9):
        self._broken, self._evaluations, self._numbers = broken, 0, range(first, first + count)

    def initial(self, level):
        return torch.linspace(0.5, 1, 3 * level.height * level.width).reshape(1, 3, level.height, level.width)

    def objective(self, level):
        return self

    def evaluate(self, image):
        self._evaluations += 1
        loss, grad = ((image - 0.3) ** 4).sum() + 0.1 * torch.sin(7 * image).sum(), 4 * (image - 0.3) ** 3
        grad += 0.7 * torch.cos(7 * image)
        broken = self._broken if self._evaluations in self._numbers else ()
        loss, grad = (x * torch.nan if name in broken else x for name, x in (("loss", loss), ("grad", grad)))
        return Evaluation(loss, grad, {"waves": loss})


LONG = (Level(4, 6, 60),)


@pytest.mark.parametrize("broken", [("loss",), ("grad",), ("loss", "grad")], ids=str)
@pytest.mark.parametrize("solver", [LBFGS(), InUnits(LBFGS(), 255.0), Clamped(LBFGS()), Adam()], ids=str)
def test_numbers_that_stay_broken_end_the_run(solver, broken):
    steps = []
    with pytest.raises(NotFiniteError, match="waves" if "loss" in broken else "the gradient") as error:
        steps.extend(iterate(FromThenOn(broken), solver, LONG))
    assert 9 <= len(steps) < 9 + BACKOFFS
    assert all(math.isfinite(step.loss) for step in steps[:9])
    assert all(step.image.isfinite().all() for step in steps)
    assert error.value.record["loss"] == min(step.loss for step in steps[:9])


@pytest.mark.parametrize("broken", [("loss",), ("grad",), ("loss", "grad")], ids=str)
def test_numbers_that_are_broken_for_a_while_are_survived_by_a_solver_that_backs_off(broken):
    steps = list(iterate(FromThenOn(broken, first=5, count=BACKOFFS), LBFGS(), LONG))
    assert len(steps) == 60
    assert all(step.image.isfinite().all() for step in steps)
    assert steps[-1].loss < steps[3].loss


def test_the_count_of_broken_evaluations_goes_into_snapshots():
    """Else a run that is resumed after each step would never end."""
    problem, snapshot, done = FromThenOn(("loss",)), None, 0
    with pytest.raises(NotFiniteError):
        for done in range(60):  # noqa: B007
            snapshot = next(iterate(problem, LBFGS(), LONG, snapshot)).snapshot
    assert done < 9 + BACKOFFS


@pytest.mark.parametrize("solver", [Adam(lr=0.03), Averaged(Adam(lr=0.03)), SGD(lr=0.05)], ids=str)
def test_the_best_picture_has_the_record_of_its_own_evaluation(solver):
    levels, steps = (Level(4, 6, 2), Level(8, 12, 50)), []
    with pytest.raises(NotFiniteError) as error:
        for step in iterate(BowlProblem(edge=0.42), solver, levels):
            steps.append(step)
    record, image = error.value.record, error.value.best.image
    best = min((step for step in steps if step.level == 2), key=lambda step: step.loss)
    assert record == {**best.record(), "best": True}
    found = Bowl().evaluate(image)
    assert float(found.loss) == record["loss"]
    assert {name: float(value) for name, value in found.terms.items()} == record["terms"]
    again = next(s for s in iterate(BowlProblem(edge=0.42), solver, levels) if s.done == record["done"])
    assert torch.equal(again.snapshot.best.image, image)


def test_without_any_finite_evaluation_of_a_level_there_is_no_record_of_it():
    with pytest.raises(NotFiniteError) as error:
        list(iterate(BowlProblem(edge=2.0), Adam(), LEVELS))
    assert error.value.record is None
    assert torch.equal(error.value.best.image, BowlProblem().initial(LEVELS[0]))


def test_the_loss_is_compared_with_the_first_of_its_level():
    steps = list(iterate(BowlProblem(), SGD(lr=0.51), (Level(4, 6, 100), Level(8, 12, 90))))
    for number in (1, 2):
        of_level = [step for step in steps if step.level == number]
        assert of_level[0].relative_loss == 1
        assert [s.relative_loss for s in of_level] == [s.loss / of_level[0].loss for s in of_level]
    assert steps[-1].relative_loss > 2
    assert steps[-1].snapshot.first_loss == steps[100].loss  # long forgotten among `losses`
