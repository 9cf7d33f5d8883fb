"""A run whose numbers break: where it goes on, how carefully, and when it gives up."""

from dataclasses import replace

import pytest
import torch

from impasto import prepare
from impasto.engine import NotFiniteError
from impasto.fitting import View
from impasto.objective import Evaluation
from impasto.plan import Plan
from impasto.presets import preset
from impasto.run import Run
from impasto.schedule import Level
from impasto.solvers import LBFGS, Adam, Averaged, Clamped, InUnits, cautious

LEVELS = (Level(4, 6, 40),)


def noise(height, width):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(height))


def seen_by(encoder, recipe):
    """The views of a run whose only encoder this is."""
    return (View(0, recipe, encoder, encoder),)


class Cliff:
    """A bowl around 0.4 with a loss that is no number where a value is below `edge`."""

    def __init__(self, edge):
        self._edge = edge

    def evaluate(self, image):
        loss = (image - 0.4).square().sum()
        broken = torch.nan if image.min() < self._edge else 1.0
        return Evaluation(loss * broken, 2 * (image - 0.4), {"bowl": loss * broken})

    def initial(self, level):
        return torch.linspace(0.5, 1, 3 * level.height * level.width).reshape(1, 3, level.height, level.width)

    def objective(self, level):
        return self


@pytest.fixture
def run(compact):
    """run(edge, solver): 40 evaluations beside a cliff."""
    return lambda edge, solver: Run(preset("fast"), Cliff(edge), Plan(seen_by(compact, preset("fast")), solver, LEVELS))


def test_a_step_over_the_cliff_is_taken_back_and_then_shorter(run):
    steps = list(run(0.1, Adam(lr=0.5)))
    assert [step.done for step in steps] == list(range(1, 41))
    assert all(step.image.isfinite().all() for step in steps)
    told = [step for step in steps if step.note]
    assert len(told) == 1
    assert told[0].note.startswith("The picture was no longer finite (bowl); going on from the best one so far")
    assert "steps 0.1 times as long" in told[0].note
    assert told[0].loss == min(step.loss for step in steps if step.done < told[0].done)
    assert steps[-1].loss < 0.1 * steps[0].loss
    assert steps[-1].record().get("note") is None and told[0].record()["note"] == told[0].note


def test_a_run_that_was_made_careful_is_resumed_as_careful(run):
    steps = list(run(0.1, Adam(lr=0.5)))
    middle = next(step for step in steps if step.note).done + 3
    again = list(run(0.1, Adam(lr=0.5)).steps(steps[middle - 1].snapshot))
    assert len(again) == 40 - middle
    assert torch.equal(again[-1].image, steps[-1].image)
    assert not any(step.note for step in again)


def test_a_cliff_at_the_start_is_given_up_after_three_restarts(run):
    steps = []
    with pytest.raises(NotFiniteError, match=r"no longer finite \(bowl\)") as error:
        steps.extend(run(2.0, Adam()))
    assert steps == []
    assert error.value.best.restarts == 3
    assert torch.equal(error.value.best.image, Cliff(2.0).initial(LEVELS[0]))


def test_what_is_left_in_the_end_is_the_best_picture(run):
    steps = []
    with pytest.raises(NotFiniteError) as error:
        for step in run(0.49, Adam(lr=50.0)):
            steps.append(step)
    best = min(steps, key=lambda step: step.loss)
    assert float(Cliff(-9).evaluate(error.value.best.image).loss) == best.loss


def test_what_is_left_in_the_end_is_recorded_as_it_was_and_can_be_made_again(run):
    with pytest.raises(NotFiniteError) as error:
        list(run(0.49, Adam(lr=50.0)))
    record = error.value.record
    assert record["best"]
    assert float(Cliff(-9).evaluate(error.value.best.image).loss) == record["loss"] == record["terms"]["bowl"]
    again = next(step for step in run(0.49, Adam(lr=50.0)) if step.done == record["done"])
    assert (again.loss, again.terms, again.iteration) == (record["loss"], record["terms"], record["iteration"])
    assert torch.equal(again.snapshot.best.image, error.value.best.image)


def test_a_solver_that_backs_off_is_not_restarted(run):
    steps = list(run(0.39, LBFGS(lr=3.0)))
    assert len(steps) == 40
    assert not any(step.note for step in steps)


def test_an_overflow_of_a_real_transfer_is_noticed_where_it_occurs():
    settings = {"size": 48, "iterations": 12, "solver": "adam", "style_weight": 1e36}
    content, style = noise(40, 48), noise(48, 40)
    steps = []
    with pytest.raises(NotFiniteError, match="the solver's step"):
        steps.extend(prepare(content, [style], **settings))
    assert len([step for step in steps if step.note]) == 3
    assert all(step.image.isfinite().all() for step in steps)


def test_features_become_float32_after_a_restart():
    content, style = noise(40, 48), noise(48, 40)
    settings = {"size": 48, "iterations": 6, "solver": "adam"}
    coarse = prepare(content, [style], **settings, dtype="bfloat16")
    first = next(iter(coarse)).snapshot
    precise = prepare(content, [style], **settings, dtype="float32")
    precise = replace(precise, plan=replace(precise.plan, solver=cautious(precise.plan.solver, 0.1)))
    careful = list(coarse.steps(replace(first, restarts=1)))
    assert careful[-1].loss == list(precise.steps(first))[-1].loss
    assert careful[-1].loss != list(coarse.steps(first))[-1].loss


class Bright:
    """A problem that looks at PyTorch's flags as it is evaluated, and whose numbers break at one evaluation."""

    def __init__(self, breaks_at=0):
        self.seen, self._breaks_at = [], breaks_at

    def initial(self, level):
        return torch.full((1, 3, level.height, level.width), 0.5)

    def objective(self, level):
        return self

    def evaluate(self, image):
        self.seen.append((torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32))
        loss = image.square().sum() * (torch.nan if len(self.seen) == self._breaks_at else 1.0)
        return Evaluation(loss, 2 * image, {"light": loss})


@pytest.fixture
def in_format(compact, monkeypatch):
    """in_format(problem, name): 40 evaluations in a number format of CUDA, which is said to be here."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    of = lambda name: replace(preset("fast"), dtype=name)  # noqa: E731
    return lambda problem, name: Run(of(name), problem, Plan(seen_by(compact, of(name)), Adam(), LEVELS))


def test_two_runs_in_turn_keep_their_own_number_formats(in_format):
    rounded, exact = Bright(), Bright()
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    assert before not in ((True, True), (False, False)), "PyTorch's own flags are neither"
    for _ in zip(in_format(rounded, "tf32"), in_format(exact, "float32"), strict=True):
        assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == before
    assert set(rounded.seen) == {(True, True)}
    assert set(exact.seen) == {(False, False)}


def test_rounded_products_are_left_after_a_restart(in_format):
    problem = Bright(breaks_at=5)
    assert len(list(in_format(problem, "tf32"))) == 40
    assert problem.seen == 5 * [(True, True)] + 36 * [(False, False)]


def test_the_record_names_the_number_format_that_was_asked_for(in_format):
    assert in_format(Bright(), "tf32").made().dtype == "tf32"
    assert in_format(Bright(), "tf32").plan.summary()["dtype"] == "tf32"
    assert in_format(Bright(), "auto").made().dtype == "float32"


def test_wrapped_solvers_become_cautious_too():
    assert cautious(Averaged(Clamped(Adam(lr=0.5))), 0.1) == Averaged(Clamped(Adam(lr=0.05)))
    assert cautious(InUnits(LBFGS(), 255.0), 0.1) == InUnits(LBFGS(lr=0.1), 255.0)
