"""Transfers, small but real: what comes out, and what is refused before anything is computed."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from impasto.choices import INITS, SOLVERS, Above
from impasto.color import matched_colors
from impasto.encoders.base import sums_by_features
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.preprocessing import IMAGENET_RGB
from impasto.errors import ImpastoError, UnknownNameError, UsageError
from impasto.fitting import Views
from impasto.given import Given
from impasto.images import RESAMPLERS, resize, to_pil
from impasto.losses import CONTENT_LOSSES, SMOOTHNESS, STYLE_LOSSES, energy, out_of_range, smoothed
from impasto.painter import prepare, stylize
from impasto.presets import PRESETS, preset
from impasto.problem import PictureProblem
from impasto.ranges import layers as parse_layers
from impasto.recipe import SETTINGS, Recipe
from impasto.schedule import Level, Pyramid
from impasto.sources import Resampled, open_picture, source_name
from impasto.statistics import moments

QUICK = {"preset": "fast", "size": 64, "iterations": 4, "device": "cpu", "dtype": "float32"}


def waves(height, width, pitch, phase=0.0):
    """A picture of three crossing waves, (1, 3, height, width)."""
    y, x = torch.meshgrid(torch.arange(height) / pitch, torch.arange(width) / pitch, indexing="ij")
    channels = [torch.sin(3 * x + phase), torch.sin(2 * y + x + phase), torch.cos(x - 2 * y)]
    return 0.5 + 0.4 * torch.stack(channels)[None]


CONTENT, STYLE, OTHER = waves(96, 128, 20.0), waves(90, 90, 3.0, 1.0), waves(80, 120, 6.0, 2.0)


def run(content=CONTENT, styles=(STYLE,), **settings):
    """All steps of a quick transfer."""
    return list(prepare(content, list(styles), **(QUICK | settings)))


def picture(*arguments, **settings):
    return run(*arguments, **settings)[-1].image


def problem(recipe, encoder, content, *styles):
    """What `recipe` asks of a picture with this content and these styles."""
    resample = RESAMPLERS[recipe.resample]
    given = Given(Resampled(content, resample), tuple(Resampled(style, resample) for style in styles))
    return PictureProblem(recipe, given, Views(recipe, lambda _: encoder))


def psnr(a, b):
    return -10 * math.log10(float((a - b).square().mean()) + 1e-12)


# What comes out


@pytest.mark.parametrize(
    ("height", "width", "size", "expected"),
    [(96, 128, 64, (48, 64)), (101, 67, 96, (96, 64)), (75, 75, 65, (65, 65)), (120, 50, 96, (96, 40))],
)
def test_the_result_has_the_contents_shape_at_the_asked_size(height, width, size, expected):
    assert picture(waves(height, width, 9.0), size=size).shape == (1, 3, *expected)


def test_without_a_size_the_result_is_no_larger_than_the_photograph():
    assert picture(waves(70, 66, 9.0), size=None).shape == (1, 3, 70, 66)


@pytest.mark.parametrize("settings", [{}, {"init": "random", "seed": 5}, {"solver": "adam"}], ids=str)
def test_the_same_request_gives_the_same_picture_to_the_bit(settings):
    assert torch.equal(picture(**settings), picture(**settings))


def test_iterating_twice_runs_it_again():
    ready = prepare(CONTENT, [STYLE], **QUICK)
    first, second = list(ready), list(ready)
    assert torch.equal(first[-1].image, second[-1].image)
    assert len(first) == ready.plan.evaluations == 4


def test_another_seed_gives_another_random_start():
    assert not torch.equal(picture(init="random", seed=1), picture(init="random", seed=2))


def test_no_global_seed_is_set_or_used():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    picture(init="random")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "settings", [*({"solver": name} for name in SOLVERS), *({"style_loss": name} for name in STYLE_LOSSES)], ids=str
)
def test_the_loss_falls_whatever_the_solver_and_the_style_loss(settings):
    steps = run(iterations=12, init="content", **settings)
    assert steps[-1].loss < 0.9 * steps[0].loss


@pytest.mark.parametrize("dtype", ["auto", "bfloat16", "float64"])
def test_the_loss_falls_in_every_number_format(dtype):
    steps = run(iterations=10, init="content", dtype=dtype)
    assert steps[-1].loss < 0.9 * steps[0].loss
    assert steps[-1].image.dtype == torch.float32


def test_the_loss_falls_on_every_level():
    steps = run(waves(96, 128, 20.0), size=300, levels=2, iterations=12)
    for level in (1, 2):
        losses = [step.loss for step in steps if step.level == level]
        assert losses[-1] < losses[0]
    assert [step.size for step in steps[:: len(steps) - 1]] == [(150, 112), (300, 225)]


def test_the_inputs_are_left_as_they_are():
    content, style = CONTENT.clone(), STYLE.clone()
    run(content, [style], init=content)
    assert torch.equal(content, CONTENT)
    assert torch.equal(style, STYLE)


def test_stylize_gives_a_pil_image():
    result = stylize(CONTENT, STYLE, **QUICK)
    assert (result.mode, result.size) == ("RGB", (64, 48))


def test_stylize_takes_one_style_or_several():
    one, several = stylize(CONTENT, STYLE, **QUICK), stylize(CONTENT, [STYLE, OTHER], **QUICK)
    assert one.tobytes() != several.tobytes()


def test_alpha_of_the_content_comes_back():
    transparent = to_pil(CONTENT, torch.linspace(0, 1, 128).expand(1, 1, 96, 128))
    result = stylize(transparent, STYLE, **QUICK)
    assert (result.mode, result.size) == ("RGBA", (64, 48))
    alpha = np.asarray(result)[..., 3]
    assert alpha[:, 0].max() < 10
    assert alpha[:, -1].min() > 245


# Strength


def test_strength_0_gives_the_content_back():
    content = waves(48, 64, 10.0)
    result = run(content, strength=0.0, iterations=20)[-1]
    assert psnr(result.image, content) > 30
    assert not any(name.startswith("style/") for name in result.terms)


def test_strength_1_leaves_out_the_content():
    assert not any(name.startswith("content/") for name in run(strength=1.0)[0].terms)


def test_more_strength_goes_further_from_the_content():
    content = waves(48, 64, 10.0)
    distances = [psnr(picture(content, strength=s, iterations=20), content) for s in (0.1, 0.3, 0.5)]
    assert distances == sorted(distances, reverse=True)


# Styles


def test_a_blend_with_all_the_weight_on_one_style_is_that_style_alone():
    torch.testing.assert_close(picture(styles=[STYLE, OTHER], style_weights=(3.0, 0.0)), picture(styles=[STYLE]))


def test_style_weights_are_in_any_unit():
    a, b = (picture(styles=[STYLE, OTHER], style_weights=weights) for weights in ((1.0, 3.0), (0.25, 0.75)))
    torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "style",
    [
        "swatch:mosaic",
        "swatch:mosaic:7",
        to_pil(STYLE),
        np.asarray(to_pil(STYLE)),
        STYLE[0].permute(1, 2, 0).numpy(),
        STYLE.double(),
        open_picture(STYLE),
    ],
    ids=["swatch", "seed", "pil", "uint8", "float", "tensor", "picture"],
)
def test_a_style_may_be_anything_that_is_an_image(style):
    assert picture(styles=[style]).isfinite().all()


def test_a_style_may_be_a_file(tmp_path):
    to_pil(STYLE).save(tmp_path / "style.png")
    from_file = picture(styles=[tmp_path / "style.png"])
    torch.testing.assert_close(from_file, picture(styles=[to_pil(STYLE)]))
    assert torch.equal(from_file, picture(styles=[str(tmp_path / "style.png")]))


class Spy:
    """An encoder that notes the shapes of the images it sees."""

    def __init__(self, encoder):
        self.device, self.shapes, self._encoder = encoder.device, [], encoder
        self.name, self.layers = encoder.name, encoder.layers

    def __call__(self, image, layers):
        self.shapes.append(tuple(image.shape[-2:]))
        return self._encoder(image, layers)

    sums = sums_by_features


@pytest.mark.parametrize(
    ("scale", "stretch", "expected"), [(1.0, False, (96, 64)), (0.5, False, (48, 32)), (1.0, True, (72, 96))]
)
def test_a_style_keeps_its_shape_unless_the_source_stretches_it(scale, stretch, expected, compact):
    spy, recipe = Spy(compact), replace(preset("fast"), style_layers={"relu3_1": 1.0}, stretch_style=stretch)
    problem(replace(recipe, style_scale=scale), spy, CONTENT, waves(150, 100, 5.0)).objective(Level(72, 96, 1))
    assert spy.shapes == [(72, 96), expected]


# What differs by size


def test_each_size_has_its_encoder_and_its_terms():
    small = {"encoder": "vgg19", "style_layers": ["relu2_1"], "content_layers": ["relu1_2"], "calm": 5.0}
    large = {"encoder": "compact", "style_layers": ["relu1_1"], "content_layers": ["relu4_2"], "calm": 0.0}
    sizes = {"size": 128, "schedule": Pyramid(smallest=64), "by_size": [Above(64, large)], "iterations": 4}
    ready = prepare(CONTENT, [STYLE], **(QUICK | small | sizes | {"strength": 0.3}))
    steps = list(ready)
    assert [step.size for step in steps] == [(64, 48), (64, 48), (128, 96), (128, 96)]
    assert steps[0].terms.keys() == {"content/relu1_2", "style/relu2_1", "calm", "range"}
    assert steps[3].terms.keys() == {"content/relu4_2", "style/relu1_1", "range"}
    assert [view.encoder.name for view in ready.plan.views] == ["vgg19", "compact"]
    assert [each.name for each in ready.record().encoders] == ["vgg19", "compact"]
    assert ready.plan.summary()["style layers"] == "relu2_1; above 64 px relu1_1"
    assert re.match(r"vgg19 \(.*\); above 64 px compact \(", ready.plan.summary()["encoder"])
    assert len(ready.plan.estimate.by_level) == 2


def test_a_style_is_looked_at_without_its_weave_where_the_recipe_says_so():
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    woven = waves(64, 64, 9.0) + 0.02 * (-1.0) ** (rows + columns)
    asked = QUICK | {"init": "content", "iterations": 1, "palette_weight": 0.0}

    def terms(style, **settings):
        return {
            n: v for n, v in next(iter(prepare(CONTENT, [style], **(asked | settings)))).terms.items() if "style" in n
        }

    below = terms(woven, by_size=[Above(64, {"style_smoothing": 0.05})])
    there = terms(woven, by_size=[Above(32, {"style_smoothing": 0.05})])
    assert below == terms(woven)
    assert there == pytest.approx(terms(smoothed(woven, 0.05).clamp(0, 1)), rel=1e-4)
    assert there != pytest.approx(below, rel=1e-2)


@pytest.mark.parametrize("init", ["matched", "content", "random"])
def test_a_gray_style_makes_gray_pictures(init):
    colorful, gray = waves(64, 96, 9.0), waves(64, 96, 5.0).mean(1, keepdim=True).expand(1, 3, 64, 96)
    made = {}
    for weight in (0.0, 1000.0):
        ready = prepare(colorful, [gray], **(QUICK | {"init": init, "iterations": 24, "palette_weight": weight}))
        image = list(ready)[-1].image
        made[weight] = float((image.amax(1) - image.amin(1)).mean())
    assert made[1000.0] < 0.4 * made[0.0]


def test_the_default_looks_deep_while_the_picture_is_small_and_at_strokes_beyond():
    steps = list(prepare(waves(90, 300, 20.0), [STYLE], size=300, iterations=2, device="cpu"))
    seen = [{name for name in step.terms if name != "range"} for step in steps]
    assert [step.size for step in steps] == [(150, 45), (300, 90)]
    shallow = {"style/relu1_1", "style/relu2_1", "style/relu3_1", "neighbors"}
    assert seen == [{"content/relu4_2", "style/relu4_1", *shallow}, {"content/relu3_1", *shallow}]


def test_the_network_of_a_size_that_does_not_come_is_not_loaded():
    sizes = {"encoder": "compact", "by_size": [Above(64, {"encoder": "vgg19.keras"})]}
    assert [each.name for each in prepare(CONTENT, [STYLE], **(QUICK | sizes)).record().encoders] == ["compact"]


# Where it begins


def start(**settings):
    """The picture before the first step, at the full size."""
    ready = prepare(CONTENT, [OTHER], levels=1, **(QUICK | settings))
    return ready.problem.initial(ready.plan.levels[0])


def test_init_content_gray_and_style_are_those_pictures():
    content = open_picture(CONTENT).pixels
    assert psnr(start(init="content"), torch.nn.functional.interpolate(content, (48, 64), mode="area")) > 30
    assert torch.equal(start(init="gray"), torch.full((1, 3, 48, 64), 0.5))
    style = torch.nn.functional.interpolate(OTHER, (48, 64), mode="area")
    assert psnr(start(init="style"), style) > 25


def test_init_matched_is_the_content_in_the_styles_colors():
    content = start(init="content")
    expected = moments(matched_colors(content, moments(content), moments(OTHER)).clamp(0, 1)).mean
    torch.testing.assert_close(moments(start(init="matched")).mean, expected, rtol=0.01, atol=0.01)


def test_init_random_is_noise_around_gray_of_the_presets_spread():
    noise = start(init="random")
    assert float(noise.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(noise.std()) == pytest.approx(preset("fast").noise, rel=0.05)


@pytest.mark.parametrize("init", [STYLE, to_pil(STYLE), "swatch:mosaic"], ids=["tensor", "pil", "swatch"])
def test_init_may_be_an_image(init):
    image = start(init=init)
    assert image.shape == (1, 3, 48, 64)
    if not isinstance(init, str):
        assert psnr(image, torch.nn.functional.interpolate(STYLE, (48, 64), mode="area")) > 20


def test_init_may_be_a_file(tmp_path):
    to_pil(STYLE).save(tmp_path / "start.png")
    assert torch.equal(start(init=str(tmp_path / "start.png")), start(init=to_pil(STYLE)))


@pytest.mark.parametrize("init", INITS)
def test_every_init_can_be_run_from(init):
    assert picture(init=init).isfinite().all()


# Presets put together


@pytest.mark.parametrize("name", [name for name, found in PRESETS.items() if not (found.relative or found.normalize)])
def test_the_objective_of_a_preset_is_the_sum_its_numbers_say(name, vgg_tensors, uniform):
    found, level = preset(name), Level(48, 64, 1)
    encoder = ChainEncoder(
        "narrow", vgg_tensors(dtype=torch.float64), found.preprocessing or IMAGENET_RGB, dtype=torch.float64
    )
    content, style = uniform(1, 3, 48, 64).float(), uniform(1, 3, 48, 64).float()
    image = uniform(1, 3, 48, 64)
    evaluation = problem(found, encoder, content, style).objective(level).evaluate(image)
    layers = {*found.content_layers, *found.style_layers}
    x, p, a = (encoder(i, layers) for i in (image, content, style))
    expected = found.tv_weight * SMOOTHNESS[found.tv_loss](image) + found.range_weight * out_of_range(image)
    for layer, weight in found.content_layers.items():
        expected += found.content_weight * weight * CONTENT_LOSSES[found.content_loss](x[layer], p[layer])
    for layer, weight in found.style_layers.items():
        for loss in STYLE_LOSSES[found.style_loss]:
            expected += found.style_weight * weight * loss(moments(x[layer]), moments(a[layer]))
    assert float(evaluation.loss) == pytest.approx(float(expected), rel=1e-5)


def test_relative_weights_count_each_style_loss_in_units_of_its_energy(compact):
    layers = {"relu1_1": 1.0, "relu3_1": 3.0}
    found = replace(preset("fast"), style_layers=layers, content_layers={"relu2_1": 5.0}, range_weight=0.0)
    level, image = Level(90, 90, 1), waves(90, 90, 7.0)
    content = waves(90, 90, 11.0)
    evaluation = problem(found, compact, content, STYLE).objective(level).evaluate(image)
    x, p, a = (compact(i, {"relu1_1", "relu2_1", "relu3_1"}) for i in (image, content, STYLE))
    expected = found.content_weight * ((x["relu2_1"] - p["relu2_1"]) ** 2).sum() / (p["relu2_1"] ** 2).sum()
    for layer, weight in layers.items():
        here, target = moments(x[layer]), moments(a[layer])
        relative = sum(loss(here, target) / energy(loss, target) for loss in STYLE_LOSSES[found.style_loss])
        expected += found.style_weight * weight / 4 * relative
    assert float(evaluation.loss) == pytest.approx(float(expected), rel=1e-4)


def test_half_strength_is_the_presets_own_balance_and_more_shifts_it(compact):
    recipe, level = replace(preset("fast"), style_layers={"relu1_1": 1.0, "relu4_1": 1.0}), Level(48, 64, 1)
    gray = torch.full((1, 3, 48, 64), 0.5)

    def terms(**strength):
        return problem(replace(recipe, **strength), compact, CONTENT, STYLE).objective(level).evaluate(gray).terms

    own, half, more = terms(), terms(strength=0.5), terms(strength=0.75)
    assert own == half
    for name, value in half.items():
        factor = {"content": 0.5**2, "style": 1.5**2}.get(name.split("/")[0], 1.0)
        assert float(more[name]) == pytest.approx(factor * float(value), rel=1e-5)


# What is refused


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"style_weights": (1.0, 2.0)}, "style_weights has 2 entries but there is 1 style image"),
        ({"style_weights": (-1.0,)}, "style_weights are -1; none may be below 0, and not all 0"),
        ({"style_weights": (0.0,)}, "style_weights are 0; none may be below 0, and not all 0"),
        ({"style_weights": (math.nan,)}, "style_weights are nan"),
        ({"strength": 1.5}, "strength is 1.5; it goes from 0"),
        ({"strength": -0.1}, "strength is -0.1"),
        ({"strength": math.nan}, "strength is nan"),
        ({"style_scale": 0.0}, "style_scale is 0"),
        ({"style_scale": math.nan}, "style_scale is nan"),
        ({"size": 0}, "size is 0; it must be at least 1"),
        ({"iterations": 0}, "iterations is 0"),
        ({"levels": 0}, "levels is 0"),
        ({"content_weight": -1.0}, "content_weight is -1"),
        ({"tv_weight": math.nan}, "tv_weight is nan"),
        ({"style_weight": math.inf}, "style_weight is inf"),
        (
            {"style_layers": ("relu1_1=x",)},
            "'relu1_1=x': a layer's weight is a number of at least 0, as in relu1_1=0.5",
        ),
        ({"style_layers": ("relu1_1=-1",)}, "'relu1_1=-1': a layer's weight"),
        ({"style_layers": ("relu1_1=nan",)}, "'relu1_1=nan': a layer's weight"),
        ({"size": 6}, "but compact needs at least"),
        ({"size": 300, "levels": 3, "iterations": 1}, "iterations is 1 but there are 2 levels"),
    ],
    ids=str,
)
def test_a_setting_out_of_range_is_refused_in_words(settings, message):
    with pytest.raises(UsageError) as error:
        prepare(CONTENT, [STYLE], **(QUICK | settings))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "defualt"}, "Unknown preset 'defualt'; the closest is 'default'"),
        ({"encoder": "compat"}, "Unknown encoder 'compat'; the closest is 'compact'"),
        ({"style_loss": "grm"}, "Unknown style loss 'grm'; the closest is 'gram'"),
        ({"solver": "lbfg"}, "Unknown solver 'lbfg'; the closest is 'lbfgs'"),
        ({"init": "contnt"}, "Unknown init 'contnt'; the closest is 'content'"),
        ({"pooling": "avg"}, "Unknown pooling 'avg'"),
        ({"padding": "reflct"}, "Unknown padding 'reflct'; the closest is 'reflect'"),
        ({"device": "cpuu"}, "Unknown device 'cpuu'; the closest is 'cpu'"),
        ({"dtype": "float"}, "Unknown dtype 'float'; the closest is 'float"),
        ({"content_layers": ("relu4_9",)}, "Unknown layer 'relu4_9' for compact; the closest is 'relu4_"),
        ({"style_layers": ("conv6_1",)}, "Unknown layer 'relu6_1' for compact"),
    ],
    ids=str,
)
def test_an_unknown_name_is_refused_with_the_closest(settings, message):
    with pytest.raises(UnknownNameError) as error:
        prepare(CONTENT, [STYLE], **(QUICK | settings))
    assert message in str(error.value)


def test_a_transfer_needs_a_style():
    with pytest.raises(UsageError, match="at least one style image"):
        prepare(CONTENT, [])


def test_a_swatch_that_is_not_there_and_a_seed_that_is_none_are_refused():
    with pytest.raises(UnknownNameError, match="mosaic"):
        picture(styles=["swatch:mosiac"])
    with pytest.raises(UsageError, match="the seed of a swatch is a whole number, as in swatch:mosaic:7"):
        picture(styles=["swatch:mosaic:x"])
    with pytest.raises(UsageError, match="at most 20 digits"):
        picture(styles=["swatch:mosaic:" + 5000 * "1"])


@pytest.mark.parametrize(("content", "style"), [((200, 12), (90, 90)), ((90, 90), (12, 200))])
def test_pictures_too_narrow_for_the_encoder_are_refused_before_anything_runs(content, style):
    with pytest.raises(UsageError, match=r"would be \d+x\d+ pixels, but compact needs at least 8 per side: choose"):
        prepare(waves(*content, 5.0), [waves(*style, 5.0)], **QUICK)


def test_a_narrow_picture_skips_the_coarse_levels_it_is_too_small_for():
    plan = prepare(waves(300, 12, 5.0), [STYLE], preset="fast", size=300, iterations=4).plan
    assert [(level.height, level.width) for level in plan.levels] == [(300, 12)]


@pytest.mark.parametrize(("iterations", "total"), [(None, 92), (90, 90)])
def test_a_large_picture_has_more_evaluations_unless_their_number_was_asked_for(iterations, total):
    plan = prepare(CONTENT, [STYLE], preset="fast", size=1024, iterations=iterations).plan
    assert plan.evaluations == total


@pytest.mark.parametrize("value", [torch.nan, torch.inf, 255.0, -1.0])
def test_a_tensor_that_is_not_within_range_is_refused(value):
    with pytest.raises(UsageError, match=r"values run from .* floats must lie in \[0, 1\]"):
        open_picture(torch.full((1, 3, 8, 8), value))


@pytest.mark.parametrize(("value", "read"), [(1 + 2e-4, 1.0), (-2e-4, 0.0)])
def test_what_leaves_the_range_by_rounding_is_cut_off(value, read):
    assert torch.equal(open_picture(torch.full((1, 3, 8, 8), value)).pixels, torch.full((1, 3, 8, 8), read))


def test_tensors_are_read_as_arrays_are(uniform):
    image = uniform(1, 3, 8, 9).float()
    levels = (image * 255).round().byte()
    for same in (image, image[0], image.double(), image.numpy()[0].transpose(1, 2, 0), image.requires_grad_()):
        assert torch.equal(open_picture(same).pixels, image)
    for same in (levels, levels[0], levels[0].permute(1, 2, 0).numpy()):
        assert torch.equal(open_picture(same).pixels, levels / 255)
    for gray in (image[:, :1], image[0, :1], image[0, 0]):
        assert torch.equal(open_picture(gray).pixels, image[:, :1].expand(1, 3, 8, 9))
    transparent = torch.cat([image.detach(), torch.full((1, 1, 8, 9), 0.5)], 1)
    assert torch.equal(open_picture(transparent).alpha, transparent[:, 3:])


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (8, 8, 3), (1, 3, 0, 8), (3,)])
def test_a_tensor_of_another_shape_is_refused(shape):
    with pytest.raises(UsageError, match=r"An image tensor is \(1, 3, H, W\) or \(3, H, W\)"):
        open_picture(torch.zeros(shape))


@pytest.mark.parametrize("settings", [{"style_layers": ("relu1_1=0",)}, {"content_layers": ("relu4_2=0",)}], ids=str)
def test_a_side_whose_layers_all_weigh_nothing_is_left_out(settings):
    (kind,) = {name.removesuffix("_layers") for name in settings}
    assert not any(name.startswith(kind) for name in run(**settings)[0].terms)


def test_a_request_that_leaves_nothing_to_optimise_is_refused():
    with pytest.raises(ImpastoError, match="Nothing to optimise"):
        run(preset="gatys2016-code", encoder="compact", strength=1.0, style_weight=0.0)


# Layers and names


def test_layers_are_parsed_with_their_weights_and_aliases():
    assert parse_layers("layers", ["conv4_2", "block1_conv1=0.5", " relu2_1 = 3"]) == {
        "relu4_2": 1.0,
        "relu1_1": 0.5,
        "relu2_1": 3.0,
    }


def test_a_star_is_every_relu_with_that_weight(compact):
    recipe = prepare(CONTENT, [STYLE], **QUICK, style_layers=("*=0.5",)).plan.recipe
    assert recipe.style_layers == {name: 0.5 for name in compact.layers if name.startswith("relu")}


@pytest.mark.parametrize(
    ("source", "name"),
    [("swatch:mosaic:7", "mosaic"), ("a/b/night.JPG", "night"), (Image.new("RGB", (1, 1)), "image")],
    ids=["swatch", "path", "image"],
)
def test_pictures_have_short_names(source, name):
    assert source_name(source) == name


def test_settings_take_the_place_of_the_presets():
    changes = {"pooling": "l2", "padding": "zeros", "content_weight": 2.0, "style_weight": 3.0, "tv_weight": 4.0}
    recipe = Recipe().override(**changes, iterations=9, style_loss="gram", solver="adam", init="gray", levels=1)
    assert {name: getattr(recipe, name) for name in changes} == changes
    assert (recipe.evaluations(512), recipe.init, recipe.pyramid.most) == (9, "gray", 1)
    assert recipe.style_loss == "gram"
    assert recipe.solver == SOLVERS["adam"]


def test_no_setting_is_the_preset():
    for name, found in PRESETS.items():
        assert preset(name).override(**dict.fromkeys(SETTINGS)) == found == preset(name)


def test_the_plan_says_what_will_be_done():
    plan = prepare(CONTENT, [STYLE], **QUICK).plan
    summary = plan.summary()
    assert summary["size"] == "64x48"
    assert summary["evaluations"] == "4"
    assert summary["encoder"].startswith("compact")
    assert plan.estimate.memory > 0


def test_a_painting_in_its_own_style_is_itself():
    painting = waves(144, 192, 9.0)
    *_, last = prepare(painting, [painting], size=256, iterations=12, device="cpu")
    assert last.levels == 2
    target = resize(painting, 192, 256)
    assert psnr(last.image, target) > 30


def test_no_strength_gives_the_content_back_through_all_levels():
    content = waves(144, 192, 3.0)
    *_, last = prepare(content, [STYLE], size=256, iterations=12, strength=0, device="cpu")
    assert last.levels == 2
    assert psnr(last.image, resize(content, 192, 256)) > 40


def test_published_presets_add_no_detail_of_their_own():
    own = {"default", "fast", "best", "neighbors", "palette", "instant", "study"}
    assert {name for name, found in PRESETS.items() if found.detail} == own


@pytest.mark.parametrize(("strength", "share"), [(0.25, 1.0), (0.5, 1.0), (0.75, 0.5), (1.0, 0.0)])
def test_beyond_half_strength_ever_less_of_the_contents_detail_joins(strength, share, small_encoder):
    small, large = Level(36, 48, 1), Level(72, 96, 1)
    recipe = replace(preset("default"), strength=strength, init="content")
    asked = problem(recipe, small_encoder, CONTENT, STYLE)
    image = waves(36, 48, 4.0)
    fine = asked.initial(large) - resize(asked.initial(small), 72, 96)
    assert torch.allclose(asked.enlarged(image, large), resize(image, 72, 96) + share * fine, atol=1e-6)
