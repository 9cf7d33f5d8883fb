"""The objective: its value is the sum of its terms, its gradient that of finite differences."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from impasto.encoders.base import sums_by_features
from impasto.losses import half_squared_sum, mean_std_error, total_variation
from impasto.objective import WholeObjective
from impasto.statistics import moments
from impasto.terms import ContentTerm, PixelTerm, StyleTerm


@pytest.fixture
def terms(small_encoder, uniform):
    content, style = uniform(1, 3, 16, 20), uniform(1, 3, 32, 24)
    content_features = small_encoder(content, ["relu3_1"])
    style_features = small_encoder(style, ["relu1_1", "relu2_1"])
    return [
        ContentTerm("relu3_1", content_features["relu3_1"], 0.7, half_squared_sum),
        StyleTerm("relu1_1", moments(style_features["relu1_1"]), 2.0),
        StyleTerm("relu2_1", moments(style_features["relu2_1"]), 3.0, mean_std_error),
        PixelTerm("tv", 0.5),
    ]


def test_each_term_is_its_weighted_loss_and_they_add_up(small_encoder, terms, uniform):
    image = uniform(1, 3, 16, 20)
    evaluation = WholeObjective(small_encoder, terms).evaluate(image)
    content, first, second, _ = terms
    features = small_encoder(image, [content.layer, first.layer, second.layer])
    expected = {
        "content/relu3_1": 0.7 * half_squared_sum(features["relu3_1"], content.target),
        "style/relu1_1": 2.0 * first.loss(moments(features["relu1_1"]), first.target),
        "style/relu2_1": 3.0 * mean_std_error(moments(features["relu2_1"]), second.target),
        "tv": 0.5 * total_variation(image),
    }
    assert {name: float(v) for name, v in evaluation.terms.items()} == pytest.approx(
        {name: float(v) for name, v in expected.items()}, rel=1e-12
    )
    assert float(evaluation.loss) == pytest.approx(sum(map(float, expected.values())), rel=1e-12)


def test_the_gradient_is_that_of_finite_differences(small_encoder, terms, uniform, normal):
    objective, image, step = WholeObjective(small_encoder, terms), uniform(1, 3, 16, 20), 1e-6
    grad = objective.evaluate(image).grad
    for _ in range(8):
        direction = normal(1, 3, 16, 20)
        up, down = (objective.evaluate(image + sign * step * direction).loss for sign in (1, -1))
        assert float((grad * direction).sum()) == pytest.approx(float((up - down) / (2 * step)), rel=1e-5)


def test_evaluating_leaves_the_image_as_it_is_and_nothing_on_the_graph(small_encoder, terms, uniform):
    image = uniform(1, 3, 16, 20)
    before = image.clone()
    evaluation = WholeObjective(small_encoder, terms).evaluate(image)
    assert torch.equal(image, before)
    assert not image.requires_grad
    assert image.grad is None
    assert evaluation.grad.shape == image.shape
    assert not any(t.requires_grad for t in (evaluation.loss, evaluation.grad, *evaluation.terms.values()))


def test_evaluating_works_under_no_grad_and_twice_the_same(small_encoder, terms, uniform):
    objective, image = WholeObjective(small_encoder, terms), uniform(1, 3, 16, 20)
    first = objective.evaluate(image)
    with torch.no_grad():
        second = objective.evaluate(image)
    assert torch.equal(first.grad, second.grad)
    assert torch.equal(first.loss, second.loss)


def test_an_objective_of_image_terms_alone_needs_no_network(uniform):
    def no_network(image, layers):
        raise AssertionError

    evaluation = WholeObjective(no_network, [PixelTerm("tv", 2.0)]).evaluate(uniform(1, 3, 4, 4))
    assert set(evaluation.terms) == {"tv"}


def test_the_network_sees_each_layer_once_and_the_image_once(small_encoder, terms, uniform):
    asked = []

    def watched(image, layers):
        asked.append(set(layers))
        return small_encoder(image, layers)

    watched.sums = partial(sums_by_features, watched)
    WholeObjective(watched, [*terms, replace(terms[1], region="again")]).evaluate(uniform(1, 3, 16, 20))
    assert asked == [{"relu1_1", "relu2_1", "relu3_1"}]


def test_features_of_another_dtype_are_compared_in_that_of_the_target(small_encoder, uniform):
    """As bfloat16 features with float32 targets; here float64 with float32."""
    image = uniform(1, 3, 16, 20)
    target = small_encoder(uniform(1, 3, 16, 20), ["relu1_1"])["relu1_1"].float()
    evaluation = WholeObjective(small_encoder, [ContentTerm("relu1_1", target, 1.0)]).evaluate(image)
    assert evaluation.terms["content/relu1_1"].dtype == torch.float32
    assert evaluation.grad.dtype == image.dtype
