"""Options of the commands and settings of a recipe: one says what the other does."""

import json
import re
from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from impasto.cli.beforehand import plan
from impasto.cli.filming import video
from impasto.cli.making import content, style, texture, transfer
from impasto.cli.options import asked_recipe, default_of
from impasto.cli.words import words
from impasto.errors import UnknownNameError
from impasto.images import save_image
from impasto.presets import PRESETS, preset
from impasto.recipe import SETTINGS, Recipe
from impasto.record import KEYWORD, EncoderUsed, Input, Made, Plan, PlannedLevel, Record, Result
from impasto.request import Settings, asked
from impasto.tasks.reconstruct import LAYERS, reconstruction_of
from impasto.tasks.texture import texture_of

BASES = {
    transfer: Recipe(),
    texture: texture_of(Recipe()),
    content: reconstruction_of(preset("study"), "content"),
    style: reconstruction_of(preset("study"), "style"),
    plan: Recipe(),
    video: Recipe(),
}
ARGUMENTS = {
    transfer: ["a.jpg", "b.jpg"],
    texture: ["b.jpg"],
    content: ["a.jpg"],
    style: ["b.jpg"],
    plan: [],
    video: ["a.mp4", "b.jpg", "-o", "c.mp4"],
}
COMMANDS = [pytest.param(command, id=command.name) for command in BASES]
NOT_SETTINGS = {
    "content", "named", "styles", "regions", "keep", "texture", "image", "preset", "layers", "sizes",
    "output", "force", "checkpoint", "no_metadata", "keep_exif", "bits", "save_every", "quiet", "as_json", "dry_run",
    "clip", "start", "end", "fps", "every", "preview", "instant",
}  # fmt: skip


def settings_of(command):
    return {parameter.name for parameter in command.params} & set(SETTINGS)


def options_of(command, *line):
    return command.make_context(command.name, [*ARGUMENTS[command], *line]).params


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_a_setting_that_the_task_has(command):
    given = set(options_of(command))
    assert given <= set(SETTINGS) | NOT_SETTINGS
    assert all(BASES[command].task in SETTINGS[name]["only"] for name in settings_of(command))


def test_every_setting_with_a_sentence_is_an_option():
    flagged = set().union(*map(settings_of, BASES))
    assert flagged == {name for name, about in SETTINGS.items() if about["help"]}
    transfers = {name for name, about in SETTINGS.items() if about["help"] and "transfer" in about["only"]}
    assert settings_of(transfer) == transfers - {"noise", "temporal_weight", "frame_iterations", "keyframe_interval"}
    assert settings_of(video) == transfers - {"noise"}


def test_every_setting_is_one_that_programs_can_give():
    assert set(Settings.__annotations__) == set(SETTINGS)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_is_called_as_its_setting(command):
    for parameter in command.params:
        if parameter.name in SETTINGS:
            assert "--" + parameter.name.replace("_", "-") in parameter.opts


@pytest.mark.parametrize("command", COMMANDS)
def test_without_options_it_is_the_preset(command):
    options = options_of(command)
    assert all(options[name] is None for name in settings_of(command))
    options |= {"preset": "default"}
    assert asked_recipe(options, lambda base: BASES[command]) == (BASES[command], None)
    assert not settings_of(command) & set(options)


def told(parameter):
    found = re.search(r"\[default: (.*)\]$", parameter.help or "")
    return found and found[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_tells_the_defaults_of_the_recipe(command):
    """What is told, read as if it were given, is what the recipe has; where that is None, its numbers are."""
    base, read = BASES[command], set()
    for parameter in command.params:
        if parameter.name not in SETTINGS or (default := told(parameter)) is None:
            continue
        value = getattr(base, parameter.name)
        read.add(parameter.name)
        if value is None:
            schedules = [base.schedule, base.blank_schedule or base.schedule]
            known = {base.usual_size, *(each.evaluations for each in schedules)}
            assert {int(number) for number in re.findall(r"\d+", default)} <= known
            continue
        if isinstance(value, float):
            default = str(float(Fraction(default)))
        given = parameter.type.convert(default, parameter, None)
        assert SETTINGS[parameter.name]["check"](parameter.name, given).__class__ is value.__class__
        assert words(SETTINGS[parameter.name]["check"](parameter.name, given)) == words(value)
    assert read >= {"iterations", "encoder", "solver", "seed", "device", "dtype", "memory", "pooling", "padding"}


def test_help_tells_the_layers_of_a_reconstruction():
    for command in (content, style):
        layers = next(parameter for parameter in command.params if parameter.name == "layers")
        assert told(layers) == ",".join(LAYERS[command.name])


def test_another_default_is_told():
    other = replace(Recipe(), seed=7, style_scale=1.5, pooling="average", solver="adam", usual_size=800)
    assert [default_of(other, name) for name in ("seed", "style_scale", "pooling", "solver")] == [
        "7", "1.5", "average", "adam",
    ]  # fmt: skip
    assert default_of(other, "size").startswith("800")
    assert default_of(Recipe(), "pooling") == "max"


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("--size 640", "size", 640),
        ("--strength 0.7", "strength", 0.7),
        ("--style-weights 2,1", "style_weights", (2.0, 1.0)),
        ("--content-layers conv4_2=0.5,relu3_1", "content_layers", {"relu4_2": 0.5, "relu3_1": 1.0}),
        ("--preset tutorial --seed 3", "seed", 3),
        ("--preset gatys2016", "dtype", "float32"),
        ("--preset gatys2016 --dtype auto", "dtype", "auto"),
        ("--preset gatys2016 --init gray", "init", "gray"),
    ],
)
def test_options_take_the_place_of_the_presets_settings(line, name, value):
    recipe, picture = asked_recipe(options_of(transfer, *line.split()))
    assert getattr(recipe, name) == value
    assert picture is None


def test_a_flag_and_a_size_of_a_texture():
    recipe, _ = asked_recipe(options_of(texture, "--tileable", "--size", "128x96"), texture_of)
    assert (recipe.tileable, recipe.size) == (True, (128, 96))
    recipe, _ = asked_recipe(options_of(texture, "--size", "128"), texture_of)
    assert (recipe.tileable, recipe.size) == (False, (128, 128))


def test_an_init_that_is_no_way_is_a_picture():
    recipe, picture = asked_recipe(options_of(transfer, "--init", "start.png"))
    assert (recipe.init, picture) == ("image", "start.png")
    image = object()
    assert asked(Recipe(), {"init": image, "seed": None})[1] is image


@pytest.mark.parametrize("name", ["start.png", "rnadom"])
def test_a_texture_begins_with_no_picture(name):
    with pytest.raises(UnknownNameError, match=f"Unknown init '{name}' for a texture.*Inits: random, gray, style"):
        asked_recipe(options_of(texture, "--init", name), texture_of)


# Looking at settings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_shown_in_words(impasto, name):
    code, out, err = impasto("presets", "show", name)
    assert (code, err) == (0, "")
    assert PRESETS[name].summary in out
    assert re.search(rf"iterations +{PRESETS[name].pyramid.evaluations}\n", out)
    assert set(re.findall(r"^  (\w+ weight) ", out, re.MULTILINE)) >= {"palette weight", "style weight"}
    for word in ("None", "True", "False", "Preprocessing", "Pyramid", "SolverSpec", "<function", "'inside'"):
        assert word not in out


def record(settings, task="transfer", name="photo.jpg", start=None):
    return Record(
        task=task,
        settings=settings,
        inputs=(Input("content", name, sha256="a" * 64), Input("style", "", pixels="b" * 64)),
        encoders=(EncoderUsed("compact", "c" * 64),),
        plan=Plan((PlannedLevel(64, 48, 4, None),), 10),
        made=Made("0.1", "2.6", "cpu", "float32", 2),
        result=Result(4, 9, None, {"range": 0.25}, "d" * 64),
        start=start,
    )


@pytest.fixture
def shown(impasto, tmp_path):
    """shown(record): the lines that `impasto show` prints of a picture with it, and what --json prints."""

    def show(about):
        path = tmp_path / "picture.png"
        save_image(torch.zeros(1, 3, 2, 2), path, text={KEYWORD: about.to_text()})
        (code, out, err), (_, as_json, _) = impasto("show", str(path)), impasto("show", str(path), "--json")
        assert (code, err) == (0, "")
        return out.splitlines(), json.loads(as_json)

    return show


def test_show_prints_what_is_not_as_the_preset_has_it(shown):
    recipe = PRESETS["gatys2016"].override(strength=0.7, dtype="auto", content_layers=("relu3_1=0.5",))
    lines, as_json = shown(record(recipe.to_json()))
    told = dict(re.split("  +", line, maxsplit=1) for line in lines)
    assert {name: told.pop(name) for name in ("preset", "strength", "dtype", "content layers")} == {
        "preset": "gatys2016",
        "strength": "0.7",
        "dtype": "float32",  # the last row of that name: what `auto` was
        "content layers": "relu3_1=0.5",
    }
    assert told["content"] == f"photo.jpg  (sha256 {'a' * 16})"
    assert told["style"] == f"an image in memory  (pixels {'b' * 16})"
    assert (told["evaluations"], told["loss"], told["range"]) == ("4 of 9", "not finite", "0.25")
    assert {name.replace("_", " ") for name in SETTINGS} & set(told) == {"device"}  # where it was made
    assert as_json["settings"] == json.loads(json.dumps(recipe.to_json()))


def test_show_prints_all_settings_of_a_preset_that_it_does_not_know(shown):
    lines, _ = shown(record({"preset": "mine", "seed": 0, "size": None, "grain": [1, 2]}))
    assert {"preset             mine", "seed               0", "grain              1, 2"} <= set(lines)


def test_show_prints_the_run_before(shown):
    lines, _ = shown(record({}, start=record({}, task="texture")))
    assert any(line.startswith("went on from") and line.endswith("a texture of 4 evaluations:") for line in lines)
    assert any(line.startswith("  task") for line in lines)


def test_show_escapes_what_a_terminal_would_obey(shown):
    lines, _ = shown(record({"preset": "\x1b[2J", "se\x07ed": "\u202e"}, name="a\nb\x1b]0;x"))
    assert all(line.isprintable() for line in lines)
    assert any("a\\x0ab\\x1b]0;x" in line for line in lines)
