"""Panoramas of 360 degrees: where one begins is nowhere to be seen."""

import numpy as np
import pytest
import torch

import impasto
from impasto.encoders.base import Sums
from impasto.encoders.catalog import build_encoder
from impasto.encoders.packed import compact_weights
from impasto.errors import UsageError
from impasto.images import resize, wrapping
from impasto.swatches import draw

QUICK = {"preset": "fast", "device": "cpu", "dtype": "float64", "iterations": 6}


@pytest.fixture(scope="module")
def panorama():
    """A photograph that goes around, (1, 3, 64, 128): smooth waves."""
    x, y = torch.meshgrid(torch.arange(128) * 2 * torch.pi / 128, torch.arange(64) / 64.0, indexing="xy")
    planes = [0.5 + 0.3 * torch.sin(3 * x + 4 * y), 0.5 + 0.3 * torch.cos(x) * y, 0.3 + 0.2 * torch.sin(5 * x)]
    return torch.stack(planes)[None].float()


@pytest.fixture(scope="module")
def painting():
    return torch.from_numpy(draw("mosaic", width=96, height=72, seed=0).astype(np.float32) / 255).permute(2, 0, 1)[None]


@pytest.mark.parametrize("axes", ["", "x", "y", "xy"])
@pytest.mark.parametrize("size", [(40, 60), (24, 36), (17, 30), (50, 101)])
def test_enlarging_and_shrinking_know_no_border_where_the_picture_repeats(uniform, axes, size):
    image = uniform(1, 3, 34, 60)
    repeats = (3 if "y" in axes else 1), (3 if "x" in axes else 1)
    many = resize(image.repeat(1, 1, *repeats), size[0] * repeats[0], size[1] * repeats[1])
    top, left = (size[0] if repeats[0] == 3 else 0), (size[1] if repeats[1] == 3 else 0)
    middle = many[..., top : top + size[0], left : left + size[1]]
    assert torch.allclose(wrapping(resize, axes)(image, *size), middle, atol=1e-9)


@pytest.mark.parametrize("padding", ["zeros", "reflect", "replicate", "circular"])
def test_an_encoder_sees_a_panorama_wherever_it_begins(uniform, padding):
    encoder = build_encoder(compact_weights(), padding=padding, dtype=torch.float64).repeating("x")
    image = uniform(1, 3, 48, 64)
    there = encoder(image.roll(16, 3), ["relu4_1"])["relu4_1"]
    assert torch.allclose(there, encoder(image, ["relu4_1"])["relu4_1"].roll(2, 3), atol=1e-10)


@pytest.mark.parametrize("padding", ["zeros", "reflect", "replicate", "circular"])
def test_the_fused_way_back_knows_both_kinds_of_borders(uniform, padding):
    encoder = build_encoder(compact_weights(), padding=padding, dtype=torch.float64).repeating("x")
    fused, plain = (uniform(1, 3, 24, 32).requires_grad_() for _ in range(2))
    fused.data.copy_(plain.data)
    sums, features = encoder.sums(fused, [Sums("relu2_1")], ["relu3_1"])
    (sums[Sums("relu2_1")].second.square().sum() + features["relu3_1"].square().sum()).backward()
    found = encoder(plain, ["relu2_1", "relu3_1"])
    rows = found["relu2_1"].flatten(2)
    ((rows @ rows.mT).square().sum() + found["relu3_1"].square().sum()).backward()
    assert torch.allclose(fused.grad, plain.grad, rtol=1e-9, atol=1e-9 * float(plain.grad.abs().max()))


@pytest.mark.parametrize("more", [{"levels": 1}, {}], ids=["at one size", "at several"])
def test_where_a_panorama_begins_makes_no_difference(panorama, painting, more):
    """Turned by half of it, the picture is the same picture, turned."""

    def painted(photo):
        return impasto.stylize(photo, painting, wrap="x", output="torch", **QUICK, **more)

    there, here = painted(panorama.roll(64, 3)), painted(panorama)
    difference = (there - here.roll(64, 3)).abs()
    # Where a maximum is nearly shared, rounding decides whose the gradient is: some pixels, none of them at a border.
    assert difference.mean() < 2e-4
    assert (difference > 1e-3).float().mean() < 0.02
    assert difference[..., [0, 63, 64, 127]].amax() < 1e-3
    apart = impasto.stylize(panorama.roll(64, 3), painting, output="torch", **QUICK, **more).roll(-64, 3)
    assert (apart - here).abs().amax() > 0.01, "the measure would not see a seam"


def test_a_width_that_cannot_go_around_is_refused(panorama, painting):
    with pytest.raises(UsageError, match=r"100x50 pixels, but .* multiples of 8: 96x50 would do. Choose another"):
        impasto.stylize(panorama, painting, wrap="x", size=100, **QUICK)
