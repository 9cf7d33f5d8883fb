"""Reconstructions: how much of a picture each layer knows, and what is refused."""

import math

import pytest
import torch

from impasto.errors import ImpastoError, UnknownNameError, UsageError
from impasto.painter import prepare_reconstruction, reconstruct
from impasto.sources import open_picture

PICTURE = open_picture("swatch:stained-glass", size=64)
QUICK = {"iterations": 60, "device": "cpu"}


def run(image=PICTURE, **settings):
    return list(prepare_reconstruction(image, **(QUICK | settings)))


def psnr(a, b):
    return -10 * math.log10(float((a.clamp(0, 1) - b).square().mean()) + 1e-12)


def reduction(steps, term):
    return 1 - steps[-1].terms[term] / steps[0].terms[term]


def test_the_first_layer_gives_the_picture_back():
    steps = run(layers=("relu1_1",), iterations=150)
    assert reduction(steps, "content/relu1_1") > 0.999
    assert psnr(steps[-1].image, PICTURE.pixels) > 30


def test_deeper_layers_know_less_of_the_pixels():
    layers = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
    ratios = [psnr(run(layers=(layer,), iterations=30)[-1].image, PICTURE.pixels) for layer in layers]
    assert ratios == sorted(ratios, reverse=True)


@pytest.mark.parametrize("count", [1, 3])
def test_gram_matrices_come_back_and_the_arrangement_does_not(count):
    layers = ("relu1_1", "relu2_1", "relu3_1")[:count]
    steps = run(representation="style", layers=layers, iterations=150)
    assert all(reduction(steps, f"style/{layer}") > 0.99 for layer in layers)
    assert psnr(steps[-1].image, PICTURE.pixels) < 20


def test_it_begins_with_the_authors_noise_or_more():
    for noise in (1 / 255, 0.25):
        run = prepare_reconstruction(PICTURE, noise=noise, **QUICK)
        start = run.problem.initial(run.plan.levels[0])
        assert float(start.std()) == pytest.approx(noise, rel=0.05)
        assert float(start.mean()) == pytest.approx(0.5, abs=0.02)


def test_only_what_was_asked_for_is_minimised():
    assert set(run(layers=("relu2_1=3", "relu3_1"), iterations=1)[0].terms) == {
        "content/relu2_1",
        "content/relu3_1",
        "range",
    }
    assert len(prepare_reconstruction(PICTURE).plan.levels) == 1


def test_one_call_gives_a_picture():
    assert reconstruct(PICTURE, layers=("relu1_1",), iterations=2, device="cpu").size == (64, 48)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"layers": ("relu6_1",)}, UnknownNameError, "Unknown layer 'relu6_1' for vgg19"),
        ({"representation": "colour"}, UnknownNameError, "content, style"),
        ({"noise": -1}, UsageError, "noise is -1; it goes from 0 to 1"),
        ({"size": 0}, UsageError, "size is 0; it must be at least 1"),
        ({"size": 12, "layers": ("relu5_1",)}, UsageError, "needs at least"),
    ],
)
def test_what_cannot_be_is_refused(settings, error, message):
    with pytest.raises(error, match=message):
        run(**settings)


def test_a_layer_the_preset_does_not_know_is_no_excuse():
    with pytest.raises(ImpastoError, match="closest is 'relu4_2'"):
        run(layers=("relu4_22",))


def test_a_picture_that_is_all_noise_can_be_looked_at():
    noise = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    assert torch.isfinite(run(noise, representation="style", iterations=5)[-1].image).all()
