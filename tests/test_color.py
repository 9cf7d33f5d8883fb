"""Colors: statistics that are mapped exactly, and the luma of Rec. 601."""

import pytest
import torch

from impasto.color import LUMA, absent_colors, luminance, matched_colors
from impasto.losses import absent_color_error
from impasto.statistics import Moments, moments


@pytest.fixture
def images(uniform):
    """Two pictures of 3 correlated channels and different sizes."""
    mix = torch.tensor([[0.6, 0.2, 0.1], [0.1, 0.5, 0.2], [0.0, 0.3, 0.4]], dtype=torch.float64)
    return torch.einsum("ij,njhw->nihw", mix, uniform(1, 3, 20, 30)), 0.2 + 0.5 * uniform(1, 3, 16, 9) ** 2


def linear_part(image, target):
    """The 3x3 matrix of the map, from where it takes black and the three primaries."""
    corners = torch.cat([torch.zeros(3, 1), torch.eye(3)], dim=1).double().reshape(1, 3, 1, 4)
    mapped = matched_colors(corners, moments(image), moments(target))[0, :, 0]
    return mapped[:, 1:] - mapped[:, :1]


def test_matched_colors_have_the_targets_mean_and_covariance(images):
    """Exactly: the ridge r on both covariances leaves T + r (I - A A)."""
    image, target = images
    matched, a = moments(matched_colors(image, moments(image), moments(target))), linear_part(image, target)
    expected = moments(target).covariance[0] + 1e-5 * (torch.eye(3) - a @ a)
    torch.testing.assert_close(matched.mean, moments(target).mean, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(matched.covariance[0], expected, rtol=1e-10, atol=1e-10)


def test_matching_moves_no_more_than_it_must(images):
    """The matrix is symmetric and positive, as that of every optimal transport between Gaussians."""
    a = linear_part(*images)
    torch.testing.assert_close(a, a.T, rtol=1e-9, atol=1e-9)
    assert torch.linalg.eigvalsh(a).min() > 0


def test_matching_to_itself_changes_nothing(images):
    image = images[0]
    torch.testing.assert_close(matched_colors(image, moments(image), moments(image)), image, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("amount", [0.0, 0.25, 1.0])
def test_amount_goes_that_part_of_the_way(images, amount):
    image, target = images
    whole = matched_colors(image, moments(image), moments(target))
    part = matched_colors(image, moments(image), moments(target), amount)
    torch.testing.assert_close(part, image + amount * (whole - image), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("flat_side", ["image", "target", "both"])
def test_a_picture_of_one_color_has_a_finite_map_too(images, flat_side):
    flat = torch.full((1, 3, 8, 8), 0.25, dtype=torch.float64)
    image = images[0] if flat_side == "target" else flat
    target = images[1] if flat_side == "image" else flat + 0.5
    matched = matched_colors(image, moments(image), moments(target))
    assert matched.isfinite().all()
    torch.testing.assert_close(matched.mean((2, 3)), moments(target).mean, rtol=1e-9, atol=1e-9)


def test_the_image_is_left_as_it_is(images):
    image, target = images
    before = image.clone()
    matched_colors(image, moments(image), moments(target))
    assert torch.equal(image, before)


def test_luminance_is_the_luma_of_rec_601(uniform):
    image = uniform(2, 3, 4, 5)
    expected = 0.299 * image[:, 0] + 0.587 * image[:, 1] + 0.114 * image[:, 2]
    torch.testing.assert_close(luminance(image), expected[:, None], rtol=1e-12, atol=1e-12)
    assert sum(LUMA) == pytest.approx(1)


def test_a_gray_picture_lacks_all_colors_but_gray(uniform):
    absent = absent_colors(moments(uniform(1, 1, 24, 32).expand(1, 3, 24, 32)))
    gray = torch.full((3,), 3**-0.5, dtype=torch.float64)
    assert torch.allclose(absent.diagonal().sum(), torch.tensor(2.0).double(), atol=1e-4)
    assert float(gray @ absent @ gray) < 1e-4
    assert float(absent_colors(moments(uniform(1, 3, 24, 32))).amax()) < 1e-4


def test_only_changes_towards_absent_colors_count(uniform):
    image, gray = uniform(1, 3, 24, 32), moments(uniform(1, 1, 24, 32).expand(1, 3, 24, 32))
    absent = absent_colors(gray)
    assert float(absent_color_error(image + 0.3, image, absent)) < 1e-4
    red = image + 0.3 * torch.tensor([1.0, 0.0, 0.0]).double()[:, None, None]
    assert float(absent_color_error(red, image, absent)) == pytest.approx(0.09 * 2 / 3, rel=1e-3)


def test_colors_whose_sums_are_rounded_below_no_variance_have_a_map_too():
    """Of a plain picture, as seen through a mask that leaves hardly anything."""
    plain = Moments(torch.ones(1), torch.full((1, 3), 0.5), torch.full((1, 3, 3), 0.25) - 2e-5 * torch.eye(3))
    image = torch.full((1, 3, 2, 2), 0.5)
    assert bool(matched_colors(image, plain, moments(torch.rand(1, 3, 8, 8))).isfinite().all())
