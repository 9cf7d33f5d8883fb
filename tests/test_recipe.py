"""Recipes: what they refuse and how they say it, overrides, JSON there and back, and settings that are typed."""

import copy
import json
import math
import random
import re
from dataclasses import FrozenInstanceError, replace
from typing import get_type_hints

import numpy as np
import pytest
import torch

import impasto
from impasto import painter, request
from impasto.choices import SOLVERS, Above, SolverSpec
from impasto.encoders.preprocessing import CAFFE_BGR
from impasto.errors import UnknownNameError, UsageError
from impasto.presets import PRESETS, preset
from impasto.recipe import SETTINGS, Recipe, from_json
from impasto.request import Settings, asked
from impasto.schedule import Pyramid
from impasto.solvers import solver_of
from impasto.tasks.reconstruct import reconstruction_of
from impasto.tasks.texture import texture_of
from impasto.terms import PixelTerm

RECIPES = {
    **PRESETS,
    "texture": texture_of(Recipe()),
    "content reconstruction": reconstruction_of(Recipe()),
    "style reconstruction": reconstruction_of(preset("gatys2016"), "style", ["relu1_1"]),
    "everything else": Recipe(
        size=300,
        style_weights=(1, 2),
        content_layers=["relu4_2=0.5"],
        solver=SolverSpec("adam", {"lr": 0.1}, clamped=True),
        memory="4GB",
        levels=2,
        by_size=[Above(100, {"encoder": "vgg19", "style_layers": ["relu1_1"]}), Above(200, {"style_weight": 3})],
    ),
}

# Values that are out of range, or of no type that the setting has.
BELOW_ZERO = [-1, math.nan, math.inf, -math.inf, "x", None, [1], True, 10**400]
NO_COUNT = [0, -1, 1.5, "3", None, True, [1]]
NO_NAME = ["nonsense", "", None, 3, 2.5, [], {}, torch.ones(2), np.ones(2)]
NO_TRUTH = [0, 1, "yes", None, [], torch.ones(2)]
NO_LAYERS = ["relu4_2", 3, None, ["relu1_1=x"], ["relu1_1=-1"], {"relu1_1": math.nan}, {"relu1_1": "x"}]
WRONG = {
    "size": [0, -3, 1.5, "wide", (0, 64), (64,), (1, 2, 3), ("a", "b"), (True, 64), {}, torch.ones(2)],
    "strength": [1.5, -0.1, math.nan, "x", None, []],
    "style_weights": [(), (0.0,), (-1.0, 2.0), (math.nan,), (math.inf,), "12", 3, ("x",), (None,), torch.tensor(1.0)],
    "style_scale": [0, -1, math.nan, math.inf, "x", None, [], [1, 0], ["x"]],
    "texture_up_to": [3, None, []],
    "init": NO_NAME,
    "colors": NO_NAME,
    "tileable": NO_TRUTH,
    "wrap": [each for each in NO_NAME if each is not None] + ["y"],
    "noise": [-0.1, 1.1, math.nan, "x", None],
    "content_layers": NO_LAYERS,
    "content_loss": NO_NAME,
    "content_weight": BELOW_ZERO,
    "style_layers": NO_LAYERS,
    "style_loss": NO_NAME,
    "style_weight": BELOW_ZERO,
    "relative": NO_TRUTH,
    "neighbor_layers": NO_LAYERS,
    "neighbor_weight": BELOW_ZERO,
    "calm": BELOW_ZERO,
    "tv_weight": BELOW_ZERO,
    "tv_loss": NO_NAME,
    "palette_weight": BELOW_ZERO,
    "range_weight": BELOW_ZERO,
    "extra_terms": [3, None, [3], "tv", [None]],
    "encoder": NO_NAME,
    "weights": [3, [], b"file"],
    "preprocessing": ["bgr", 3, {}, {"nonsense": 1}, {"matrix": 3, "offset": 4}],
    "pooling": [each for each in NO_NAME if each is not None],
    "padding": [each for each in NO_NAME if each is not None],
    "normalize": NO_TRUTH,
    "solver": [
        "nonsense",
        "",
        None,
        3,
        [],
        torch.ones(2),
        np.ones(2),
        {"nonsense": 1},
        {"method": "lbfgs", "numbers": 3},
        {"numbers": {"lr": "x"}},
    ],
    "schedule": ["fast", 3, None, {"nonsense": 1}, {"smallest": "x"}, {"shares": "x"}, {"shares": []}, {"factor": 1}],
    "blank_schedule": ["fast", 3, {"nonsense": 1}, {"most": 0}],
    "iterations": [each for each in NO_COUNT if each is not None],
    "until": ["never", 3, ""],
    "levels": [each for each in NO_COUNT if each is not None],
    "usual_size": NO_COUNT,
    "detail": BELOW_ZERO,
    "resample": NO_NAME,
    "stretch_style": NO_TRUTH,
    "style_enlarged_up_to": NO_COUNT,
    "style_smoothing": BELOW_ZERO,
    "by_size": [
        3,
        {"size": 256},
        [256],
        [{"size": 0, "settings": {}}],
        [{"size": 64, "settings": {"seed": 1}}],
        [{"size": 64, "settings": ["encoder"]}],
        [Above(256, {}), Above(128, {})],
    ],
    "temporal_weight": BELOW_ZERO,
    "frame_iterations": NO_COUNT,
    "keyframe_interval": NO_COUNT,
    "following": [3, ["encoder"], {"nonsense": 1}, {"seed": 1}],
    "seed": [-1, 2**63, 1.5, "x", None],
    "milestones": ["often", 3, {"nonsense": 1}],
    "device": [3, None, []],
    "dtype": [3, None, []],
    "memory": ["much", "-4GB", "0GB", 4, []],
    "max_pixels": NO_COUNT,
}


# What is refused


def test_every_setting_is_checked():
    assert WRONG.keys() == SETTINGS.keys()


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_a_usage_error_that_names_the_setting(name):
    """Also where the type is wrong; and the value that there was passes.  A name is told by what it is the name of."""
    kind = {"tv_loss": "smoothness", "resample": "resampling", "until": "stop"}.get(name, name)
    for value in WRONG[name]:
        with pytest.raises(UsageError) as error:
            Recipe(**{name: value})
        assert re.search(f"{name}|{kind.replace('_', '.')}", str(error.value)), (value, str(error.value))
    assert getattr(Recipe(**{name: getattr(Recipe(), name)}), name) == getattr(Recipe(), name)


@pytest.mark.parametrize(
    ("name", "closest"), [("strenght", "strength"), ("style_weigths", "style_weights"), ("iteration", "iterations")]
)
def test_a_setting_that_there_is_none_of_is_refused_with_the_closest(name, closest):
    with pytest.raises(UnknownNameError, match=f"Unknown setting '{name}'; the closest is '{closest}'"):
        Recipe().override(**{name: 0.5})


@pytest.mark.parametrize("name", ["name", "task", "required_layers", "summary"])
def test_what_is_no_setting_cannot_be_overridden(name):
    with pytest.raises(UnknownNameError):
        Recipe().override(**{name: "x"})


def test_a_setting_that_the_task_does_not_have_is_refused():
    with pytest.raises(UsageError, match="The run is a texture, which has no strength"):
        texture_of(Recipe()).override(strength=0.5)
    with pytest.raises(UsageError, match="The run is a transfer, which has no tileable"):
        Recipe().override(tileable=True)


def test_layers_are_what_the_published_names_mean():
    recipe = Recipe(content_layers=("conv4_2",), style_layers={"block1_conv1": 2})
    assert (recipe.content_layers, recipe.style_layers) == ({"relu4_2": 1.0}, {"relu1_1": 2.0})


# Overrides


def test_overriding_leaves_the_recipe_as_it_is():
    recipe = Recipe()
    other = recipe.override(strength=0.25, size=None, solver="adam")
    assert recipe == Recipe()
    assert other == replace(recipe, strength=0.25, solver=SOLVERS["adam"])
    with pytest.raises(FrozenInstanceError):
        recipe.strength = 1.0


def test_layers_that_are_asked_for_are_required():
    recipe = Recipe().override(style_layers=("relu1_1", "relu9_9=2"), content_layers=("*",))
    assert recipe.required_layers == ("relu1_1", "relu9_9")


def test_an_image_to_begin_with_is_no_part_of_the_recipe():
    image = torch.zeros(1, 3, 8, 8)
    recipe, start = asked(Recipe(), {"init": image, "strength": 0.1})
    assert start is image
    assert (recipe.init, recipe.strength) == ("image", 0.1)
    assert asked(Recipe(), {"init": "gray"}) == (Recipe(init="gray"), None)
    with pytest.raises(UnknownNameError, match="for a texture"):
        asked(texture_of(Recipe()), {"init": "photo.png"})


def test_evaluations_are_those_asked_for_or_the_pyramids_share():
    assert Recipe().evaluations(512) == 47
    assert Recipe(init="random").evaluations(512) == 115
    assert Recipe(until="converged").evaluations(512) == 5 * 47
    assert Recipe(iterations=7).evaluations(4096) == 7
    assert Recipe(levels=2).pyramid.sizes(512) == (256, 512)


# Sizes

LARGER = (Above(128, {"style_weight": 5.0}), Above(256, {"encoder": "vgg19", "style_weight": 3.0}))


def test_the_last_size_that_is_passed_counts():
    recipe = Recipe(by_size=LARGER, encoder="compact", style_weight=8)
    found = {size: recipe.at(size) for size in (64, 128, 129, 256, 257)}
    assert {size: each.style_weight for size, each in found.items()} == {64: 8, 128: 8, 129: 5, 256: 5, 257: 3}
    assert [each.encoder for each in found.values()] == ["compact", "compact", "compact", "compact", "vgg19"]
    assert found[64] == replace(recipe, by_size=())


def test_what_is_said_holds_at_every_size():
    recipe = Recipe(by_size=LARGER)
    assert recipe.override(style_weight=1).by_size == (Above(256, {"encoder": "vgg19"}),)
    assert recipe.override(strength=0.1).by_size == LARGER
    for network in ({"encoder": "compact"}, {"weights": "vgg.pth"}):
        assert recipe.override(**network).by_size == ()


# JSON


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_comes_back_from_json(name):
    recipe = RECIPES[name]
    text = json.dumps(recipe.to_json(), allow_nan=False)
    back = from_json(recipe.task, json.loads(text), lambda _: preset(recipe.name))
    assert back == replace(recipe, required_layers=preset(recipe.name).required_layers)
    assert back.to_json() == recipe.to_json()


def test_what_json_leaves_open_is_as_the_preset_has_it():
    found = from_json("transfer", {"preset": "gatys2016", "strength": 0.3, "content_weight": None, "odd": 1}, preset)
    assert found == preset("gatys2016").override(strength=0.3)
    with pytest.raises(UnknownNameError, match="Unknown preset 'mine'"):
        from_json("transfer", {"preset": "mine", "strength": 0.3}, preset)
    own = Recipe(name="mine", strength=0.3)
    assert from_json("transfer", own.to_json(), preset).override(strength=0.4) == replace(own, strength=0.4)


def test_terms_of_ones_own_are_told_and_refused():
    recipe = Recipe(extra_terms=[PixelTerm("dark", 1.0, torch.mean)])
    assert recipe.to_json()["extra_terms"] == ["dark"]
    with pytest.raises(UsageError, match=r"made with terms of one's own: .'dark'."):
        from_json(recipe.task, recipe.to_json(), preset)
    for written in (5, [""], "dark", ["\x1b[31m"]):
        with pytest.raises(UsageError, match=r"made with terms of one's own") as refused:
            from_json(recipe.task, {"extra_terms": written}, preset)
        assert "\x1b" not in str(refused.value)


HOSTILE = [None, True, -1, 0, 10**400, 1e308, "", "x", "\x1b[2J", "../../etc", [], [[]], [1] * 99, {}, {"a": {"b": 1}}]


def mutated(values, random_):
    """`values` with one value somewhere in it, or a few, replaced, taken away or added."""
    values = copy.deepcopy(values)
    for _ in range(random_.randint(1, 3)):
        place = values
        while True:
            key = random_.choice(list(place) if isinstance(place, dict) else range(len(place)))
            if not isinstance(place[key], dict | list) or not place[key] or random_.random() < 0.3:
                break
            place = place[key]
        if isinstance(place, dict) and random_.random() < 0.2:
            place[random_.choice(["numbers", "shares", "x"])] = random_.choice(HOSTILE)
        elif isinstance(place, dict) and random_.random() < 0.1 and len(place) > 1:
            del place[key]
        else:
            place[key] = random_.choice(HOSTILE)
    return values


def test_hostile_settings_are_a_recipe_or_a_usage_error():
    random_, refused = random.Random(0), 0
    for number in range(400):
        recipe = list(RECIPES.values())[number % len(RECIPES)]
        values = mutated(json.loads(json.dumps(recipe.to_json())), random_)
        try:
            found = from_json(recipe.task, values, preset)
            solver_of(found.solver)
            found.pyramid.levels(64, 64, found.evaluations(64))
        except UsageError:
            refused += 1
        else:
            json.dumps(found.to_json(), allow_nan=False)
    assert 150 < refused < 400


# Types


def test_callers_settings_are_those_of_the_recipe():
    assert get_type_hints(Settings).keys() == SETTINGS.keys()


def test_small_data_may_be_given_as_what_it_is():
    recipe = Recipe(preprocessing=CAFFE_BGR, schedule=Pyramid(most=1), solver=SolverSpec("sgd"))
    assert recipe.preprocessing == CAFFE_BGR
    assert (recipe.schedule.most, recipe.solver.method) == (1, "sgd")


CALLS = """
from impasto.painter import Painter

Painter().stylize("a.jpg", "b.jpg", strength=0.5, style_layers=["relu1_1"], output="torch")
Painter().stylize("a.jpg", "b.jpg", strenght=0.5)
Painter().prepare("a.jpg", "b.jpg", strength="much")
Painter().synthesize("b.jpg", size=(64, 48))
"""


def test_mypy_finds_a_setting_that_is_misspelled(tmp_path):
    """Of the program and the two files that say what may be asked; all else would take a minute."""
    api = pytest.importorskip("mypy.api")
    (tmp_path / "calls.py").write_text(CALLS)
    files = [str(tmp_path / "calls.py"), painter.__file__, request.__file__]
    told, _, _ = api.run(["--follow-imports=skip", f"--cache-dir={tmp_path}", *files])
    found = [line for line in told.splitlines() if "calls.py" in line and ": error:" in line]
    assert {int(line.split(":")[1]) for line in found} == {5, 6}
    assert "strenght" in told


def test_more_styles_than_a_record_can_name_are_refused(uniform):
    picture = uniform(1, 3, 20, 20)
    with pytest.raises(UsageError, match="65 styles are too many: 64 are the most"):
        impasto.prepare(picture, [picture] * 65, size=20)
