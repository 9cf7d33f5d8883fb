"""Sizes, and changing them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from image_files import (
    smooth,
)
from PIL import Image

from impasto.errors import UsageError
from impasto.images import (
    resize,
    size_for,
    to_pil,
)


def test_size_for_keeps_the_shape_of_the_picture() -> None:
    assert size_for(480, 640, 320) == (240, 320)
    assert size_for(640, 480, 320) == (320, 240)
    assert size_for(100, 100, 7) == (7, 7)
    assert size_for(3, 2, 1) == (1, 1)
    assert size_for(1, 5000, 100) == (1, 100)
    assert size_for(333, 500, 256) == (170, 256)
    assert size_for(5, 10, 25) == (13, 25)  # halves go up
    with pytest.raises(UsageError, match="size is 0"):
        size_for(4, 4, 0)


def test_resize_is_the_identity_at_the_same_size() -> None:
    image = smooth()
    assert torch.equal(resize(image, 48, 64), image)


def test_resize_keeps_flat_colors_and_stays_in_range() -> None:
    flat = torch.full((1, 3, 9, 7), 0.3)
    for height, width in [(1, 1), (4, 20), (31, 5)]:
        resized = resize(flat, height, width)
        assert resized.shape == (1, 3, height, width)
        assert torch.allclose(resized, torch.tensor(0.3), atol=1e-6)
    edge = torch.zeros(1, 3, 8, 8)
    edge[..., 4:] = 1
    assert (
        resize(edge, 64, 64).min() == 0 and resize(edge, 64, 64).max() == 1
    )  # the filter overshoots; the result must not
    with pytest.raises(UsageError, match="at least 1"):
        resize(flat, 0, 4)


def test_resize_averages_fine_stripes_instead_of_picking_some() -> None:
    stripes = torch.zeros(1, 3, 64, 64)
    stripes[..., ::2] = 1
    assert (resize(stripes, 16, 16) - 0.5).abs().max() < 0.05


def test_resize_agrees_with_pillow() -> None:
    image = smooth()
    theirs = to_pil(image).resize((23, 31), Image.Resampling.BICUBIC)
    ours = np.asarray(to_pil(resize(image, 31, 23)))
    assert np.abs(ours.astype(int) - np.asarray(theirs)).max() <= 1
