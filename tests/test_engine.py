"""The loop: what it tells at every step, and that it tells the same every time."""

import json

import pytest
import torch

from impasto.engine import iterate
from impasto.errors import DivergedError
from impasto.objective import Evaluation
from impasto.schedule import Converged, Level
from impasto.solvers import LBFGS, SGD, Adam, Averaged

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
