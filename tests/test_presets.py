"""Presets: published numbers against the published formulas, written a second time as the sources print them."""

import dataclasses

import pytest
import torch

from impasto.encoders.base import Preprocessing
from impasto.encoders.catalog import check_encoder_name
from impasto.encoders.vgg import BLOCK_CHANNELS, convolution_names
from impasto.errors import UnknownNameError
from impasto.presets import PRESETS, SOLVERS, STYLE_LOSSES, preset
from impasto.solvers import LBFGS, SGD, Adam, Averaged, Clamped, InUnits, RMSprop
from impasto.statistics import moments
from impasto.tasks.settings import INITS

ROWS, COLUMNS = 32, 48
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
VGG19_LAYERS = {name.replace("conv", "relu") for name in convolution_names("vgg19")}


@pytest.fixture
def features(normal):
    """features(scale): what a VGG-19 might say of a picture of 32x48 pixels, (1, C, H, W) per layer."""

    def make(scale):
        shapes = {layer: (BLOCK_CHANNELS[b], ROWS >> b, COLUMNS >> b) for b, layer in enumerate(STYLE_LAYERS)}
        shapes |= {"relu4_2": shapes["relu4_1"], "relu5_2": shapes["relu5_1"]}
        return {layer: scale * normal(1, *shape).relu() for layer, shape in shapes.items()}

    return make


def gram(features):
    flat = features[0].flatten(1)
    return flat @ flat.T


def channels_and_positions(features):
    return features.shape[1], features.shape[2] * features.shape[3]


def keras_example(x, content, style):
    total = 2.5e-8 * ((x["relu5_2"] - content["relu5_2"]) ** 2).sum()
    for layer in STYLE_LAYERS:
        difference = ((gram(style[layer]) - gram(x[layer])) ** 2).sum()
        total += 1e-6 / 5 * difference / (4 * 3**2 * (ROWS * COLUMNS) ** 2)
    return total


def tutorial(x, content, style):
    total = 2e-4 * ((x["relu5_2"] - content["relu5_2"]) ** 2).sum() / 2
    for layer in STYLE_LAYERS:
        c, hw = channels_and_positions(x[layer])
        total += 1 / 5 * ((gram(style[layer]) - gram(x[layer])) ** 2).sum() / (4.0 * hw**2 * c**2)
    return total


def gatys_code(x, content, style):
    total = ((x["relu4_2"] - content["relu4_2"]) ** 2).mean()
    for layer, n in zip(STYLE_LAYERS, (64, 128, 256, 512, 512), strict=True):
        _, hw = channels_and_positions(x[layer])
        total += 1e3 / n**2 * ((gram(x[layer]) / hw - gram(style[layer]) / hw) ** 2).mean()
    return total


def johnson(x, content, style):
    total = 5 * ((x["relu4_2"] - content["relu4_2"]) ** 2).mean()
    for layer in STYLE_LAYERS:
        c, hw = channels_and_positions(x[layer])
        total += 1e2 * ((gram(x[layer]) / (c * hw) - gram(style[layer]) / (c * hw)) ** 2).mean()
    return total


def crowson(x, content, style):
    """Without the tiny ridge: with Gaussians of equal covariance only the means are left."""
    total = 0.015 * ((x["relu4_2"] - content["relu4_2"]) ** 2).mean()
    for layer, weight in zip(STYLE_LAYERS, (256, 64, 16, 4, 1), strict=True):
        total += weight / 341 * ((x[layer].mean((2, 3)) - style[layer].mean((2, 3))) ** 2).mean()
    return total


def loss_of(preset, x, content, style):
    """Content and style loss as the preset's numbers say."""
    total = preset.content_weight * sum(
        weight * preset.content_loss(x[layer], content[layer]) for layer, weight in preset.content_layers.items()
    )
    for layer, weight in preset.style_layers.items():
        values = [loss(moments(x[layer]), moments(style[layer])) for loss in preset.style_losses]
        total = total + preset.style_weight * weight * sum(values)
    return total


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("keras-example", keras_example),
        ("tutorial", tutorial),
        ("gatys2016-code", gatys_code),
        ("johnson2015", johnson),
    ],
)
def test_a_preset_is_the_formula_of_its_source(name, formula, features):
    x, content, style = features(1.0), features(1.1), features(1.3)
    expected = float(formula(x, content, style))
    assert float(loss_of(preset(name), x, content, style)) == pytest.approx(expected, rel=1e-10)


def test_crowson_2021_is_the_formula_of_its_source_for_equal_covariances(features):
    x, content = features(1.0), features(1.1)
    style = {layer: f + 0.5 for layer, f in x.items()}
    expected = float(crowson(x, content, style))
    assert float(loss_of(preset("crowson2021"), x, content, style)) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("name", "solver", "iterations", "init", "pooling"),
    [
        ("keras-example", InUnits(SGD(lr=100.0, decay=0.96, decay_steps=100), 255.0), 4000, "content", None),
        ("tutorial", InUnits(RMSprop(lr=1e-3, rho=0.9, epsilon=1e-7), 2.0), 8000, "content", None),
        ("gatys2016-code", InUnits(LBFGS(history=100), 255.0), 700, "content", None),
        ("johnson2015", InUnits(LBFGS(history=100), 255.0), 1000, "random", None),
        ("crowson2021", Averaged(Clamped(Adam(lr=0.02, beta1=0.9, beta2=0.99)), decay=0.99), 3000, "content", None),
    ],
)
def test_a_preset_moves_the_picture_as_its_source_does(name, solver, iterations, init, pooling):
    found = preset(name)
    assert (found.solver, found.iterations, found.init, found.pooling) == (solver, iterations, init, pooling)


def test_the_stages_of_gatys_are_500_at_512_and_200_at_800():
    found = preset("gatys2016-code")
    levels = found.schedule.levels(800, 600, found.iterations)
    assert [(level.size, level.iterations) for level in levels] == [(512, 500), (800, 200)]


def test_the_stages_of_crowson_are_1000_then_500_each():
    found = preset("crowson2021")
    levels = found.schedule.levels(512, 512, found.iterations)
    assert [(level.size, level.iterations) for level in levels] == [
        (128, 1000),
        (181, 500),
        (256, 500),
        (362, 500),
        (512, 500),
    ]


def test_the_tutorial_sees_bgr_from_minus_1_to_1_and_stretches_the_style():
    found = preset("tutorial")
    assert found.preprocessing == Preprocessing(((0, 0, 2.0), (0, 2.0, 0), (2.0, 0, 0)), (-1.0, -1.0, -1.0))
    assert found.stretch_style


@pytest.mark.parametrize("found", PRESETS.values(), ids=PRESETS)
def test_every_preset_is_valid(found):
    assert PRESETS[found.name] is found
    assert found.summary
    assert found.source
    check_encoder_name(found.encoder)
    assert found.init in INITS
    assert found.pooling in (None, "max", "average", "l2")
    assert found.padding in (None, "zeros", "reflect", "replicate")
    for layers in (found.content_layers, found.style_layers):
        assert set(layers) <= VGG19_LAYERS | {"*"}
        assert all(weight > 0 for weight in layers.values())
    assert min(found.content_weight, found.style_weight, found.tv_weight, found.range_weight, found.noise) >= 0
    levels = found.schedule.levels(found.size, found.size // 2, found.iterations)
    assert sum(level.iterations for level in levels) == found.iterations
    state = found.solver.init(torch.zeros(1, 3, 2, 2))
    assert found.solver.result(torch.ones(1, 3, 2, 2), state).shape == (1, 3, 2, 2)


def test_presets_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        preset("default").size = 1
    with pytest.raises(TypeError):
        PRESETS["mine"] = preset("default")


def test_named_losses_and_solvers_are_ready():
    assert {"gram", "wasserstein2"} <= set(STYLE_LOSSES)
    assert set(SOLVERS) == {"lbfgs", "adam", "rmsprop"}


def test_an_unknown_preset_is_refused_with_the_closest():
    with pytest.raises(UnknownNameError, match="Unknown preset 'tutorail'; the closest is 'tutorial'"):
        preset("tutorail")
