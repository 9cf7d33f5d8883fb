"""Runs rebuilt from records: the same again to the bit, a step of them, with changes, and going on."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import impasto
from impasto.choices import Above
from impasto.errors import MissingFileError, UsageError
from impasto.images import to_pil
from impasto.painting import result_of
from impasto.rebuild import at_its_start, changed_run, continuing, find_origin, kept_again, same_run
from impasto.record import Record, read_record
from impasto.schedule import Pyramid

QUICK = {"preset": "fast", "size": 48, "iterations": 6, "device": "cpu", "dtype": "float32"}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, uniform):
    """An own folder with a photograph and a painting."""
    monkeypatch.chdir(tmp_path)
    for name in ("photo.png", "painting.png", "third.png"):
        to_pil(uniform(1, 3, 40, 48)).save(name)
    return tmp_path


def paths(name):
    return name or None


def origin_of(record, *given):
    """`record`, through JSON, with its pictures as they are found here."""
    return find_origin(Record.from_text(record.to_text()), [Path()], paths, given)


def made(content="photo.png", style="painting.png", **settings):
    """A run, and all its steps."""
    run = impasto.prepare(content, style, **(QUICK | settings))
    steps = list(run)
    return run, steps


def record_of(run, step):
    return run.record(result_of(step.image.clamp(0, 1), run.alpha, step.record()))


KINDS = {
    "default": {},
    "two levels, adam": {"size": 256, "iterations": 8, "solver": "adam"},
    "from noise": {"init": "random", "seed": 7},
    "from a file": {"init": "third.png"},
    "two styles": {"style": ["painting.png", "swatch:mosaic:3"], "style_weights": (1, 3)},
    "two encoders, neighbors": {
        "size": 128,
        "schedule": Pyramid(smallest=64),
        "encoder": "vgg19",
        "style_layers": ["relu2_1"],
        "content_layers": ["relu2_2"],
        "by_size": [Above(64, {"encoder": "compact", "content_layers": {"relu3_1": 1.0}})],
        "neighbor_weight": 2,
        "strength": 0.4,
        "calm": 10,
    },
    "another preset": {"preset": "crowson2021", "encoder": "compact"},
    "layers, in bfloat16": {"style_layers": {"relu1_1": 0.5, "relu3_1": 2}, "dtype": "bfloat16"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_run_has_the_same_bits(kind, encoders):
    run, steps = made(**KINDS[kind])
    origin = origin_of(record_of(run, steps[-1]))
    again = same_run(origin, encoders)
    assert again.plan.levels == run.plan.levels
    last = list(again)[-1]
    assert torch.equal(last.image, steps[-1].image)
    assert (last.loss, last.terms) == (steps[-1].loss, steps[-1].terms)
    assert again.record().to_json() == replace(record_of(run, steps[-1]), result=None).to_json()


def test_a_texture_and_a_reconstruction_are_rebuilt_as_what_they_are(encoders):
    for run in (
        impasto.prepare_texture("painting.png", **(QUICK | {"size": (48, 64)}), tileable=True),
        impasto.prepare_reconstruction("photo.png", layers=["relu2_1"], **QUICK),
        impasto.prepare_reconstruction("photo.png", representation="style", **QUICK),
    ):
        *_, last = run
        again = same_run(origin_of(record_of(run, last)), encoders)
        assert again.recipe.task == run.recipe.task
        assert torch.equal(list(again)[-1].image, last.image)


def test_a_recipe_of_ones_own_comes_back_from_its_record(encoders):
    own = impasto.Recipe(name="mine", style_weight=3.0, pooling="average", solver="rmsprop", iterations=4, size=48)
    run = impasto.prepare("photo.png", "painting.png", preset=own, device="cpu")
    *_, last = run
    again = same_run(origin_of(record_of(run, last)), encoders)
    assert again.recipe.name == "mine"
    assert torch.equal(list(again)[-1].image, last.image)


def test_the_picture_of_a_step_is_made_again(encoders):
    run, steps = made(solver="adam")
    record = record_of(run, steps[3])
    image, step = kept_again(same_run(origin_of(record), encoders), record)
    assert torch.equal(image, steps[3].image)
    assert (step["done"], step["loss"]) == (4, steps[3].loss)
    best = replace(record, result=replace(record.result, kept="best"))
    image, step = kept_again(same_run(origin_of(best), encoders), best)
    assert torch.equal(image, steps[3].snapshot.best.image)
    assert step["best"]


def test_the_files_that_a_picture_names_are_those_that_were_used(encoders):
    picture = impasto.stylize("photo.png", "painting.png", **QUICK)
    picture.save("out.png")
    origin = find_origin(read_record("out.png"), [Path()], paths)
    assert [(each.role, each.same) for each in origin.all_inputs()] == [("content", True), ("style", True)]
    Path("painting.png").write_bytes(Path("third.png").read_bytes())
    origin = find_origin(read_record("out.png"), [Path()], paths)
    assert [each.same for each in origin.all_inputs()] == [True, False]
    Path("painting.png").unlink()
    with pytest.raises(MissingFileError, match=r"The style image painting\.png is not in"):
        find_origin(read_record("out.png"), [Path()], paths)
    with pytest.raises(UsageError, match=r"leave out third\.png"):
        find_origin(read_record("out.png"), [Path()], paths, ["photo.png", "third.png", "third.png"])


def test_a_picture_that_was_no_file_cannot_be_found_again(uniform):
    run, steps = made(content=uniform(1, 3, 40, 48))
    with pytest.raises(MissingFileError, match="The content image was no file"):
        origin_of(record_of(run, steps[-1]))


def test_changes_are_those_and_no_others(encoders):
    run, steps = made(strength=0.3, seed=4)
    origin = origin_of(record_of(run, steps[-1]))
    changed = changed_run(origin, {"iterations": 3, "size": 64}, encoders)
    assert changed.recipe == replace(run.recipe, iterations=3, size=64)
    assert (changed.plan.evaluations, changed.plan.levels[-1].size) == (3, 64)
    fresh = impasto.prepare(
        "photo.png", "painting.png", **(QUICK | {"size": 64, "iterations": 3}), strength=0.3, seed=4
    )
    assert torch.equal(list(changed)[-1].image, list(fresh)[-1].image)
    with pytest.raises(UsageError, match="no tileable"):
        changed_run(origin, {"tileable": True}, encoders)


def test_going_on_is_at_least_as_large_and_recorded_with_what_was_before(encoders):
    run, steps = made(size=128, iterations=10)
    record = record_of(run, steps[-1])
    larger = changed_run(origin_of(record), {"size": 256, "iterations": 6}, encoders)
    assert [level.size for level in larger.plan.levels] == [128, 256]
    on = continuing(larger, record, steps[-1].image)
    assert [level.size for level in on.plan.levels] == [128, 256]
    assert on.plan.evaluations == larger.plan.evaluations == 6
    further = list(on)
    assert (len(further), tuple(further[-1].image.shape)) == (6, (1, 3, 213, 256))
    assert on.record().start == record
    origin = origin_of(record_of(on, further[-1]))
    again = at_its_start(same_run(origin, encoders), origin, encoders)
    assert torch.equal(list(again)[-1].image, further[-1].image)


def test_going_on_leaves_out_the_levels_that_are_smaller(encoders):
    run, steps = made(size=200, iterations=6)
    record = record_of(run, steps[-1])
    larger = changed_run(origin_of(record), {"size": 300, "iterations": 6}, encoders)
    assert len(larger.plan.levels) == 2
    on = continuing(larger, record, steps[-1].image)
    assert [level.size for level in on.plan.levels] == [300]
    assert on.plan.evaluations == 6


def test_a_device_that_is_not_here_is_the_usual_one():
    run, steps = made()
    record = record_of(run, steps[-1])
    elsewhere = replace(record, settings={**record.settings, "device": "mps:1"})
    assert origin_of(elsewhere).recipe().device == "auto"


def test_a_record_of_another_task_or_of_nonsense_is_refused():
    run, steps = made()
    record = record_of(run, steps[-1])
    with pytest.raises(UsageError, match="Unknown task 'sculpture'"):
        origin_of(replace(record, task="sculpture")).recipe()
    with pytest.raises(UsageError, match="strength is 'much'"):
        origin_of(replace(record, settings={**record.settings, "strength": "much"})).recipe()
