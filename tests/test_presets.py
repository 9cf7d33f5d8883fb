"""Presets: values and gradients against the published formulas, written a second time as the sources print them."""

import dataclasses
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import formulas
from impasto.choices import INITS, SOLVERS, UNLIMITED
from impasto.encoders.base import LayerInfo, sums_by_features
from impasto.encoders.catalog import check_encoder_name
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.preprocessing import IMAGENET_RGB, Preprocessing
from impasto.encoders.vgg import BLOCK_CHANNELS, convolution_names
from impasto.errors import UnknownNameError
from impasto.fitting import Views, with_layers_of
from impasto.given import Given
from impasto.images import RESAMPLERS, resize_like_opencv
from impasto.losses import STYLE_LOSSES, half_squared_sum
from impasto.presets import PRESETS, preset
from impasto.problem import PictureProblem
from impasto.schedule import Level
from impasto.solvers import LBFGS, SGD, Adam, Averaged, Clamped, InUnits, RMSprop, solver_of
from impasto.sources import Resampled

ROWS, COLUMNS = 32, 48
EVERY = [f"relu{b}_{i}" for b, count in enumerate((2, 2, 4, 2), 1) for i in range(1, count + 1)]
OWN = {"default", "fast", "best", "neighbors", "palette", "instant", "study"}
REPLICATED = {"crowson2021", "default", "fast", "best", "neighbors"}
FIVE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
VGG19_LAYERS = {name.replace("conv", "relu") for name in convolution_names("vgg19")}

# What the network sees, as the sources print it: BGR, the factor, what is taken off.
BGR = (2, 1, 0)
SEEN = {
    "gatys2015": (BGR, 255, (103.939, 116.779, 123.68)),
    "gatys2016": (BGR, 255, (103.939, 116.779, 123.68)),
    "gatys2016-code": (BGR, 255, (0.40760392 * 255, 0.45795686 * 255, 0.48501961 * 255)),
    "johnson2015": (BGR, 256, (103.939, 116.779, 123.68)),
    "keras-example": (BGR, 255, (103.939, 116.779, 123.68)),
    "tutorial": (BGR, 2, (1, 1, 1)),
}


# The formulas of each source: what they make of features x, content p and style s, {layer: (C, M)}, and of the image.


def printed_in_2016(x, p, s, image):
    """alpha * 1/2 sum (F-P)^2 + beta * sum 1/5 E_l, with alpha and beta as the preset explains them."""
    alpha, beta = 2e6 / (512 * 64**2), 4e9
    yield "relu4_2", formulas.content(x["relu4_2"], p["relu4_2"], alpha / 2)
    for layer in FIVE:
        yield layer, formulas.style(x[layer], s[layer], beta / 5 / (4 * len(x[layer]) ** 2))


def authors_code(x, p, s, image):
    yield "relu4_2", formulas.content(x["relu4_2"], p["relu4_2"], 1 / x["relu4_2"].size)
    for layer, n in zip(FIVE, (64, 128, 256, 512, 512), strict=True):
        yield layer, formulas.style(x[layer], s[layer], 1e3 / n**2 / n**2)


def johnson(x, p, s, image):
    yield "relu4_2", formulas.content(x["relu4_2"], p["relu4_2"], 5 / x["relu4_2"].size)
    for layer in FIVE:
        n = len(x[layer])
        yield layer, formulas.style(x[layer] / n**0.5, s[layer] / n**0.5, 1e2 / n**2), n**-0.5
    yield "image", formulas.johnson_smoothness(image, 1e-3)


def keras_example(x, p, s, image):
    yield "relu5_2", formulas.content(x["relu5_2"], p["relu5_2"], 2.5e-8)
    for layer in FIVE:
        factor = 1e-6 / 5 / (4 * 3**2 * (ROWS * COLUMNS) ** 2)
        yield layer, formulas.style(x[layer], s[layer], factor * x[layer].shape[1] ** 2)
    yield "image", formulas.keras_smoothness(image, 1e-6)


def tutorial(x, p, s, image):
    yield "relu5_2", formulas.content(x["relu5_2"], p["relu5_2"], 2e-4 / 2)
    for layer in FIVE:
        yield layer, formulas.style(x[layer], s[layer], 1 / 5 / (4 * len(x[layer]) ** 2))


def crowson(x, p, s, image):
    yield "relu4_2", formulas.content(x["relu4_2"], p["relu4_2"], 0.015 / x["relu4_2"].size)
    for layer, weight in zip(FIVE, (256, 64, 16, 4, 1), strict=True):
        yield layer, formulas.wasserstein(x[layer], s[layer], weight / 341)
    yield "image", formulas.nine_points(image, 2.0)


def own(x, p, s, image, layers=FIVE[:4], alpha=0.5, beta=8):
    """Every layer's losses in units of the style's energy, which is what they make of no features at all."""
    yield "relu4_2", formulas.content(x["relu4_2"], p["relu4_2"], alpha / (p["relu4_2"] ** 2).sum())
    for layer in layers:
        for term in (formulas.style, formulas.mean_and_deviation):
            energy, _ = term(np.zeros_like(s[layer]), s[layer], 1.0)
            yield layer, term(x[layer], s[layer], beta / len(layers) / energy)
    yield "image", formulas.out_of_range(image, 100.0)


SOURCES = {
    "default": own,
    "fast": partial(own, layers=EVERY, beta=12),
    "best": partial(own, alpha=0.1, beta=24),
    "neighbors": partial(own, alpha=0.1),
    "study": partial(own, layers=FIVE, alpha=1.0),
    "gatys2015": printed_in_2016,
    "gatys2016": printed_in_2016,
    "gatys2016-code": authors_code,
    "johnson2015": johnson,
    "keras-example": keras_example,
    "tutorial": tutorial,
    "crowson2021": crowson,
}


@pytest.fixture(scope="module")
def full_width(vgg_tensors):
    """A VGG-19 of its true widths, which some sources' numbers presume, with random filters in float64."""
    return vgg_tensors(widths=BLOCK_CHANNELS, dtype=torch.float64)


def plain_network(tensors, name, image):
    """{layer: z}, what a VGG-19 has before each ReLU, computed step by step."""
    if name in SEEN:
        order, factor, offset = SEEN[name]
        x = factor * image[:, order] - torch.tensor(offset, dtype=torch.float64)[:, None, None]
    else:
        mean, std = torch.tensor([(0.485, 0.456, 0.406), (0.229, 0.224, 0.225)], dtype=torch.float64)[..., None, None]
        x = (image - mean) / std
    before = {}
    for conv in convolution_names("vgg19"):
        if conv.endswith("_1") and conv != "conv1_1":
            x = F.avg_pool2d(x, 2) if "gatys201" in name and "code" not in name else F.max_pool2d(x, 2)
        x = F.pad(x, (1, 1, 1, 1), mode="replicate" if name in REPLICATED else "constant")
        before[conv.replace("conv", "relu")] = z = F.conv2d(x, tensors[f"{conv}.weight"], tensors[f"{conv}.bias"])
        x = z.relu()
    return before


def problem(recipe, encoder, content, style):
    """What `recipe` asks of a picture with this content and this style."""
    resample = RESAMPLERS[recipe.resample]
    return PictureProblem(
        recipe, Given(Resampled(content, resample), (Resampled(style, resample),)), Views(recipe, lambda _: encoder)
    )


def positions(features):
    return features.detach()[0].flatten(1).numpy()


@pytest.mark.parametrize("name", sorted(PRESETS.keys() - {"palette", "instant"}))  # they minimise nothing
def test_value_and_gradient_are_those_of_the_printed_formulas(name, full_width, vgg_tensors, uniform):
    """The printed gradients with respect to F, nothing where the unit is off, drawn through a network written anew."""
    tensors = full_width if name != "crowson2021" else vgg_tensors(dtype=torch.float64)
    found = replace(preset(name), neighbor_weight=0.0)  # tests/test_neighbors.py has that
    encoder = ChainEncoder(
        "random",
        tensors,
        found.preprocessing or IMAGENET_RGB,
        pooling=found.pooling or "max",
        padding=found.padding or "zeros",
        dtype=torch.float64,
    )
    found, _ = with_layers_of(encoder, found)
    image, content, style = (1.2 * uniform(1, 3, ROWS, COLUMNS) - 0.1 for _ in range(3))
    evaluation = problem(found, encoder, content, style).objective(Level(ROWS, COLUMNS, 1)).evaluate(image)

    variable = image.clone().requires_grad_()
    before = plain_network(tensors, name, variable)
    features = [
        {layer: positions(z.relu()) for layer, z in network.items()}
        for network in (before, plain_network(tensors, name, content), plain_network(tensors, name, style))
    ]
    scales = dict.fromkeys(before, 1.0)
    if found.normalize:
        p, s = features[1:]
        means = {layer: np.concatenate([p[layer], s[layer]], 1).mean(1, keepdims=True) for layer in before}
        scales = {layer: np.maximum(mean, mean.mean() / 100) for layer, mean in means.items()}
    x, p, s = ({layer: f[layer] / scales[layer] for layer in f} for f in features)

    value, grad, seeds = 0.0, np.zeros((3, ROWS, COLUMNS)), {}
    for where, term, *factor in SOURCES[name](x, p, s, image[0].numpy()):
        value += term[0]
        if where == "image":
            grad += term[1]
        else:
            inner = (factor[0] if factor else 1.0) * term[1] / scales[where]
            seeds[where] = seeds.get(where, 0.0) + np.where(positions(before[where]) > 0, inner, 0.0)
    outputs = [before[layer] for layer in seeds]
    drawn = [torch.from_numpy(seed).reshape(z.shape) for seed, z in zip(seeds.values(), outputs, strict=True)]
    (through,) = torch.autograd.grad(outputs, variable, drawn)
    expected = torch.from_numpy(grad) + through[0]
    assert float(evaluation.loss) == pytest.approx(value, rel=1e-10)
    assert float((evaluation.grad[0] - expected).abs().max()) < 1e-10 * float(expected.abs().max())


class Units:
    """An encoder whose one layer is the ReLU of the image, so that the image's gradient is that of the units."""

    name, layers, device = "units", {"relu1_1": LayerInfo(3, 1, 1)}, torch.device("cpu")

    def __call__(self, image, layers):
        return dict.fromkeys(layers, image.relu())

    sums = sums_by_features


def test_a_unit_that_is_off_has_no_gradient_as_equations_2_and_6_of_2016_say(normal):
    found = replace(
        preset("gatys2016"), normalize=False, content_layers={"relu1_1": 1}, style_layers={"relu1_1": 1 / 5}
    )
    image, content, style = normal(1, 3, 8, 9), normal(1, 3, 8, 9), normal(1, 3, 8, 9)
    evaluation = problem(found, Units(), content, style).objective(Level(8, 9, 1)).evaluate(image)
    f, p, a = (positions(picture.relu()) for picture in (image, content, style))
    n, m = f.shape
    on = positions(image) > 0
    equation_2 = np.where(on, f - p, 0.0)
    equation_6 = np.where(on, (f.T @ (f @ f.T - a @ a.T)).T / (n**2 * m**2), 0.0)
    alpha, beta = found.content_weight, 4 * found.style_weight  # `gram_error` is four times E_l
    expected = alpha * equation_2 + beta / 5 * equation_6
    assert 0.3 < on.mean() < 0.7
    np.testing.assert_allclose(positions(evaluation.grad), expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("name", "solver", "iterations", "init", "pooling"),
    [
        ("gatys2015", InUnits(LBFGS(history=20), 255.0), 500, "random", "average"),
        ("gatys2016", InUnits(LBFGS(history=20), 255.0), 500, "random", "average"),
        ("gatys2016-code", InUnits(LBFGS(history=100, tolerance=math.inf), 255.0), 700, "content", None),
        ("johnson2015", InUnits(LBFGS(history=100, tolerance=math.inf), 256.0), 1000, "random", None),
        ("keras-example", InUnits(SGD(lr=100.0, decay=0.96, decay_steps=100), 255.0), 4000, "content", None),
        ("tutorial", InUnits(RMSprop(lr=1e-3, rho=0.9, epsilon=1e-7), 2.0), 8000, "content", None),
        ("crowson2021", Averaged(Clamped(Adam(lr=0.02, beta1=0.9, beta2=0.99)), decay=0.99), 3000, "content", None),
    ],
)
def test_a_preset_moves_the_picture_as_its_source_does(name, solver, iterations, init, pooling):
    found = preset(name)
    assert (solver_of(found.solver), found.pyramid.evaluations) == (solver, iterations)
    assert (found.init, found.pooling) == (init, pooling)


def test_the_stages_of_gatys_are_500_at_512_and_200_at_800():
    found = preset("gatys2016-code")
    levels = found.pyramid.levels(800, 600, found.evaluations(800))
    assert [(level.size, level.iterations) for level in levels] == [(512, 500), (800, 200)]


def test_the_stages_of_crowson_are_1000_then_500_each():
    found = preset("crowson2021")
    levels = found.pyramid.levels(512, 512, found.evaluations(512))
    assert [(level.size, level.iterations) for level in levels] == [
        (128, 1000),
        (181, 500),
        (256, 500),
        (362, 500),
        (512, 500),
    ]


@pytest.mark.parametrize(
    ("name", "sigma"), [("gatys2015", 1 / 255), ("gatys2016", 1 / 255), ("johnson2015", 1e-3 / 256)]
)
def test_noise_is_as_faint_as_in_the_source(name, sigma, small_encoder, uniform):
    picture = uniform(1, 3, 48, 64)
    found = replace(preset(name), normalize=False)
    start = problem(found, small_encoder, picture, picture).initial(Level(48, 64, 1)).double()
    assert float(start.mean()) == pytest.approx(0.5, abs=sigma / 10)
    assert float(start.std()) == pytest.approx(sigma, rel=0.03)


def test_alpha_over_beta_is_a_thousandth_between_means_at_512_pixels(normal):
    """What the explanation in the preset says of its numbers."""
    found = preset("gatys2016")
    f, p = normal(1, 512, 64, 64), normal(1, 512, 64, 64)
    content = found.content_weight * float(half_squared_sum(f, p)) / float(((f - p) ** 2).mean())
    style = found.style_weight * sum(found.style_layers.values())  # of `gram_error`, a mean
    assert content / style == pytest.approx(1e-3, rel=1e-10)


def test_the_tutorial_sees_bgr_from_minus_1_to_1_and_stretches_the_style_as_opencv_does():
    found = preset("tutorial")
    assert found.preprocessing == Preprocessing(((0, 0, 2.0), (0, 2.0, 0), (2.0, 0, 0)), (-1.0, -1.0, -1.0))
    assert found.stretch_style
    assert RESAMPLERS[found.resample] is resize_like_opencv
    assert found.usual_size == UNLIMITED


def test_the_tutorial_says_a_line_and_saves_a_picture_every_1000_steps():
    stones = preset("tutorial").milestones
    assert stones.every == 1000
    assert stones.line.format(done=2000, loss=1.23456) == "epoch 2000: loss=1.2346"
    assert stones.file.format(done=2000) == "epoch2000.png"


@pytest.mark.parametrize("resample", RESAMPLERS)
def test_pictures_change_their_size_the_way_the_preset_says(resample, small_encoder, uniform):
    found = replace(preset("keras-example"), resample=resample)
    content, style = uniform(1, 3, 60, 80).float(), uniform(1, 3, 90, 70).float()
    asked = problem(found, small_encoder, content, style)
    level = Level(32, 48, 1)
    start = asked.initial(level)
    assert torch.equal(start, RESAMPLERS[resample](content, 32, 48))
    stretched = problem(found, small_encoder, start, RESAMPLERS[resample](style, 32, 48))
    losses = [float(p.objective(level).evaluate(start).loss) for p in (asked, stretched)]
    assert losses[0] == losses[1] > 0


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
    size = min(found.usual_size, 1000)
    levels = found.pyramid.levels(size, size // 2, found.evaluations(size))
    assert sum(level.iterations for level in levels) == found.pyramid.evaluations
    solver = solver_of(found.solver)
    state = solver.init(torch.zeros(1, 3, 2, 2))
    assert solver.result(torch.ones(1, 3, 2, 2), state).shape == (1, 3, 2, 2)


@pytest.mark.parametrize("name", sorted(PRESETS.keys() - OWN))
def test_published_presets_say_where_their_numbers_come_from_and_how_they_differ(name):
    assert len(preset(name).source) > 30
    assert preset(name).differences


@pytest.mark.parametrize("name", PRESETS)
def test_with_compact_a_layer_that_is_missing_becomes_the_nearest_and_is_told(name, compact):
    found, notes = with_layers_of(compact, preset(name))
    wanted = {*preset(name).style_layers, *preset(name).content_layers} - {"*"}
    assert {*found.style_layers, *found.content_layers} <= set(compact.layers)
    for layer in wanted - set(compact.layers):
        assert any(f"has no {layer};" in note for note in notes)


@pytest.mark.parametrize("name", sorted(PRESETS.keys() - OWN))
def test_what_a_source_feeds_its_network_is_not_fed_to_weights_of_another_origin(name):
    found = preset(name)
    assert found.preprocessing is not None
    for encoder in (found.encoder, "compact", None):
        assert found.override(encoder=encoder).preprocessing == found.preprocessing
    assert found.override(encoder="vgg16.torchvision").preprocessing is None


def test_presets_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        preset("default").usual_size = 1
    with pytest.raises(TypeError):
        PRESETS["mine"] = preset("default")


def test_named_losses_and_solvers_are_ready():
    assert {"gram", "wasserstein2"} <= set(STYLE_LOSSES)
    assert set(SOLVERS) == {"lbfgs", "adam", "rmsprop"}
    for spec in SOLVERS.values():
        assert solver_of(spec).init(torch.zeros(1, 3, 2, 2)) is not None


def test_an_unknown_preset_is_refused_with_the_closest():
    with pytest.raises(UnknownNameError, match="Unknown preset 'tutorail'; the closest is 'tutorial'"):
        preset("tutorail")
