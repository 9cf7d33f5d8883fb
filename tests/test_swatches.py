"""Swatches: the same bytes for the same seed, the same design at every size, and no two alike."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from itertools import combinations

import numpy as np
import pytest

from impasto import swatches
from impasto.errors import UnknownNameError, UsageError

every_swatch = pytest.mark.parametrize("name", swatches.names())
MANY_STROKES = {"pointillism", "pastel", "embroidery", "cubism"}  # as slow small as large
WIDTH, HEIGHT = 96, 72


@cache
def drawn(name: str, seed: int = 3, scale: int = 1) -> np.ndarray:
    return swatches.draw(name, width=WIDTH * scale, height=HEIGHT * scale, seed=seed)


def coarse_light(picture: np.ndarray) -> np.ndarray:
    """The luminance in a 24 x 32 grid of blocks."""
    light = picture @ np.array([0.299, 0.587, 0.114])
    height, width = light.shape
    return light.reshape(24, height // 24, 32, width // 32).mean(axis=(1, 3))


def character(picture: np.ndarray) -> np.ndarray:
    """What a style is in small: color and spread of color, and how much changes along x and y and over two pixels."""
    light = picture @ np.array([0.299, 0.587, 0.114])
    edges = [np.abs(np.diff(light, n, axis=axis)).mean() for n in (1, 2) for axis in (0, 1)]
    return np.array([*picture.mean(axis=(0, 1)), *picture.std(axis=(0, 1)), *edges])


@every_swatch
def test_the_same_seed_gives_the_same_bytes_and_leaves_global_randomness_alone(name):
    before = np.random.get_state()[1].tobytes()
    again = swatches.draw(name, width=WIDTH, height=HEIGHT, seed=3)
    assert again.shape == (HEIGHT, WIDTH, 3)
    assert again.dtype == np.uint8
    assert np.array_equal(again, drawn(name))
    assert np.random.get_state()[1].tobytes() == before


@every_swatch
def test_another_seed_gives_another_picture(name):
    one, other = coarse_light(drawn(name)), coarse_light(drawn(name, seed=4))
    assert np.abs(one - other).mean() > 12  # measured: 20 to 59 of 255; two sizes of one design differ by at most 9
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] < 0.75


@every_swatch
def test_another_size_shows_the_same_design(name):
    small, large = coarse_light(drawn(name)), coarse_light(drawn(name, scale=2))
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.9  # measured: 0.94 (fine engraved lines) to 1.00
    assert np.abs(small - large).mean() < 12


@pytest.mark.parametrize("name", [name for name in swatches.names() if name not in MANY_STROKES])
@pytest.mark.parametrize(("width", "height"), [(16, 16), (61, 97), (161, 16)])
def test_any_size_and_shape_can_be_drawn(name, width, height):
    picture = swatches.draw(name, width=width, height=height, seed=5)
    assert picture.shape == (height, width, 3)
    assert picture.dtype == np.uint8


@every_swatch
def test_a_swatch_has_light_and_dark_and_detail_at_every_place(name):
    picture = drawn(name, scale=2)
    light = picture @ np.array([0.299, 0.587, 0.114])
    assert light.std() > 20
    blocks = light.reshape(6, -1, 8, light.shape[1] // 8).std(axis=(1, 3))
    assert blocks.min() > 1.5  # not one flat block: even bare paper has its grain


def test_no_two_swatches_have_the_same_character():
    seen = {name: character(drawn(name)) for name in swatches.names()}
    apart = {(a, b): np.abs(seen[a] - seen[b]).max() for a, b in combinations(seen, 2)}
    assert min(apart.values()) > 8, min(apart, key=apart.get)  # measured: 13 of 255


def test_the_quarter_megapixel_default_is_512_by_384():
    assert swatches.draw("ink-wash").shape == (384, 512, 3)


def test_there_are_at_least_ten_and_each_is_described_on_one_line():
    assert len(swatches.names()) >= 10
    assert len(set(swatches.names())) == len(swatches.names())
    for name in swatches.names():
        line = swatches.describe(name)
        assert 20 < len(line) < 110
        assert "\n" not in line


@pytest.mark.parametrize("ask", [swatches.draw, swatches.describe])
def test_an_unknown_name_is_answered_with_the_closest_and_all_choices(ask):
    with pytest.raises(UnknownNameError, match="Unknown swatch 'brushstroke'; the closest is 'brushstrokes'") as caught:
        ask("brushstroke")
    assert caught.value.choices == swatches.names()


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ({"width": 15}, "width is 15 but a swatch is drawn at 16 to 3072 pixels per side; choose a width"),
        ({"height": 0}, "height is 0 but"),
        ({"height": -5}, "height is -5 but"),
        ({"width": 100_000}, "width is 100000 but"),
        ({"seed": -1}, "seed is -1 but a seed is never negative; choose 0 or more"),
    ],
)
def test_a_size_or_seed_that_cannot_be_drawn_is_refused_in_plain_words(size, message):
    with pytest.raises(UsageError, match=message):
        swatches.draw("mosaic", **size)


def test_listing_names_and_descriptions_does_not_wait_for_numpy():
    code = (
        "import sys; from impasto import swatches; [swatches.describe(n) for n in swatches.names()]; "
        "sys.exit(any(m in sys.modules for m in ('numpy', 'PIL', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
