"""Arrays -> pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from image_files import (
    colors,
)
from PIL import Image

from impasto.errors import UsageError
from impasto.images import (
    from_array,
    from_pil,
)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[0, 255]], np.uint8), 1.0),
        (np.array([[0, 65535]], np.uint16), 1.0),
        (np.array([[0, 65535]], ">u2"), 1.0),
        (np.array([[0, 0.25]]), 0.25),
        (np.array([[0, 0.25]], np.float16), 0.25),
    ],
)
def test_arrays_of_every_accepted_type(array: np.ndarray, expected: float) -> None:
    pixels = from_array(array).pixels
    assert pixels.dtype == torch.float32 and pixels.is_contiguous()
    assert pixels[0, :, 0].tolist() == [[0, expected]] * 3


def test_an_array_and_a_pil_image_agree_and_the_input_is_not_touched() -> None:
    array = colors()
    picture = from_array(array)
    assert torch.equal(picture.pixels, from_pil(Image.fromarray(array)).pixels)
    picture.pixels.zero_()
    assert np.array_equal(array, colors())


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2, 2)),
        np.zeros(4),
        np.zeros((0, 3)),
        np.zeros((2, 2), np.int32),
        np.full((2, 2), 255.0),
        np.full((2, 2), np.nan),
    ],
)
def test_arrays_of_other_kinds_are_refused(array: np.ndarray) -> None:
    with pytest.raises(UsageError, match="must"):
        from_array(array)
