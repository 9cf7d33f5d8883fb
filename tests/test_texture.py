"""Textures: the style's statistics at any size, borders that fit each other, and what is refused."""

import pytest
import torch

from impasto.encoders.catalog import build_encoder
from impasto.encoders.packed import compact_weights
from impasto.errors import UnknownNameError, UsageError
from impasto.images import resize
from impasto.painter import prepare_texture, synthesize
from impasto.sources import open_picture
from impasto.statistics import moments

STYLE = "swatch:marbling"
QUICK = {"preset": "fast", "size": (96, 64), "iterations": 30, "device": "cpu", "dtype": "float32"}


def run(style=STYLE, **settings):
    return list(prepare_texture([style], **(QUICK | settings)))


def distance(image, style, encoder):
    """Relative distance of the Gram matrices at relu2_1."""
    g, a = (moments(encoder(x, ["relu2_1"])["relu2_1"]).gram for x in (image, style))
    return float((g - a).norm() / a.norm())


def seams(image, dim):
    """Mean steps from each row (or column) to the next, and the one across the seam."""
    steps = (image - image.roll(1, dim)).abs().mean(dim=[d for d in range(4) if d != dim])
    return steps[1:], steps[0]


def test_a_texture_has_the_statistics_of_its_style(compact):
    style = open_picture(STYLE, size=96).pixels
    steps = run(iterations=120)
    assert distance(steps[-1].image, style, compact) < 0.1
    assert steps[-1].terms["style/relu3_1"] < 0.05 * steps[0].terms["style/relu3_1"]


@pytest.mark.parametrize("size", [(96, 64), (64, 160), (71, 83)])
def test_it_has_the_size_that_was_asked_for(size):
    width, height = size
    assert run(size=size, iterations=2)[-1].image.shape == (1, 3, height, width)


def test_without_a_size_it_has_the_shape_of_the_style():
    picture = synthesize(torch.rand(1, 3, 50, 90), iterations=2, device="cpu")
    assert picture.size == (90, 50)


def test_it_has_nothing_of_the_styles_arrangement_and_differs_by_seed():
    first, again, other = (run(seed=seed)[-1].image for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert (first - other).abs().mean() > 0.02


@pytest.mark.parametrize("size", [128, 192])  # at one size, and at two
def test_a_tileable_texture_has_no_seam(size):
    settings = {"style": "swatch:brushstrokes", "size": (size, size), "iterations": 50}
    tileable, other = (run(**settings, tileable=each)[-1].image for each in (True, False))
    for dim in (2, 3):
        interior, seam = seams(tileable, dim)
        assert seam < interior.mean() + 2 * interior.std()
        interior, seam = seams(other, dim)
        assert seam > interior.mean() + 3 * interior.std(), "the measure would not see a seam"


def test_the_features_of_a_repeating_picture_repeat(uniform):
    encoder = build_encoder(compact_weights(), padding="circular", dtype=torch.float64)
    image = uniform(1, 3, 48, 64)
    there = encoder(image.roll((16, 32), (2, 3)), ["relu4_1"])["relu4_1"]
    here = encoder(image, ["relu4_1"])["relu4_1"].roll((2, 4), (2, 3))
    assert torch.allclose(there, here, atol=1e-10)


def test_a_tile_whose_sides_do_not_fit_is_refused_with_the_nearest_that_do():
    with pytest.raises(UsageError, match=r"100x70 pixels, but .* multiples of 8: 96x72 would do"):
        run(size=(100, 70), tileable=True)


def test_shallow_layers_allow_finer_tiles():
    assert run(size=(72, 40), tileable=True, style_layers=("relu2_1",), iterations=1)[-1].image.shape[-2:] == (40, 72)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": (0, 64)}, "size is 0x64; both sides must be at least 1 pixel"),
        ({"preset": "palette"}, "style_weight is 0, so that nothing makes a texture of noise"),
        ({"style_scale": 0}, "style_scale is 0; it must be a number above 0"),
        ({"size": (3, 400)}, "needs at least"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        run(**settings)


def test_unknown_names_are_refused():
    with pytest.raises(UnknownNameError, match="content"):
        run(init="content")
    with pytest.raises(UnknownNameError, match="relu9_1"):
        run(style_layers=("relu9_1",))


def test_coarse_levels_at_which_a_small_style_would_vanish_are_left_out():
    style = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    assert len(prepare_texture([style], preset="fast", size=(1024, 768), device="cpu").plan.levels) < 4


def grain(image):
    """The standard deviation of what a blur over 3 pixels takes away."""
    blurred = torch.nn.functional.avg_pool2d(image, 3, 1)
    return float((image[..., 1:-1, 1:-1] - blurred).std())


def test_a_small_texture_has_no_more_grain_than_its_style():
    """Noise that is seen at one size only stays as grain, twice as much as there is in the style."""
    style = open_picture(STYLE).pixels
    made = synthesize(style, **(QUICK | {"iterations": 60, "output": "torch"}))
    assert grain(made) < 1.1 * grain(resize(style, 72, 96))
    assert grain(made) > 0.7 * grain(resize(style, 72, 96))
