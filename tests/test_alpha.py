"""What cannot be seen does not count: transparent pixels are neither style nor content."""

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from impasto.images import Picture
from impasto.sources import open_picture

SIDE = 96
RUN = {"preset": "fast", "size": SIDE, "iterations": 25}
Y, X = np.mgrid[0:SIDE, 0:SIDE]
PHOTO = np.stack([127 + 60 * np.sin(X / 9), 127 + 70 * np.cos(Y / 12), 127 + 50 * np.sin((X + Y) / 15)], -1).astype(
    "u1"
)
PAINT = np.array([[250, 40, 30], [20, 60, 240], [250, 220, 20]], np.uint8)[(X // 12 + Y // 8) % 3]


def on_canvas(pixels, top, left, side):
    """Pixels in the middle of nothing."""
    canvas = np.zeros((side, side, 4), np.uint8)
    height, width = pixels.shape[:2]
    canvas[top : top + height, left : left + width, :3] = pixels
    canvas[top : top + height, left : left + width, 3] = 255
    return Image.fromarray(canvas)


@pytest.mark.parametrize("level", [128, 1, 255])
def test_strength_zero_gives_half_transparent_colors_back(level):
    pixels = np.full((SIDE, SIDE, 4), (255, 255, 255, level), np.uint8)
    pixels[:, SIDE // 2 :, :3] = 0
    result = np.asarray(impasto.stylize(Image.fromarray(pixels), PAINT, strength=0, **RUN))
    assert np.array_equal(result, pixels if level < 255 else pixels[:, :, :3])


def test_a_style_on_a_transparent_canvas_is_the_style():
    alone = np.asarray(impasto.stylize(PHOTO, PAINT[:64, :64].copy(), **RUN))
    placed = np.asarray(impasto.stylize(PHOTO, on_canvas(PAINT[:64, :64], 70, 20, 200), **RUN))
    assert np.array_equal(alone, placed)


def test_strokes_on_a_transparent_canvas_do_not_become_fog():
    strokes = np.dstack([PAINT, ((X + 2 * Y) // 7 % 5 == 0) * np.uint8(255)]).astype(np.uint8)
    visible = PAINT[strokes[:, :, 3] > 0]
    result = np.asarray(impasto.stylize(PHOTO, Image.fromarray(strokes), **RUN)).reshape(-1, 3)
    assert (result.std(0) > 0.55 * visible.std(0)).all()


def test_a_photograph_in_a_transparent_canvas_is_as_if_alone():
    """Not burnt out: its colors vary as they do without the canvas."""
    canvas = on_canvas(PHOTO[:48, :48], 24, 24, SIDE)
    result = np.asarray(impasto.stylize(canvas, PAINT, **RUN))
    alone = np.asarray(impasto.stylize(PHOTO[:48, :48].copy(), PAINT, **RUN | {"size": 48})).reshape(-1, 3)
    seen = result[24:72, 24:72, :3].reshape(-1, 3)
    extreme = [float(((each < 3) | (each > 252)).mean()) for each in (seen, alone)]
    assert extreme[0] < extreme[1] + 0.1 and (np.abs(seen.std(0) - alone.std(0)) < 20).all()


def test_opaque_alpha_changes_nothing():
    opaque = np.dstack([PAINT, np.full((SIDE, SIDE), 255, np.uint8)])
    assert open_picture(Image.fromarray(opaque)).alpha is None


def test_a_picture_that_holds_alpha_is_not_changed_by_a_run():
    alpha = torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    picture = Picture(torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)), alpha)
    before = picture.pixels.clone(), alpha.clone()
    impasto.stylize(picture, PAINT, **RUN | {"iterations": 2})
    assert torch.equal(picture.pixels, before[0]) and torch.equal(alpha, before[1])
