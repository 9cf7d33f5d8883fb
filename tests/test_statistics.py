"""Sums over positions: what they are, and that they add up."""

import pytest
import torch

from impasto.errors import UsageError
from impasto.statistics import Moments, blend, gram_matrix, moments


def assert_same(a: Moments, b: Moments, tolerance=1e-12):
    for name in ("count", "first", "second"):
        torch.testing.assert_close(getattr(a, name), getattr(b, name), rtol=tolerance, atol=tolerance)


def test_gram_matrix_is_the_inner_products_of_channels(normal):
    f = normal(2, 5, 7, 6)
    torch.testing.assert_close(gram_matrix(f), torch.einsum("nahw,nbhw->nab", f, f), rtol=1e-12, atol=1e-12)


def test_moments_are_the_sums_they_claim(normal):
    f = normal(2, 5, 7, 6)
    expected = Moments(torch.tensor([42.0, 42.0], dtype=f.dtype), f.sum((2, 3)), gram_matrix(f))
    assert_same(moments(f), expected)


def test_moments_add_over_tiles(normal):
    f = normal(1, 5, 16, 12)
    tiles = [tile for row in f.split((5, 11), dim=2) for tile in row.split((4, 4, 4), dim=3)]
    assert_same(sum(map(moments, tiles[1:]), start=moments(tiles[0])), moments(f))


def test_a_weight_counts_a_position_that_many_times(normal):
    f = normal(1, 4, 3, 5)
    times = torch.tensor([[0, 1, 2, 3, 1]]).expand(3, 5)
    repeated = torch.cat([f[..., j : j + 1].expand(-1, -1, -1, int(n)) for j, n in enumerate(times[0])], dim=3)
    assert_same(moments(f, times), moments(repeated))


def test_a_mask_leaves_out_positions(normal):
    f, mask = normal(1, 4, 6, 6), torch.zeros(1, 1, 6, 6)
    mask[..., 2:5, 1:4] = 1
    assert_same(moments(f, mask), moments(f[..., 2:5, 1:4]))


def test_a_weight_of_one_changes_nothing(normal):
    f = normal(2, 4, 3, 5)
    assert_same(moments(f, torch.ones(2, 1, 3, 5)), moments(f))


def test_scaling_scales_all_three_and_keeps_the_means(normal):
    m = moments(normal(1, 4, 3, 5))
    for scaled in (2.5 * m, m * 2.5):
        assert scaled.count == 2.5 * m.count
        torch.testing.assert_close(scaled.gram, m.gram)
        torch.testing.assert_close(scaled.mean, m.mean)


def test_normalized_has_a_count_of_one_and_the_same_means(normal):
    m = moments(normal(2, 4, 3, 5))
    n = m.normalized()
    assert n.count.tolist() == [1, 1]
    for name in ("mean", "gram", "covariance", "variance"):
        torch.testing.assert_close(getattr(n, name), getattr(m, name), rtol=1e-12, atol=1e-12)


def test_covariance_and_variance_are_those_of_torch(normal):
    f = normal(1, 5, 7, 6) + 3
    expected = torch.cov(f[0].flatten(1), correction=0)
    torch.testing.assert_close(moments(f).covariance[0], expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(moments(f).variance[0], expected.diagonal(), rtol=1e-12, atol=1e-12)


def test_variance_is_not_below_zero():
    flat = torch.full((1, 3, 8, 8), 0.1)
    assert (moments(flat).variance >= 0).all()


def test_blend_weighs_means_whatever_the_sizes(normal):
    small, large = moments(normal(1, 4, 3, 5)), moments(normal(1, 4, 30, 20) + 1)
    mixed = blend([small, large], [3, 1])
    torch.testing.assert_close(mixed.mean, 0.75 * small.mean + 0.25 * large.mean)
    torch.testing.assert_close(mixed.gram, 0.75 * small.gram + 0.25 * large.gram)
    torch.testing.assert_close(mixed.count, torch.ones_like(mixed.count))


def test_blend_with_all_the_weight_on_one_is_that_one(normal):
    one, other = moments(normal(1, 4, 3, 5)), moments(normal(1, 4, 6, 5))
    assert_same(blend([one, other], [2, 0]), one.normalized())


def test_blend_of_nothing_is_refused(normal):
    with pytest.raises(UsageError, match="sum to 0"):
        blend([moments(normal(1, 4, 3, 5))] * 2, [0.0, 0.0])


def test_blend_needs_a_weight_for_each(normal):
    with pytest.raises(ValueError, match="shorter"):
        blend([moments(normal(1, 4, 3, 5))] * 2, [1.0])


@pytest.mark.parametrize(
    ("features", "sums", "rounding"),
    [(torch.bfloat16, torch.float32, 2**-9), (torch.float32, torch.float32, 0), (torch.float64, torch.float64, 0)],
)
def test_sums_are_at_least_float32(features, sums, rounding):
    m = moments(torch.ones(1, 2, 300, 301, dtype=features))
    assert {m.count.dtype, m.first.dtype, m.second.dtype} == {sums}
    assert m.first.tolist() == [pytest.approx([90300, 90300], rel=rounding)]  # bfloat16 would stop counting at 256


def test_sums_of_bfloat16_are_rounded_far_less_than_the_features(uniform):
    f = uniform(1, 5, 90, 101).to(torch.bfloat16)
    sums, exact = moments(f), moments(f.double())
    assert float((sums.gram - exact.gram).norm() / exact.gram.norm()) < 5e-4
    assert float((sums.mean - exact.mean).norm() / exact.mean.norm()) < 5e-4


def test_detached_moments_are_off_the_graph(normal):
    m = moments(normal(1, 2, 3, 3).requires_grad_())
    assert m.second.requires_grad
    assert not m.detach().second.requires_grad


def test_sums_over_many_positions_are_exact_to_float32():
    """One long product would be off by 1e-4."""
    features = torch.rand(1, 4, 1024, 1536, generator=torch.Generator().manual_seed(0))
    found = moments(features.contiguous(memory_format=torch.channels_last))
    exact = moments(features.double())
    torch.testing.assert_close(found.first.double(), exact.first, rtol=2e-6, atol=0)
    torch.testing.assert_close(found.second.double(), exact.second, rtol=2e-6, atol=0)


@pytest.mark.parametrize("weight", [(2, 1, 7, 6), (1, 1, 7, 6), (7, 6), (7, 1)])
def test_the_gradient_of_weighted_moments_is_that_of_finite_differences(weight, normal):
    weight, f = normal(*weight), normal(2, 3, 7, 6).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: tuple(vars(moments(x, weight)).values())[1:], f)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.bfloat16, 2e-3)])
def test_weighted_sums_over_many_positions_are_as_exact_as_others(dtype, tolerance):
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(1, 4, 512, 1027, generator=generator).to(dtype)
    weight = torch.rand(1, 1, 512, 1027, generator=generator)
    found, exact = moments(features, weight), moments(features.double(), weight.double())
    assert float(found.count) == pytest.approx(float(exact.count), rel=1e-6)
    torch.testing.assert_close(found.first.double(), exact.first, rtol=tolerance, atol=0)
    torch.testing.assert_close(found.second.double(), exact.second, rtol=tolerance, atol=0)
