"""Losses: each against its closed form in float64, written a second time here, and its gradient against differences."""

import itertools

import pytest
import torch
from torch.autograd import gradcheck

from impasto import losses
from impasto.losses import (
    covariance_error,
    energy,
    gram_error,
    half_squared_sum,
    keras_total_variation,
    matrix_root,
    mean_squared_error,
    mean_std_error,
    nine_point_variation,
    out_of_range,
    relative_squared_error,
    root_trace,
    smoothed,
    squared_sum,
    summed_total_variation,
    total_variation,
    wasserstein2,
    weighted_sum,
)
from impasto.statistics import Moments, gram_matrix, moments

MOMENT_LOSSES = (gram_error, mean_std_error, covariance_error, wasserstein2)
CONTENT_LOSSES = (squared_sum, half_squared_sum, mean_squared_error, relative_squared_error)
IMAGE_LOSSES = (total_variation, summed_total_variation, keras_total_variation, nine_point_variation, out_of_range)


def close(actual, expected, tolerance=1e-10):
    return float(actual) == pytest.approx(float(expected), rel=tolerance, abs=1e-14)


def flat(features):
    """(1, C, H, W) -> (C, H*W)"""
    return features[0].flatten(1)


@pytest.fixture
def pair(normal):
    """Features of a picture and of its target, of different sizes, as after a ReLU."""
    return normal(1, 4, 6, 5).relu() + 0.1, (2 * normal(1, 4, 7, 8) + 1).relu()


# Content


@pytest.mark.parametrize(
    ("loss", "formula"),
    [
        (squared_sum, lambda f, p: sum((a - b) ** 2 for a, b in zip(f, p, strict=True))),
        (half_squared_sum, lambda f, p: sum((a - b) ** 2 for a, b in zip(f, p, strict=True)) / 2),
        (mean_squared_error, lambda f, p: sum((a - b) ** 2 for a, b in zip(f, p, strict=True)) / len(f)),
        (
            relative_squared_error,
            lambda f, p: sum((a - b) ** 2 for a, b in zip(f, p, strict=True)) / sum(b * b for b in p),
        ),
    ],
)
def test_content_losses_are_their_formulas(loss, formula, normal):
    f, p = normal(1, 3, 4, 5), normal(1, 3, 4, 5)
    assert close(loss(f, p), formula(f.flatten().tolist(), p.flatten().tolist()))


@pytest.mark.parametrize("loss", CONTENT_LOSSES)
def test_content_losses_have_the_gradient_of_differences(loss, normal):
    target = normal(1, 3, 4, 5)
    assert gradcheck(lambda f: loss(f, target), normal(1, 3, 4, 5).requires_grad_())


@pytest.mark.parametrize("loss", CONTENT_LOSSES)
def test_content_losses_vanish_at_the_target(loss, normal):
    f = normal(1, 3, 4, 5)
    assert loss(f, f) == 0


def test_content_gradient_through_a_relu_is_equation_2_of_gatys(normal):
    """dL/dF = F - P where the unit is on, 0 where it is off."""
    before, target = normal(1, 3, 4, 5).requires_grad_(), normal(1, 3, 4, 5).relu()
    half_squared_sum(before.relu(), target).backward()
    expected = torch.where(before > 0, before - target, 0.0)
    torch.testing.assert_close(before.grad, expected.detach(), rtol=1e-12, atol=1e-12)


# Style


def gram_formula(f, a):
    f, a = flat(f), flat(a)
    return ((f @ f.T / f.shape[1] - a @ a.T / a.shape[1]) ** 2).mean()


def mean_std_formula(f, a):
    f, a = flat(f), flat(a)
    sigma_f, sigma_a = ((x.var(1, correction=0) + 1e-8).sqrt() for x in (f, a))
    return ((f.mean(1) - a.mean(1)) ** 2 + (sigma_f - sigma_a) ** 2).mean()


def covariance_formula(f, a):
    f, a = flat(f), flat(a)
    return ((f.mean(1) - a.mean(1)) ** 2).mean() + (
        (torch.cov(f, correction=0) - torch.cov(a, correction=0)) ** 2
    ).mean()


def wasserstein_formula(f, a):
    """By the eigenvalues of the product S S', which are those of S'^1/2 S S'^1/2."""
    f, a = flat(f), flat(a)
    ridge = (1e-3 * a.var(1, correction=0).mean() + 1e-4 * (a**2).mean()) * torch.eye(len(a), dtype=a.dtype)
    s, t = torch.cov(f, correction=0) + ridge, torch.cov(a, correction=0) + ridge
    roots = torch.linalg.eigvals(s @ t).real.sqrt().sum()
    return (((f.mean(1) - a.mean(1)) ** 2).sum() + s.trace() + t.trace() - 2 * roots) / len(f)


@pytest.mark.parametrize(
    ("loss", "formula"),
    [
        (gram_error, gram_formula),
        (mean_std_error, mean_std_formula),
        (covariance_error, covariance_formula),
        (wasserstein2, wasserstein_formula),
    ],
)
def test_moment_losses_are_their_formulas(loss, formula, pair):
    f, a = pair
    assert close(loss(moments(f), moments(a)), formula(f, a))


@pytest.mark.parametrize("loss", MOMENT_LOSSES)
def test_moment_losses_have_the_gradient_of_differences(loss, pair):
    f, a = pair
    target = moments(a)
    assert gradcheck(lambda x: loss(moments(x), target), f.requires_grad_())


@pytest.mark.parametrize("loss", MOMENT_LOSSES)
def test_moment_losses_vanish_at_the_target(loss, pair):
    target = moments(pair[0])
    assert abs(float(loss(target, target))) < 1e-12


@pytest.mark.parametrize("loss", MOMENT_LOSSES)
def test_moment_losses_do_not_depend_on_where_things_are(loss, pair):
    f, a = pair
    shuffled = f.flatten(2)[..., torch.randperm(30, generator=torch.Generator().manual_seed(0))].reshape(f.shape)
    assert close(loss(moments(shuffled), moments(a)), loss(moments(f), moments(a)))


@pytest.mark.parametrize("loss", MOMENT_LOSSES)
def test_moment_losses_have_a_finite_gradient_for_silent_channels(loss, pair):
    f = torch.zeros(1, 4, 6, 5).requires_grad_()
    loss(moments(f), moments(pair[1].float())).backward()
    assert f.grad.isfinite().all()


def test_gatys_equation_4_is_a_quarter_of_gram_error_for_equal_sizes(normal):
    f, a = normal(1, 4, 6, 5), normal(1, 4, 6, 5)
    n, m = 4, 30
    equation_4 = ((gram_matrix(f) - gram_matrix(a)) ** 2).sum() / (4 * n**2 * m**2)
    assert close(gram_error(moments(f), moments(a)) / 4, equation_4)


def test_style_gradient_through_a_relu_is_equation_6_of_gatys(normal):
    """dE/dF = (F^T (G - A))^T / (N^2 M^2) where the unit is on, 0 where it is off."""
    before, a = normal(1, 4, 6, 5).requires_grad_(), normal(1, 4, 6, 5).relu()
    (gram_error(moments(before.relu()), moments(a)) / 4).backward()
    f = flat(before.relu().detach())
    equation_6 = (f.T @ (f @ f.T - flat(a) @ flat(a).T)).T / (4**2 * 30**2)
    expected = torch.where(flat(before) > 0, equation_6, 0.0)
    torch.testing.assert_close(flat(before.grad), expected, rtol=1e-12, atol=1e-14)


def test_wasserstein2_of_independent_channels_compares_standard_deviations():
    """For commuting covariances: |mu - mu'|^2 + sum (sigma - sigma')^2."""
    mu, nu = torch.tensor([[1.0, 2.0, 3.0], [1.5, 0.0, 3.0]], dtype=torch.float64)[:, None]
    a, b = torch.tensor([[4.0, 1.0, 0.25], [1.0, 9.0, 0.25]], dtype=torch.float64)[:, None]

    def gaussian(mean, variance):
        second = torch.diag_embed(variance) + mean[:, :, None] * mean[:, None]
        return Moments(torch.ones(1, dtype=torch.float64), mean, second)

    ridge = 1e-3 * b.mean() + 1e-4 * (b + nu**2).mean()
    expected = ((mu - nu) ** 2 + ((a + ridge).sqrt() - (b + ridge).sqrt()) ** 2).mean()
    assert close(wasserstein2(gaussian(mu, a), gaussian(nu, b)), expected)


def test_wasserstein2_of_nearly_flat_pictures_has_the_same_gradient_in_float32(normal):
    """Fewer positions than channels and a variance of a millionth: the worst for sums in float32."""
    f, a = 1 + 1e-2 * normal(1, 64, 4, 4), 1 + 1e-3 * normal(1, 64, 4, 4)
    exact, single = (
        torch.autograd.grad(wasserstein2(moments(x), moments(a.to(x.dtype))), x)[0]
        for x in (f.clone().requires_grad_(), f.float().requires_grad_())
    )
    assert (single - exact).norm() < 1e-2 * exact.norm()


def test_wasserstein2_is_symmetric_but_for_its_ridge(normal):
    x, y = moments(normal(1, 4, 40, 50)), moments(2 * normal(1, 4, 40, 50) + 1)
    assert float(wasserstein2(x, y)) == pytest.approx(float(wasserstein2(y, x)), rel=1e-2)


def test_matrix_root_squares_to_the_matrix(normal):
    x = normal(2, 5, 9)
    root = matrix_root(x @ x.mT)
    torch.testing.assert_close(root @ root, x @ x.mT, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(root, root.mT, rtol=1e-10, atol=1e-10)


def test_root_trace_has_the_gradient_of_differences(normal):
    x, y = normal(2, 4, 9), normal(2, 4, 9)
    b = y @ y.mT
    assert gradcheck(lambda factor: root_trace(factor @ factor.mT, b), x.requires_grad_())


def test_a_batch_counts_as_the_sum_of_its_pictures(pair, normal):
    f, other = pair[0], normal(1, 4, 6, 5)
    a = normal(2, 4, 6, 5)
    for loss in MOMENT_LOSSES:
        one_by_one = loss(moments(f), moments(a[:1])) + loss(moments(other), moments(a[1:]))
        assert close(loss(moments(torch.cat([f, other])), moments(a)), one_by_one)


def test_energy_is_the_loss_of_a_picture_without_features(pair):
    target = moments(pair[1])
    for loss in MOMENT_LOSSES:
        assert close(energy(loss, target), loss(moments(torch.zeros(1, 4, 3, 3, dtype=torch.float64)), target))
    assert close(energy(gram_error, target), target.gram.square().mean())


def test_weighted_sum_adds_losses_times_their_factors(pair):
    x, a = map(moments, pair)
    both = weighted_sum((2.0, gram_error), (0.5, mean_std_error))
    assert close(both(x, a), 2 * gram_error(x, a) + 0.5 * mean_std_error(x, a))


# The picture itself


def differences(image, di, dj):
    """Every x(i + di, j + dj) - x(i, j) inside the picture, all channels, by loops."""
    _, channels, height, width = image.shape
    for c, i, j in itertools.product(range(channels), range(height - di), range(max(0, -dj), width - max(0, dj))):
        yield float(image[0, c, i + di, j + dj] - image[0, c, i, j])


def mean_square(values):
    values = [value**2 for value in values]
    return sum(values) / len(values)


def test_total_variation_is_the_mean_squared_difference_of_neighbors(uniform):
    x = uniform(1, 3, 4, 5)
    assert close(total_variation(x), mean_square(differences(x, 1, 0)) + mean_square(differences(x, 0, 1)))


def test_summed_total_variation_is_half_the_sum_in_8_bit_units(uniform):
    """The pixels of the last row and column are only looked at from their neighbors."""
    x = uniform(1, 3, 4, 5)
    down, right = differences(x[..., :-1], 1, 0), differences(x[..., :-1, :], 0, 1)
    expected = sum((255 * d) ** 2 for d in (*down, *right)) / 2
    assert close(summed_total_variation(x), expected)


def test_keras_total_variation_is_the_sum_to_the_power_of_a_quarter_more(uniform):
    x = uniform(1, 3, 4, 5)
    y, expected = 255 * x[0], 0.0
    for c, i, j in itertools.product(range(3), range(3), range(4)):
        a, b = (y[c, i, j] - y[c, i + 1, j]) ** 2, (y[c, i, j] - y[c, i, j + 1]) ** 2
        expected += float(a + b) ** 1.25
    assert close(keras_total_variation(x), expected)


def test_nine_point_variation_is_two_thirds_of_the_steps_and_a_sixth_of_the_diagonals(uniform):
    x = uniform(1, 3, 4, 5)

    def at(c, i, j):
        return float(x[0, c, min(max(i, 0), 3), min(max(j, 0), 4)])

    inside = list(itertools.product(range(3), range(4), range(5)))
    around = list(itertools.product(range(3), range(-1, 4), range(-1, 5)))
    right = mean_square([at(c, i, j + 1) - at(c, i, j) for c, i, j in inside])
    down = mean_square([at(c, i + 1, j) - at(c, i, j) for c, i, j in inside])
    falling = mean_square([at(c, i + 1, j + 1) - at(c, i, j) for c, i, j in around])
    rising = mean_square([at(c, i + 1, j) - at(c, i, j + 1) for c, i, j in around])
    assert close(nine_point_variation(x), 2 / 3 * (right + down) + (falling + rising) / 6)


def test_out_of_range_is_the_mean_squared_excess():
    x = torch.tensor([-0.5, 0.0, 0.5, 1.0, 3.0, 0.2]).reshape(1, 3, 1, 2)
    assert close(out_of_range(x), (0.25 + 4) / 6, tolerance=1e-6)


@pytest.mark.parametrize("loss", IMAGE_LOSSES)
def test_image_losses_have_the_gradient_of_differences(loss, uniform):
    assert gradcheck(loss, (2 * uniform(1, 3, 4, 5) - 0.5).requires_grad_())


@pytest.mark.parametrize("loss", IMAGE_LOSSES)
def test_image_losses_of_a_flat_picture_are_zero_with_a_finite_gradient(loss):
    x = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    value = loss(x)
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-10)
    assert x.grad.abs().max() < 1e-6


def test_every_loss_is_tested_here():
    public = {name for name, f in vars(losses).items() if getattr(f, "__module__", "") == losses.__name__}
    functions = {name for name in public if callable(getattr(losses, name)) and name.islower() and name[0] != "_"}
    tested = {f.__name__ for f in (*MOMENT_LOSSES, *CONTENT_LOSSES, *IMAGE_LOSSES)}
    assert functions - tested == {
        "root_trace",
        "matrix_root",
        "weighted_sum",
        "energy",
        "flat_steps",
        "flatness",
        "absent_color_error",
        "blurred",
        "smoothed",
        "temporal_error",
    }


# Calm


def test_what_is_flat_is_one_and_what_is_busy_towards_zero(uniform):
    image = torch.full((1, 3, 64, 96), 0.3, dtype=torch.float64)
    assert torch.allclose(losses.flatness(image), torch.ones(1, 1, 64, 96, dtype=torch.float64))
    image[..., 48:] = uniform(1, 3, 64, 48)
    found = losses.flatness(image)[0, 0]
    assert found[:, :32].min() > 0.99
    assert found[:, 64:].max() < 0.01


def test_flat_steps_are_those_of_the_change_where_it_counts(uniform):
    target, change, weights = uniform(1, 3, 8, 9), uniform(1, 3, 8, 9), uniform(1, 1, 8, 9)
    d, w = change.numpy(), weights.numpy()
    down = (w[..., 1:, :] * (d[..., 1:, :] - d[..., :-1, :]) ** 2).mean()
    right = (w[..., 1:] * (d[..., 1:] - d[..., :-1]) ** 2).mean()
    assert float(losses.flat_steps(target + change, target, weights)) == pytest.approx(down + right, rel=1e-12)
    assert float(losses.flat_steps(target + 0.3, target, weights)) == pytest.approx(0, abs=1e-20)


def test_smoothing_takes_weave_and_leaves_strokes(uniform):
    rows, columns = torch.meshgrid(torch.arange(40), torch.arange(60), indexing="ij")
    weave = 0.01 * (-1.0) ** (rows + columns)
    stroke = (columns > 30) * 0.5
    canvas = (0.3 + torch.stack([stroke, 0.5 * stroke, 0 * stroke]))[None].double()
    taken = smoothed(canvas + weave, 0.02) - canvas
    assert taken[..., 5:-5, 5:25].abs().max() < 0.4 * 0.01
    assert smoothed(canvas, 0.02).sub(canvas).abs().max() < 5e-3
    picture = uniform(1, 3, 20, 30)
    torch.testing.assert_close(smoothed(picture, 1e-6), picture, atol=1e-6, rtol=0)
