"""How large the strokes of each style are, and of whom the fine ones are."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from impasto import Region
from impasto.cli import app as cli
from impasto.color import matched_colors
from impasto.errors import UsageError
from impasto.fitting import style_shape
from impasto.images import from_array, resize
from impasto.losses import blurred
from impasto.painter import prepare, prepare_texture
from impasto.presets import preset as request_recipe
from impasto.recipe import Recipe
from impasto.record import read_record
from impasto.schedule import Level
from impasto.statistics import moments

QUICK = {"preset": "fast", "iterations": 4, "device": "cpu", "dtype": "float32", "size": 96}


def picture(seed, width=96, height=72):
    """Smooth colors."""
    noise = np.random.default_rng(seed).random((6, 8, 3))
    return np.asarray(Image.fromarray((255 * noise).astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC))


PHOTO, A, B = picture(1), picture(2, 240, 180), picture(3, 240, 180)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, values in {"photo": PHOTO, "a": A, "b": B}.items():
        Image.fromarray(values).save(f"{name}.png")
    return tmp_path


def shapes(run):
    """Of the styles, at the full size."""
    return run.problem.style_shapes(run.plan.levels[-1])


# For each style -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.5, [0.5], [0.5, 0.5], np.array([0.5, 0.5])])
def test_one_scale_is_that_of_all_styles(scale):
    assert shapes(prepare(PHOTO, [A, B], style_scale=scale, **QUICK)) == [(36, 48), (36, 48)]


def test_each_style_has_its_scale_those_of_regions_after_the_others():
    mask = np.zeros((72, 96), np.uint8)
    mask[:40] = 255
    run = prepare(PHOTO, [A, B], regions=[Region(mask, "swatch:mosaic")], style_scale=[0.5, 2, 1], **QUICK)
    assert shapes(run) == [(36, 48), (144, 192), (72, 96)]
    assert len(list(run)) == 4


def test_a_texture_has_the_scales_of_its_styles():
    assert shapes(prepare_texture([A, B], style_scale=[0.5, 1], **QUICK)) == [(36, 48), (72, 96)]


def test_the_plan_counts_the_memory_of_each():
    small, large = (prepare(PHOTO, [A, B], style_scale=[0.5, x], **QUICK).plan.estimate.taken.near for x in (0.5, 2))
    assert large > small


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        ((1, 2, 3), "style_scale has 3 entries but there are 2 style images; give one for each"),
        ((1, 0), "style_scale is 0; it must be a number above 0"),
        ((), "style_scale has no entry"),
        ((1, 1e6), "style_scale is 1e.06, with which a style image would have"),
    ],
)
def test_scales_that_cannot_be_are_refused(scale, said):
    with pytest.raises(UsageError, match=said):
        prepare(PHOTO, [A, B], style_scale=scale, **QUICK)


def test_a_style_that_is_enlarged_is_told_once():
    """Also where the result is larger than the style, and nobody asked for another scale."""
    notes = prepare(PHOTO, [A, picture(4, 48, 36)], **QUICK).plan.notes
    (note,) = (each for each in notes if "enlarged" in each)
    assert "48x36 pixels and is enlarged to 96x72" in note
    assert not any("enlarged" in each for each in prepare(PHOTO, [A, B], style_scale=[1, 2], **QUICK).plan.notes)


def reach(image):
    """The lag in pixels at which the autocorrelation of brightness falls to a half, along rows and columns."""
    values = np.asarray(image.convert("L"), float)
    spectrum = np.abs(np.fft.fft2(values - values.mean())) ** 2
    correlation = np.fft.ifft2(spectrum).real
    along = (correlation[0] + correlation[:, 0]) / (2 * correlation[0, 0])
    first = int(np.argmax(along < 0.5))
    return first - 1 + (along[first - 1] - 0.5) / (along[first - 1] - along[first])


def test_strokes_of_a_texture_grow_with_the_scale_of_its_style():
    """From noise, in a style of yellow and blue blots; `benchmarks/strokes.py scales` measures textures of swatches."""
    noise = torch.from_numpy(np.random.default_rng(1).standard_normal((1, 1, 128, 128))).float()
    soft = blurred(noise, 2.0)[0, 0, :, :, None]
    blots = torch.sigmoid(4 * soft / soft.std())
    colors = torch.lerp(
        torch.tensor([40.0, 40, 100]), torch.tensor([200.0, 160, 40]), torch.sigmoid(4 * blots / blots.std())
    )
    style = from_array(colors.byte().numpy())
    asked = {"preset": "fast", "size": (128, 128), "iterations": 40, "device": "cpu", "dtype": "float32"}
    small, usual, large = (reach(impasto.synthesize(style, style_scale=each, **asked)) for each in (0.5, 1, 2))
    assert usual > 1.4 * small, (small, usual)
    assert large > 1.4 * usual, (usual, large)


@pytest.mark.parametrize(("preset", "scale", "wide"), [("fast", 1, 512), ("fast", 2, 1024), ("gatys2016", 1, 640)])
def test_a_small_style_is_enlarged_no_further_than_for_the_usual_size_but_by_published_methods(preset, scale, wide):
    recipe = request_recipe(preset)
    shape = style_shape((36, 48), Level(480, 640, 1), scale, recipe.style_enlarged_up_to)
    assert shape[1] == wide


@pytest.mark.parametrize(("own", "wide"), [(384, 768), (640, 1280), (2000, 1280)])
def test_a_large_picture_sees_a_style_at_its_own_size_or_at_twice_the_styles_pixels(own, wide):
    shape = style_shape((own * 3 // 4, own), Level(960, 1280, 1), 1.0, Recipe().style_enlarged_up_to)
    assert shape[1] == wide


def test_the_command_has_a_scale_for_each_and_its_picture_is_replayed(desk):
    asked = ("transfer", "photo.png", "-s", "a.png", "-s", "b.png", "--style-scale", "0.5,2", "-o", "out.png")
    assert cli.run([*asked, "--preset", "fast", "--iterations", "4", "--size", "96", "-q"]) == 0
    assert read_record("out.png").settings["style_scale"] == [0.5, 2.0]
    made = impasto.stylize("photo.png", ["a.png", "b.png"], style_scale=[0.5, 2], preset="fast", iterations=4, size=96)
    assert np.array_equal(np.asarray(Image.open("out.png")), np.asarray(made))
    assert cli.run(["replay", "out.png", "-q"]) == 0


# Of another, up to a layer ------------------------------------------------------------------------------------------


def style_targets(run, level=-1):
    """The moments that each layer is to have."""
    return {term.layer: term.target for term in run.problem.sitting(run.plan.levels[level]).style_terms()}


def test_up_to_its_layer_the_moments_are_those_of_the_texture_in_the_colors_of_the_style():
    """Shallow layers as if the recolored texture were the style, deeper ones as if there were no texture."""
    layers = {"style_layers": ["relu1_1", "relu2_1", "relu3_1"]}
    mixed = style_targets(prepare(PHOTO, A, texture=B, texture_up_to="relu2_1", **layers, **QUICK))
    coarse = style_targets(prepare(PHOTO, A, **layers, **QUICK))
    assert torch.equal(mixed["relu3_1"].second, coarse["relu3_1"].second)
    a, b = (resize(from_array(each).pixels, 72, 96) for each in (A, B))
    encoder = prepare(PHOTO, A, **QUICK).plan.encoder
    seen = encoder(matched_colors(b, moments(b), moments(a)).clamp(0, 1), layers["style_layers"])
    for layer in ("relu1_1", "relu2_1"):
        torch.testing.assert_close(mixed[layer].gram, moments(seen[layer]).gram, rtol=1e-2, atol=1e-4)
        assert not torch.allclose(mixed[layer].gram, coarse[layer].gram, rtol=1e-2)


def test_a_style_that_is_its_own_texture_changes_nothing():
    plain, own = (style_targets(prepare(PHOTO, A, **more, **QUICK)) for more in ({}, {"texture": A}))
    for layer, expected in plain.items():
        torch.testing.assert_close(own[layer].gram, expected.gram, rtol=1e-3, atol=1e-5)


def test_regions_have_the_texture_in_their_own_colors_and_tiles_see_it_whole():
    mask = np.zeros((72, 96), np.uint8)
    mask[:40] = 255
    run = prepare(PHOTO, A, regions=[Region(mask, B)], texture="swatch:halftone", style_scale=[1, 1, 0.5], **QUICK)
    assert shapes(run)[-1] == (36, 48)
    level = run.plan.levels[-1]
    parts = run.problem.sitting(level).parts
    means = [moments(part.texture_in_its_colors()[0]).mean for part in parts]
    for part, mean in zip(parts, means, strict=True):
        torch.testing.assert_close(mean, part.palette.mean, rtol=0, atol=0.03)
    image = run.problem.initial(level)
    one, many = (run.problem.objective(replace(level, tile=tile)).evaluate(image) for tile in (None, 64))
    assert float(many.loss) == pytest.approx(float(one.loss), rel=1e-4)
    torch.testing.assert_close(many.grad, one.grad, rtol=1e-3, atol=1e-5 * float(one.grad.abs().max()))


def test_places_are_matched_with_the_style_in_the_deeper_layers_alone():
    run = prepare(PHOTO, A, texture=B, neighbor_weight=1.0, neighbor_layers=["relu1_1", "relu3_1"], **QUICK)
    (term,) = run.problem.sitting(run.plan.levels[-1]).neighbor_terms()
    assert set(term.strides) == {"relu3_1"}


def test_the_command_mixes_scales_and_its_picture_is_replayed(desk):
    asked = ("transfer", "photo.png", "a.png", "--texture", "b.png", "--texture-up-to", "conv1_2", "-o", "out.png")
    assert cli.run([*asked, "--preset", "fast", "--iterations", "4", "--size", "96", "-q"]) == 0
    record = read_record("out.png")
    assert [each.role for each in record.inputs] == ["content", "style", "texture"]
    assert record.settings["texture_up_to"] == "relu1_2"
    assert cli.run(["replay", "out.png", "-q"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--texture-up-to", "relu2_1"), "give both"),
        (("--texture", "a.png", "--texture", "b.png"), "--texture is a.png and b.png; give one style"),
        (("--texture", ""), "--texture is empty"),
        (("--texture", "nothing.png"), "There is no file nothing.png"),
        (("--texture", "b.png", "--texture-up-to", "relu9_9"), "Unknown layer 'relu9_9'"),
        (("--texture", "b.png", "--style-scale", "1,2,3"), "3 entries but there are 2 style images"),
    ],
)
def test_textures_that_cannot_be_are_told(desk, capsys, arguments, said):
    assert cli.run(["transfer", "photo.png", "a.png", *arguments, "--size", "96", "-q", "--dry-run"]) == 2
    assert said in capsys.readouterr().err
