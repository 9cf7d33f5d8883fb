"""Files -> pictures: formats, modes, orientation."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from image_files import (
    as_bytes,
    encoded,
    gray_tiff,
    smooth,
    tiff,
)
from PIL import Image, features

from impasto.images import (
    from_pil,
    load_image,
    to_pil,
)


@pytest.mark.parametrize("format_name", ["PNG", "TIFF", "BMP", "GIF", "WEBP", "JPEG", "AVIF"])
def test_every_format_is_read(format_name: str) -> None:
    if format_name == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    image = to_pil(smooth())
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 98}, "AVIF": {"quality": 98}}.get(format_name, {})
    if format_name == "GIF":
        image = image.quantize(255, dither=Image.Dither.NONE)
    picture = load_image(encoded(image, format_name, **options))
    assert picture.pixels.shape == (1, 3, 48, 64)
    assert picture.pixels.dtype == torch.float32 and picture.pixels.is_contiguous()
    assert picture.alpha is None and picture.notes == ()
    tolerance = 8 if format_name in ("JPEG", "AVIF") else 0
    assert np.abs(as_bytes(picture).astype(int) - np.asarray(image.convert("RGB"))).max() <= tolerance


def test_heif_is_read_when_its_reader_is_installed() -> None:
    heif = pytest.importorskip("pillow_heif")
    image = to_pil(smooth())
    buffer = io.BytesIO()
    heif.from_pillow(image).save(buffer, quality=98, chroma=444)
    picture = load_image(buffer)
    assert np.abs(as_bytes(picture).astype(int) - np.asarray(image)).max() <= 8


@pytest.mark.parametrize(
    ("mode", "fill", "expected"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 77, (77, 77, 77)),
        ("P", 0, (0, 0, 0)),
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("RGBX", (1, 2, 3, 0), (1, 2, 3)),
        ("CMYK", (0, 255, 255, 0), (255, 0, 0)),
        ("CMYK", (0, 0, 0, 255), (0, 0, 0)),
        ("YCbCr", (128, 128, 128), (128, 128, 128)),
        ("HSV", (0, 255, 255), (255, 0, 0)),
        ("LAB", (255, 128, 128), (255, 255, 255)),
        ("I", 65535, (255, 255, 255)),
        ("I", 32896, (128, 128, 128)),
        ("I;16", 32896, (128, 128, 128)),
        ("I;16B", 32896, (128, 128, 128)),
        ("F", 0.2, (51, 51, 51)),
        ("LA", (50, 255), (50, 50, 50)),
        ("La", (50, 255), (50, 50, 50)),
        ("RGBA", (9, 8, 7, 255), (9, 8, 7)),
        ("RGBa", (9, 8, 7, 255), (9, 8, 7)),
        ("PA", (0, 255), (0, 0, 0)),
    ],
)
def test_every_mode_of_pil_is_understood(mode: str, fill: object, expected: tuple[int, ...]) -> None:
    picture = from_pil(Image.new(mode, (5, 4), fill))
    assert picture.pixels.shape == (1, 3, 4, 5) and picture.alpha is None
    tolerance = 1 if mode == "LAB" else 0
    assert np.abs(as_bytes(picture)[0, 0].astype(int) - expected).max() <= tolerance


def test_sixteen_bit_gray_keeps_its_depth() -> None:
    values = np.arange(0, 65536, 257 // 2, dtype=np.uint16).reshape(2, -1)
    picture = load_image(encoded(Image.fromarray(values), "PNG"))
    assert torch.allclose(picture.pixels[0, 0], torch.from_numpy(values / 65535).float(), atol=1e-7)
    assert picture.pixels.unique().numel() == values.size


@pytest.mark.parametrize(("photometric", "expected"), [(1, 0.25), (0, 0.75)])
def test_white_may_be_zero_in_a_sixteen_bit_tiff(photometric: int, expected: float) -> None:
    picture = load_image(gray_tiff(np.full((3, 4), 16384, dtype="<u2"), 16, photometric))
    assert picture.pixels.mean().item() == pytest.approx(expected, abs=1e-4)


def test_gray_beyond_the_known_ranges_is_scaled_not_clipped() -> None:
    picture = from_pil(Image.fromarray(np.array([[0.0, 127.5, 255.0]], dtype=np.float32)))
    assert picture.pixels[0, 0, 0].tolist() == [0, 0.5, 1]
    assert "from 0 to 255" in picture.notes[0]
    picture = from_pil(Image.fromarray(np.array([[-(2**20), 0, 2**20]], dtype=np.int32)))
    assert picture.pixels[0, 0, 0].tolist() == [0, 0.5, 1]
    picture = from_pil(Image.fromarray(np.array([[np.nan, np.inf, 0.5]], dtype=np.float32)))
    assert picture.alpha is not None and picture.alpha.flatten().tolist() == [0, 0, 1]
    assert picture.pixels.unique().tolist() == [0.5] and "pixels without a value are transparent: 2" in picture.notes


def test_a_dark_deep_image_is_not_brightened_but_told() -> None:
    picture = from_pil(Image.fromarray(np.full((2, 2), 694, dtype=np.uint16)))
    assert picture.pixels.max().item() == pytest.approx(694 / 65535)
    assert "very dark" in picture.notes[0]


def test_only_the_first_frame_or_page_is_used() -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    for format_name, word in [("GIF", "frame"), ("PNG", "frame"), ("WEBP", "frame"), ("TIFF", "page")]:
        options = {"lossless": True} if format_name == "WEBP" else {}
        file = encoded(frames[0], format_name, save_all=True, append_images=frames[1:], **options)
        picture = load_image(file)
        assert as_bytes(picture)[0, 0].tolist() == [255, 0, 0]
        assert len(picture.notes) == 1 and f"only the first {word} is used" in picture.notes[0]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_applied(orientation: int, format_name: str) -> None:
    upright = to_pil(smooth(16, 24))
    stored = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = upright if orientation == 1 else upright.transpose(stored[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(format_name, {})
    picture = load_image(encoded(image, format_name, exif=exif, **options))
    assert picture.pixels.shape[2:] == (16, 24)
    assert np.abs(as_bytes(picture).astype(int) - np.asarray(upright)).max() <= 3


@pytest.mark.parametrize("block", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0nonsense", b"\0" * 9])
def test_broken_exif_does_not_stop_the_picture(block: bytes) -> None:
    picture = load_image(encoded(Image.new("RGB", (6, 3), "red"), "JPEG", exif=block))
    assert picture.pixels.shape[2:] == (3, 6)


def test_lab_tiff_comes_right() -> None:
    # L* 53.24, a* 80.09, b* 67.20 is sRGB red; in the file a* and b* are signed bytes
    lab = bytes([round(53.24 * 2.55), 80, 67])
    tags = {256: 4, 257: 4, 259: 1, 262: 8, 277: 3, 278: 4, 279: 48}
    file = tiff({tag: (4, 1, value) for tag, value in tags.items()} | {258: (3, 1, 8)}, lab * 16)
    picture = load_image(file)
    assert np.abs(as_bytes(picture)[0, 0].astype(int) - [255, 0, 0]).max() <= 12


def test_cmyk_jpeg_comes_right() -> None:
    inks = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    picture = load_image(encoded(inks, "JPEG", quality=100))
    assert np.abs(as_bytes(picture)[0, 0].astype(int) - [0, 255, 255]).max() <= 3
