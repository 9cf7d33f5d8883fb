"""The walk through a chain is what autograd makes of the same chain."""

import pytest
import torch

from impasto.encoders.base import Sums
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.preprocessing import IMAGENET_RGB
from impasto.statistics import moments

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
