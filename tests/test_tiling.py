"""Tiled equals whole: loss, terms and gradient, at any size, tile, pooling and padding."""

import math

import pytest
import torch

from impasto.encoders.base import Sums
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.preprocessing import IMAGENET_RGB
from impasto.errors import UsageError
from impasto.losses import (
    Whole,
    covariance_error,
    gram_error,
    half_squared_sum,
    mean_squared_error,
    mean_std_error,
    out_of_range,
    relative_squared_error,
    squared_sum,
    total_variation,
    wasserstein2,
    weighted_sum,
)
from impasto.objective import WholeObjective
from impasto.statistics import moments
from impasto.terms import ContentTerm, Needs, PixelTerm, RecomputedContentTerm, StyleTerm
from impasto.tiled import TiledObjective
from impasto.tiling import Tiling, spans

STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
LOSSES = (gram_error, mean_std_error, covariance_error, wasserstein2)


@pytest.fixture
def encoder(vgg_tensors):
    """encoder(pooling, padding, dtype): a VGG-16 of random narrow filters, without its last block."""

    def make(pooling="max", padding="zeros", dtype=torch.float64):
        tensors = vgg_tensors("vgg16", (3, 4, 5, 6), torch.float64)
        return ChainEncoder("small", tensors, IMAGENET_RGB, pooling=pooling, padding=padding, dtype=dtype)

    return make


@pytest.fixture
def terms(uniform):
    """terms(encoder, image): content, style and image terms of every kind, with targets for `image`."""

    def make(encoder, image, content_loss=half_squared_sum):
        content = encoder(uniform(*image.shape).to(image.dtype), ["relu4_2"])["relu4_2"]
        style = encoder(uniform(1, 3, 56, 72).to(image.dtype), STYLE)
        styles = [StyleTerm(k, moments(style[k]), 1.5, loss) for k, loss in zip(STYLE, LOSSES, strict=True)]
        extra = StyleTerm("relu4_1", moments(style["relu4_1"]), 0.3, weighted_sum((2.0, gram_error)))
        image_terms = [PixelTerm("tv", 0.5, total_variation), PixelTerm("range", 0.7, out_of_range)]
        return [ContentTerm("relu4_2", content, 0.8, content_loss), *styles[:3], image_terms[0], extra, image_terms[1]]

    return make


def assert_same(found, expected, tolerance):
    assert list(found.terms) and set(found.terms) == set(expected.terms)
    assert float(found.loss) == pytest.approx(float(expected.loss), rel=tolerance)
    for name, value in expected.terms.items():
        assert float(found.terms[name]) == pytest.approx(float(value), rel=tolerance, abs=tolerance)
    difference = (found.grad - expected.grad).abs().max() / expected.grad.abs().max()
    assert float(difference) < tolerance


@pytest.mark.parametrize("pooling", ["max", "average", "l2"])
@pytest.mark.parametrize("padding", ["zeros", "reflect", "replicate"])
@pytest.mark.parametrize(("height", "width"), [(128, 160), (131, 150), (97, 203)])
def test_tiled_is_whole_for_every_pooling_and_padding(encoder, terms, uniform, pooling, padding, height, width):
    network, image = encoder(pooling, padding), uniform(1, 3, height, width) * 1.2 - 0.1
    wanted = terms(network, image)
    whole = WholeObjective(network, wanted).evaluate(image)
    assert_same(TiledObjective(network, wanted, 48).evaluate(image), whole, 1e-10)


@pytest.mark.parametrize("tile", [8, 20, 64, 100, 1000])
@pytest.mark.parametrize("content_loss", [squared_sum, mean_squared_error, relative_squared_error])
def test_tiled_is_whole_for_every_tile(encoder, terms, uniform, tile, content_loss):
    network, image = encoder("max", "reflect"), uniform(1, 3, 101, 75)
    wanted = terms(network, image, content_loss)
    assert_same(
        TiledObjective(network, wanted, tile).evaluate(image), WholeObjective(network, wanted).evaluate(image), 1e-10
    )


def test_tiled_is_whole_for_every_layer_and_moment_loss(small_encoder, uniform):
    image, style = uniform(1, 3, 210, 135), uniform(1, 3, 64, 96)
    layers = [name for name in small_encoder.layers if name.startswith("relu")]
    targets = small_encoder(style, layers)
    for loss in LOSSES:
        wanted = [StyleTerm(layer, moments(targets[layer]), 1.0, loss) for layer in layers]
        assert_same(
            TiledObjective(small_encoder, wanted, 64).evaluate(image),
            WholeObjective(small_encoder, wanted).evaluate(image),
            1e-10,
        )


def test_tiled_is_whole_in_float32(encoder, terms, uniform):
    network, image = encoder(dtype=torch.float32), uniform(1, 3, 131, 150).float()
    wanted = terms(network, image)
    assert_same(
        TiledObjective(network, wanted, 48).evaluate(image), WholeObjective(network, wanted).evaluate(image), 1e-5
    )


@pytest.mark.parametrize(("axes", "size"), [("xy", (96, 128)), ("x", (101, 128)), ("y", (96, 133))])
def test_tiled_is_whole_for_a_picture_that_repeats(encoder, terms, uniform, axes, size):
    network, image = encoder(padding="replicate").repeating(axes), uniform(1, 3, *size)
    wanted = terms(network, image)
    for tile in (16, 32, 64, 96):
        assert_same(
            TiledObjective(network, wanted, tile).evaluate(image),
            WholeObjective(network, wanted).evaluate(image),
            1e-10,
        )


def test_content_targets_that_are_recomputed_change_nothing(encoder, uniform):
    network, image, content = encoder("average"), uniform(1, 3, 90, 107), uniform(1, 3, 90, 107)
    layers = ["relu1_1", "relu3_3"]
    features = network(content, layers)
    kept = [ContentTerm(layer, features[layer], 2.0, relative_squared_error) for layer in layers]
    again = []
    for layer in layers:
        alone = Tiling(network, [layer], 32)
        whole = alone.wholes(content)[layer]
        again.append(RecomputedContentTerm(layer, content, whole, alone, 2.0, relative_squared_error))
    expected = WholeObjective(network, kept).evaluate(image)
    assert_same(TiledObjective(network, again, 32).evaluate(image), expected, 1e-10)
    assert_same(TiledObjective(network, [kept[0], again[1]], 32).evaluate(image), expected, 1e-10)


def test_moments_features_and_wholes_are_those_of_the_whole_image(encoder, uniform):
    network, image = encoder("l2", "replicate"), uniform(1, 3, 100, 77)
    tiling, features = Tiling(network, STYLE, 32), network(image, STYLE)
    sums, wholes, seen = tiling.moments(image), tiling.wholes(image), tiling.features(image)
    for layer, f in features.items():
        torch.testing.assert_close(seen[layer], f, rtol=1e-12, atol=1e-13)
        assert wholes[layer].count == f.numel()
        assert float(wholes[layer].energy) == pytest.approx(float(f.square().sum()), rel=1e-12)
        for found, expected in zip(vars(sums[Sums(layer)]).values(), vars(moments(f)).values(), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("padding", "height", "width"), [("zeros", 101, 75), ("reflect", 97, 130), ("circular", 96, 64)]
)
@pytest.mark.parametrize("tile", [16, 32, 1000])
def test_weighted_moments_of_tiles_are_those_of_the_whole_image(encoder, uniform, padding, height, width, tile):
    network, image = encoder("average", padding), uniform(2, 3, height, width)
    sides = {layer: (height // info.stride, width // info.stride) for layer, info in network.layers.items()}
    summed = [Sums(layer, uniform(count, 1, *sides[layer])) for layer in STYLE for count in (1, 2)]
    expected, _ = network.sums(image, [*summed, Sums("relu3_1")])
    found = Tiling(network, STYLE, tile).moments(image, [*summed, Sums("relu3_1")])
    assert list(found) == list(expected)
    for each, m in expected.items():
        torch.testing.assert_close(vars(found[each]), vars(m), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("padding", ["replicate", "circular"])
def test_the_gradient_of_weighted_moments_of_tiles_is_that_of_the_whole_image(encoder, uniform, padding):
    """That of any linear function of the sums, carried back tile by tile."""
    network, image = encoder("max", padding), uniform(1, 3, 96, 64).requires_grad_()
    summed = [
        Sums(layer, uniform(1, 1, 96 // stride, 64 // stride)) for layer, stride in (("relu1_1", 1), ("relu4_1", 8))
    ]

    slopes = {each: torch.cos(m.first) for each, m in network.sums(image.detach(), summed)[0].items()}

    def value(sums):
        return sum((slopes[each] * m.first).sum() + m.second.tril().sum() for each, m in sums.items())

    (expected,) = torch.autograd.grad(value(network.sums(image, summed)[0]), image)
    tiling, found = Tiling(network, STYLE, 32), torch.zeros_like(expected)
    for tile in tiling.tiles(96, 64):
        seen = tile.seen(image.detach()).requires_grad_()
        tile.add(torch.autograd.grad(value(tiling.sums(seen, tile, summed)[0]), seen)[0], found)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10 * float(expected.abs().max()))


def test_the_halo_is_as_wide_as_it_must_be_and_no_wider(encoder, uniform):
    """A stride less, and a feature at the edge of the interior would see padding in place of pixels."""
    network, image = encoder(), uniform(1, 3, 128, 96)
    tiling = Tiling(network, ["relu4_2"], 64)
    reach = (network.layers["relu4_2"].receptive_field - 8) // 2
    assert tiling.halo == math.ceil(reach / 8) * 8
    whole = network(image, ["relu4_2"])["relu4_2"]
    torch.testing.assert_close(tiling.features(image)["relu4_2"], whole, rtol=1e-12, atol=1e-12)
    tiling.halo -= 8
    assert not torch.allclose(tiling.features(image)["relu4_2"], whole, rtol=1e-9)


@pytest.mark.parametrize(("length", "tile"), [(2048, 410), (2000, 410), (1371, 300), (900, 205)])
def test_all_tiles_but_the_last_see_as_many_pixels(length, tile):
    cut = spans(length, tile, 16, 96)
    seen = [span.stop - span.start for span in cut]
    assert len(seen) == math.ceil(length / tile)
    assert len(set(seen[:-1])) == 1
    assert seen[-1] <= seen[0] <= tile + 2 * 96


@pytest.mark.parametrize(
    ("length", "tile", "stride", "halo"), [(100, 32, 8, 16), (7, 3, 8, 8), (64, 64, 16, 80), (65, 64, 16, 80)]
)
def test_interiors_cover_the_axis_once_and_begin_at_multiples(length, tile, stride, halo):
    cut = spans(length, tile, stride, halo)
    assert [span.first for span in cut] == [0, *(span.last for span in cut[:-1])]
    assert cut[-1].last == length
    assert all(span.first % stride == 0 and span.start % stride == 0 for span in cut)
    assert max(span.last - span.first for span in cut) <= max(tile, stride) + stride + halo


def test_an_image_that_is_seen_twice_is_left_as_it_is(encoder, terms, uniform):
    network, image = encoder(), uniform(1, 3, 70, 70)
    before, objective = image.clone(), TiledObjective(network, terms(network, image), 32)
    first = objective.evaluate(image)
    with torch.no_grad():
        second = objective.evaluate(image)
    assert torch.equal(image, before)
    assert torch.equal(first.grad, second.grad)
    assert not any(t.requires_grad for t in (first.loss, first.grad, *first.terms.values()))


def test_a_content_loss_that_is_no_sum_over_positions_is_refused(encoder, uniform):
    def largest(features, target, whole=None):
        return (features - target).abs().max()

    with pytest.raises(UsageError, match="content/relu1_1 cannot be evaluated in tiles"):
        TiledObjective(encoder(), [ContentTerm("relu1_1", uniform(1, 3, 8, 8), 1.0, largest, additive=False)], 32)


def test_parts_of_a_content_loss_add_up(normal):
    f, p = normal(1, 2, 8, 6), normal(1, 2, 8, 6)
    for loss in (squared_sum, half_squared_sum, mean_squared_error, relative_squared_error):
        whole = Whole.of(p)
        parts = sum(loss(f[:, :, a:b], p[:, :, a:b], whole) for a, b in ((0, 3), (3, 8)))
        assert float(parts) == pytest.approx(float(loss(f, p)), rel=1e-12)


def test_a_term_of_sums_and_pixels_is_not_evaluated_in_tiles(encoder):
    class Both:
        name, weight, needs, additive = "both", 1.0, Needs(sums=(Sums("relu1_1"),), pixels=True), True

        def value(self, seen):
            return seen.pixels.sum()

    with pytest.raises(UsageError, match="both cannot be evaluated in tiles"):
        TiledObjective(encoder(), [Both()], 32)
