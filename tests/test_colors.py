"""Whose colors the picture has: the style's, the content's, or some of both."""

import numpy as np
import pytest
import torch
from PIL import Image

from impasto.color import gray, luminance, samples, transported, with_luminance
from impasto.images import from_array
from impasto.painter import prepare
from impasto.statistics import moments

QUICK = {"preset": "fast", "iterations": 8, "device": "cpu", "dtype": "float32", "size": 96}


def picture(seed, low, high):
    """Smooth colors between two."""
    noise = np.random.default_rng(seed).random((6, 8, 3))
    values = np.asarray(low) + noise * (np.asarray(high) - np.asarray(low))
    return np.asarray(Image.fromarray(values.astype(np.uint8)).resize((96, 72), Image.Resampling.BICUBIC))


GREEN, RED = picture(1, (20, 60, 10), (120, 220, 90)), picture(2, (90, 10, 20), (240, 90, 80))


def made(**asked):
    run = prepare(GREEN, RED, **(QUICK | asked))
    return run.full_size(list(run)[-1].image)


def pixels(values):
    return from_array(values).pixels


def test_gray_has_the_luma_in_every_channel(uniform):
    image = uniform(1, 3, 5, 7)
    assert torch.allclose(gray(image), luminance(image).expand(1, 3, 5, 7))


def test_another_luminance_leaves_color_differences_alone_where_there_is_room(uniform):
    image, brightness = 0.4 + 0.1 * uniform(1, 3, 9, 9), 0.3 + 0.4 * uniform(1, 1, 9, 9)
    found = with_luminance(image, brightness)
    torch.testing.assert_close(found - luminance(found), image - luminance(image))
    torch.testing.assert_close(luminance(found), brightness)


def test_where_there_is_no_room_color_shrinks_as_a_whole(uniform):
    image, brightness = uniform(1, 3, 9, 9), uniform(1, 1, 9, 9)
    found = with_luminance(image, brightness)
    assert -1e-6 <= float(found.min()) <= float(found.max()) <= 1 + 1e-6
    torch.testing.assert_close(luminance(found), brightness)
    before, after = image - luminance(image), found - luminance(found)
    assert float((before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]).abs().max()) < 1e-6


def test_transported_colors_have_the_targets_amounts():
    image, target = pixels(GREEN), pixels(RED)
    found = transported(image, samples(image), samples(target))
    for channel in range(3):
        a, b = (torch.quantile(each[0, channel].flatten(), torch.linspace(0.05, 0.95, 10)) for each in (found, target))
        torch.testing.assert_close(a, b, rtol=0, atol=0.03)


def test_transported_to_colors_without_color_a_picture_has_none():
    image, target = pixels(GREEN), gray(pixels(RED))
    found = transported(image, samples(image), samples(target))
    print(f"channels differ by {255 * float((found.amax(1) - found.amin(1)).mean()):.2f} of 255 on average")
    assert float((found.amax(1) - found.amin(1)).max()) < 0.1 / 255


def test_samples_come_from_where_the_weight_is():
    image = torch.cat([torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)], 3)
    weight = torch.cat([torch.full((1, 1, 8, 8), 1.0), torch.full((1, 1, 8, 8), 3.0)], 3)
    assert float(samples(image, weight).mean()) == pytest.approx(0.75, abs=0.01)
    weight[..., :8] = 0
    assert torch.equal(samples(image, weight), torch.ones_like(samples(image)))


def test_in_the_contents_colors_mean_and_spread_are_the_photographs():
    found, own = moments(made(colors="content", iterations=30)), moments(pixels(GREEN))
    assert float((found.mean - own.mean).norm() / own.mean.norm()) < 0.02
    assert float((found.covariance - own.covariance).norm() / own.covariance.norm()) < 0.02


def test_luminance_alone_leaves_the_photographs_color_at_each_place():
    image, content = made(colors="luminance"), pixels(GREEN)
    change = (image - luminance(image)) - (content - luminance(content))
    inside = (image.amin(1) > 0.004) & (image.amax(1) < 0.996)
    assert float(change.abs().amax(1)[inside].mean()) < 1 / 255
    assert float((luminance(image) - luminance(content)).abs().mean()) > 0.002


def test_matched_in_the_end_the_colors_are_the_styles():
    found, style = moments(made(colors="match")), moments(pixels(RED))
    torch.testing.assert_close(found.mean, style.mean, rtol=0, atol=0.01)
    assert float((found.covariance - style.covariance).norm() / style.covariance.norm()) < 0.05


def test_at_no_strength_the_photograph_comes_back_in_its_own_colors():
    assert torch.allclose(made(colors="match", strength=0.0, levels=1), pixels(GREEN), atol=2e-3)


@pytest.mark.parametrize("colors", ["style", "histogram"])
def test_the_styles_colors_replace_the_photographs(colors):
    mean = made(colors=colors).mean((0, 2, 3))
    assert mean[0] > mean[1] + 0.15


def test_the_preset_palette_changes_colors_and_nothing_else():
    run = prepare(GREEN, RED, preset="palette", size=96, device="cpu")
    steps = list(run)
    assert len(steps) == 1
    assert torch.equal(steps[0].image, run.problem.initial(run.plan.levels[0]))
