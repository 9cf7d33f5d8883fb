"""What is transparent, and what is put behind it."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from image_files import (
    as_bytes,
    encoded,
    png,
)
from PIL import Image

from impasto.images import (
    encode_image,
    from_array,
    from_pil,
    load_image,
)


def test_transparent_pixels_get_the_mean_of_the_visible_colors() -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, 0] = (200, 0, 0, 255)
    pixels[0, 1] = (0, 100, 0, 255)
    pixels[1, 0] = (13, 250, 99, 0)  # what hides under transparency does not count
    picture = from_array(pixels)
    assert as_bytes(picture).tolist() == [[[200, 0, 0], [0, 100, 0]], [[100, 50, 0], [100, 50, 0]]]
    assert picture.alpha is not None and picture.alpha[0, 0].tolist() == [[1, 1], [0, 0]]


def test_half_transparent_pixels_keep_their_colors_and_weigh_half() -> None:
    pixels = np.array([[[255, 255, 255, 255], [0, 0, 0, 51], [9, 9, 9, 0]]], np.uint8)
    picture = from_array(pixels)
    assert picture.pixels[0, 0, 0].tolist() == pytest.approx([1, 0, 1 / 1.2], abs=1e-6)


@pytest.mark.parametrize("extension", [".png", ".webp", ".tif", ".avif"])
def test_half_transparent_colors_are_written_as_they_were_read(extension: str) -> None:
    levels = np.full((16, 32, 4), (255, 255, 255, 128), np.uint8)
    levels[:, 16:, :3] = 0
    picture = load_image(encoded(Image.fromarray(levels), "PNG"))
    again = load_image(encode_image(picture.pixels, extension, alpha=picture.alpha, quality=100))
    assert again.alpha is not None and (again.alpha * 255 - 128).abs().max() < 1
    assert (as_bytes(again)[:, :12] >= 254).all() and (as_bytes(again)[:, 20:] <= 1).all()


def test_an_image_that_is_transparent_everywhere_is_gray() -> None:
    picture = from_pil(Image.new("RGBA", (3, 3), (255, 0, 0, 0)))
    assert picture.pixels.unique().tolist() == [0.5]
    assert picture.alpha is not None and not picture.alpha.any()
    assert "transparent everywhere" in picture.notes[0]


def test_palettes_with_transparency() -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([0, 1, 2])
    for transparency, expected in [(2, [1, 1, 0]), (bytes([255, 0, 51]), [1, 0, 0.2])]:
        picture = load_image(encoded(image, "PNG", transparency=transparency))
        assert picture.alpha is not None and picture.alpha.flatten().tolist() == pytest.approx(expected)
        assert as_bytes(picture)[0, 0].tolist() == [255, 0, 0]
    picture = load_image(encoded(image, "GIF", transparency=1))
    assert picture.alpha is not None and picture.alpha.flatten().tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("depth", "color", "row", "key", "expected"),
    [
        (1, 0, b"\x50", struct.pack(">H", 1), [1, 0, 1, 0]),
        (2, 0, b"\x1b", struct.pack(">H", 2), [1, 1, 0, 1]),
        (4, 0, b"\x01\x23", struct.pack(">H", 3), [1, 1, 1, 0]),
        (8, 0, bytes([9, 8, 7, 6]), struct.pack(">H", 8), [1, 0, 1, 1]),
        (16, 0, struct.pack(">4H", 1, 300, 301, 4), struct.pack(">H", 300), [1, 0, 1, 1]),
        (8, 2, bytes([1, 2, 3, 1, 2, 4] * 2), struct.pack(">3H", 1, 2, 4), [1, 0, 1, 0]),
        (16, 2, struct.pack(">12H", *[9999] * 3, *[1, 2, 3] * 3), struct.pack(">3H", *[9999] * 3), [0, 1, 1, 1]),
    ],
)
def test_color_keys_of_png(depth: int, color: int, row: bytes, key: bytes, expected: list[int]) -> None:
    picture = load_image(png(4, 1, depth, color, b"\0" + row, (b"tRNS", key)))
    assert picture.alpha is not None and picture.alpha.flatten().tolist() == expected


def test_premultiplied_alpha_is_divided_out() -> None:
    picture = from_pil(Image.new("RGBa", (2, 2), (100, 50, 0, 128)))
    assert np.abs(as_bytes(picture)[0, 0].astype(int) - [199, 100, 0]).max() <= 1


def test_a_picture_is_cropped_to_what_is_visible() -> None:
    pixels = np.zeros((6, 8, 4), np.uint8)
    pixels[2:4, 3:7] = (10, 20, 30, 200)
    picture = from_array(pixels).cropped()
    assert picture.pixels.shape == (1, 3, 2, 4) and picture.alpha is not None and picture.alpha.shape == (1, 1, 2, 4)
    nothing = from_array(np.zeros((2, 2, 4), np.uint8))
    assert nothing.cropped() is nothing
