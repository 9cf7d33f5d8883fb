"""The walk through a chain is what autograd makes of the same chain."""

import pytest
import torch

from impasto.encoders.base import Sums, sums_by_features
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.preprocessing import IMAGENET_RGB
from impasto.statistics import Moments, moments

SUMMED = ("relu1_1", "pool1", "relu2_1", "relu3_1", "relu3_3", "relu4_1")
WANTED = ("relu3_1", "pool3", "relu4_2")


def rectangle(stride):
    """The rows and columns of a window of an image of 41x66."""
    return slice(8 // stride, 32 // stride), slice(16 // stride, 56 // stride)


def slopes_of(sums, features, weights):
    """A number that depends on everything, each with its own weight."""
    parts = [part for m in sums.values() for part in (m.first, m.second)]
    parts += [features[layer] for layer in WANTED]
    return sum(
        (part * torch.sin(w * torch.arange(part.numel())).view_as(part)).sum()
        for w, part in zip(weights, parts, strict=True)
    )


@pytest.mark.parametrize("pooling", ["max", "average", "l2"])
@pytest.mark.parametrize("padding", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("count", [1, 2])
def test_sums_features_and_gradient_are_those_of_autograd(pooling, padding, count, vgg_tensors, uniform):
    tensors = vgg_tensors("vgg16", (3, 4, 5, 6), torch.float64)
    encoder = ChainEncoder("small", tensors, IMAGENET_RGB, pooling=pooling, padding=padding, dtype=torch.float64)
    image = uniform(count, 3, 37, 50).requires_grad_()
    weights = [0.1 + i for i in range(2 * len(SUMMED) + len(WANTED))]
    features = encoder(image, {*SUMMED, *WANTED})
    expected = {Sums(layer): moments(features[layer]) for layer in SUMMED}
    (grad,) = torch.autograd.grad(slopes_of(expected, features, weights), image)
    sums, seen = encoder.sums(image, expected, WANTED)
    (found,) = torch.autograd.grad(slopes_of(sums, seen, weights), image)
    for layer, m in expected.items():
        torch.testing.assert_close(sums[layer].count, m.count)
        torch.testing.assert_close(sums[layer].second, m.second)
    assert set(seen) == set(WANTED)
    torch.testing.assert_close(found, grad, rtol=1e-10, atol=1e-10 * float(grad.abs().max()))


def test_a_loss_of_one_shallow_layer_needs_no_deeper_one(small_encoder, uniform):
    image = uniform(1, 3, 8, 8).requires_grad_()  # too small for relu5_1
    sums, features = small_encoder.sums(image, [Sums("relu1_2")])
    (grad,) = torch.autograd.grad(sums[Sums("relu1_2")].second.square().sum(), image)
    assert features == {}
    assert float(grad.abs().max()) > 0


def test_the_way_back_is_gone_once(small_encoder, uniform):
    image = uniform(1, 3, 16, 16).requires_grad_()
    sums, _ = small_encoder.sums(image, [Sums("relu2_1")])
    loss = sums[Sums("relu2_1")].first.sum()
    torch.autograd.grad(loss, image, retain_graph=True)
    with pytest.raises(RuntimeError, match="evaluate again"):
        torch.autograd.grad(loss, image)


@pytest.mark.parametrize("padding", ["zeros", "reflect"])
def test_sums_inside_a_rectangle_are_those_of_the_features_there(padding, vgg_tensors, uniform):
    tensors = vgg_tensors("vgg16", (3, 4, 5, 6), torch.float64)
    encoder = ChainEncoder("small", tensors, IMAGENET_RGB, padding=padding, dtype=torch.float64)
    image = uniform(1, 3, 41, 66).requires_grad_()
    weights = [0.1 + i for i in range(2 * len(SUMMED) + len(WANTED))]

    def inside(features, stride):
        return features[(..., *rectangle(stride))]

    features = encoder(image, {*SUMMED, *WANTED})
    expected = {Sums(layer): moments(inside(features[layer], encoder.layers[layer].stride)) for layer in SUMMED}
    (grad,) = torch.autograd.grad(slopes_of(expected, features, weights), image)
    sums, seen = encoder.sums(image, expected, WANTED, rectangle)
    (found,) = torch.autograd.grad(slopes_of(sums, seen, weights), image)
    for layer, m in expected.items():
        torch.testing.assert_close(sums[layer].count, m.count)
        torch.testing.assert_close(sums[layer].first, m.first)
        torch.testing.assert_close(sums[layer].second, m.second)
    torch.testing.assert_close(found, grad, rtol=1e-10, atol=1e-10 * float(grad.abs().max()))


# Weights


def plain_sums(features, weight):
    """Count, sum f and sum f f^T as autograd sees them."""
    weight = weight.expand(len(features), 1, *features.shape[-2:])
    second = torch.einsum("nzhw,nahw,nbhw->nab", weight, features, features)
    return Moments(weight.sum((1, 2, 3)), (weight * features).sum((2, 3)), second)


def weights_for(encoder, image, layers, uniform, window=None):
    """Two weights of each layer that do not repeat along the batch, then one for the whole batch, then none."""
    summed = []
    for layer in layers:
        stride = encoder.layers[layer].stride
        sides = [side // stride for side in image.shape[-2:]]
        if window:
            sides = [len(range(*part.indices(side))) for part, side in zip(window(stride), sides, strict=True)]
        each = [uniform(len(image), 1, *sides) for _ in range(2)]
        summed += [Sums(layer, weight) for weight in (*each, uniform(1, 1, *sides) - 0.5, None)]
    return summed


@pytest.mark.parametrize("padding", ["zeros", "circular"])
@pytest.mark.parametrize("window", [None, rectangle])
@pytest.mark.parametrize("count", [1, 2])
def test_weighted_sums_and_their_gradient_are_those_of_autograd(padding, window, count, vgg_tensors, uniform):
    tensors = vgg_tensors("vgg16", (3, 4, 5, 6), torch.float64)
    encoder = ChainEncoder("small", tensors, IMAGENET_RGB, padding=padding, dtype=torch.float64)
    image = uniform(count, 3, 41, 66).requires_grad_()
    summed = weights_for(encoder, image, ("relu1_1", "pool1", "relu2_1", "relu4_1"), uniform, window)
    factors = [0.1 + i for i in range(2 * len(summed) + len(WANTED))]
    features = encoder(image, {*SUMMED, *WANTED})
    expected = {}
    for each in summed:
        f = features[each.layer]
        part = f[(..., *window(encoder.layers[each.layer].stride))] if window else f
        expected[each] = plain_sums(part, torch.ones(1, 1, 1, 1).double() if each.weight is None else each.weight)
    (grad,) = torch.autograd.grad(slopes_of(expected, features, factors), image)
    for found, seen in (
        encoder.sums(image, summed, WANTED, window),
        sums_by_features(encoder, image, summed, WANTED, window),
    ):
        assert list(found) == summed
        for each, m in expected.items():
            torch.testing.assert_close(vars(found[each]), vars(m), rtol=1e-12, atol=1e-12)
        (again,) = torch.autograd.grad(slopes_of(found, seen, factors), image)
        torch.testing.assert_close(again, grad, rtol=1e-10, atol=1e-10 * float(grad.abs().max()))


def test_the_gradient_of_weighted_sums_is_that_of_finite_differences(small_encoder, uniform):
    image, weights = uniform(1, 3, 12, 14), (uniform(1, 1, 6, 7), uniform(1, 1, 6, 7))

    def value(x):
        """Not linear in the sums, and not the same for each."""
        sums, _ = small_encoder.sums(x, [Sums("relu2_1", weight) for weight in weights])
        return torch.cat([part.flatten() for m in sums.values() for part in (m.first, m.second)]).cumsum(0).sin().sum()

    x = image.clone().requires_grad_()
    (grad,) = torch.autograd.grad(value(x), x)
    for _ in range(5):
        step = 1e-6 * (uniform(1, 3, 12, 14) - 0.5)
        assert float(value(image + step) - value(image - step)) == pytest.approx(
            2 * float((grad * step).sum()), rel=1e-6
        )


def test_only_the_slopes_there_are_go_back(small_encoder, uniform):
    image, weight = uniform(1, 3, 8, 8).requires_grad_(), uniform(1, 1, 4, 4)
    plain = plain_sums(small_encoder(image, ["relu2_1"])["relu2_1"], weight)
    for name in ("first", "second"):
        sums, _ = small_encoder.sums(image, [Sums("relu2_1", weight), Sums("relu2_1")])
        (found,) = torch.autograd.grad(getattr(sums[Sums("relu2_1", weight)], name).sum(), image)
        (expected,) = torch.autograd.grad(getattr(plain, name).sum(), image, retain_graph=True)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_a_weight_of_ones_is_no_weight_and_one_that_is_zero_outside_a_window_is_the_window(small_encoder, uniform):
    image, layers = uniform(1, 3, 41, 66), ("relu1_2", "relu3_1")
    inside, _ = small_encoder.sums(image, [Sums(layer) for layer in layers], window=rectangle)
    whole, _ = small_encoder.sums(image, [Sums(layer) for layer in layers])
    for layer in layers:
        stride = small_encoder.layers[layer].stride
        mask = torch.zeros(1, 1, 41 // stride, 66 // stride)
        mask[(..., *rectangle(stride))] = 1
        for weight, expected in ((torch.ones_like(mask), whole), (mask, inside)):
            found, _ = small_encoder.sums(image, [Sums(layer, weight)])
            torch.testing.assert_close(vars(found[Sums(layer, weight)]), vars(expected[Sums(layer)]))


def test_weighted_sums_in_bfloat16_are_as_near_those_in_float64_as_others(vgg_tensors, uniform):
    tensors, dtypes = vgg_tensors("vgg16", (3, 4, 5, 6)), (torch.bfloat16, torch.float64)
    encoders = [ChainEncoder("x", tensors, IMAGENET_RGB, pooling="average", dtype=dtype) for dtype in dtypes]
    image, weight = uniform(1, 3, 96, 128).requires_grad_(), uniform(1, 1, 48, 64)

    def distance(sums):
        """Of the gradients in bfloat16 and in float64; the sums must be near each other, too."""
        short, long = (encoder.sums(image, [sums])[0][sums] for encoder in encoders)
        assert short.count.dtype == short.first.dtype == short.second.dtype == torch.float32
        torch.testing.assert_close(short.count.double(), long.count, rtol=1e-6, atol=0)
        torch.testing.assert_close(short.mean.double(), long.mean, rtol=0.02, atol=0.01)
        torch.testing.assert_close(short.gram.double(), long.gram, rtol=0.02, atol=0.01)
        found, expected = (torch.autograd.grad(m.gram.sum(), image)[0] for m in (short, long))
        return float((found - expected).norm() / expected.norm())

    assert distance(Sums("relu2_1", weight)) < 1.2 * distance(Sums("relu2_1")) < 0.1


def test_sums_are_the_same_if_layer_and_tensor_are():
    weight = torch.ones(1, 1, 2, 2)
    assert Sums("relu1_1", weight) == Sums("relu1_1", weight)
    assert len({Sums("relu1_1", weight), Sums("relu1_1", weight), Sums("relu1_1"), Sums("relu1_1")}) == 2
    assert Sums("relu1_1", weight) != Sums("relu1_1", weight.clone())
    assert Sums("relu1_1", weight) != Sums("relu1_2", weight)
