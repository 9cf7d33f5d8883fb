"""Files <-> tensors: every kind of file comes out right or is refused in plain words; every result is written whole."""

from __future__ import annotations

import io
import os
import random
import stat
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, features

from impasto.errors import ImageError, ImpastoError, MissingFileError, OutputError, UsageError
from impasto.images import (
    READABLE_FORMATS,
    WRITABLE_FORMATS,
    Picture,
    check_output,
    from_array,
    from_pil,
    load_image,
    resize,
    save_image,
    size_for,
    to_pil,
)

AWKWARD = Path(__file__).parents[2] / "shared" / "images" / "awkward"
LOSSLESS = (".png", ".tif", ".tiff", ".bmp")


def colors(height: int = 12, width: int = 17) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(height: int = 48, width: int = 64) -> torch.Tensor:
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    return torch.stack([x, y, 1 - x])[None]


def encoded(image: Image.Image, format_name: str, **options: object) -> io.BytesIO:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    buffer.seek(0)
    return buffer


def as_bytes(picture: Picture) -> np.ndarray:
    """(H, W, 3) levels of a picture's pixels."""
    return np.asarray(to_pil(picture.pixels))


def png(width: int, height: int, depth: int, color: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> io.BytesIO:
    """A PNG file from its raw rows, each with its filter byte: for kinds of PNG that Pillow does not write."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts)
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + body)


def tiff(tags: dict[int, tuple[int, int, int]], data: bytes) -> io.BytesIO:
    """A little-endian TIFF file with one strip, from tag -> (type, count, value)."""
    offset = 8 + 2 + 12 * (len(tags) + 1) + 4
    entries = sorted({**tags, 273: (4, 1, offset)}.items())
    directory = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in entries)
    return io.BytesIO(b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + directory + b"\0\0\0\0" + data)


def gray_tiff(values: np.ndarray, bits: int, photometric: int) -> io.BytesIO:
    height, width = values.shape
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 277: 1, 278: height, 279: values.nbytes}
    return tiff({tag: (4, 1, value) for tag, value in tags.items()}, values.tobytes())


def swapped_profile() -> bytes:
    """An RGB profile that calls red green and green red: its effect cannot be missed."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"tmp!").replace(b"gXYZ", b"rXYZ").replace(b"tmp!", b"gXYZ")


def linear_gray_profile() -> bytes:
    """A gray profile with gamma 1."""
    white = b"XYZ \0\0\0\0" + struct.pack(">iii", 63190, 65536, 54061)
    tags = [(b"wtpt", white), (b"kTRC", b"curv\0\0\0\0\0\0\0\0")]
    start = 128 + 4 + 12 * len(tags)
    table, body = b"", b""
    for name, data in tags:
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data
    size = struct.pack(">I", start + len(body))
    header = size + b"\0\0\0\0\2\x10\0\0mntrGRAYXYZ " + b"\0" * 12 + b"acsp" + b"\0" * 28
    header += struct.pack(">iii", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


# Reading: formats and modes


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


def test_sixteen_bit_color_is_right_to_eight_bits() -> None:
    values = np.random.default_rng(1).integers(0, 65536, (6, 5, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    picture = load_image(png(5, 6, 16, 2, rows))
    assert np.abs(picture.pixels[0].numpy() - values.transpose(2, 0, 1) / 65535).max() < 1 / 255


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
    assert picture.pixels[0, 0, 0].tolist() == [0, 1, 0.5]


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


# Reading: orientation and color


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


def test_a_color_profile_is_applied() -> None:
    for image in (Image.new("RGB", (4, 4), "red"), Image.new("RGB", (4, 4), "red").quantize(4)):
        picture = load_image(encoded(image, "PNG", icc_profile=swapped_profile()))
        assert as_bytes(picture)[0, 0].tolist() == [0, 255, 0]
        assert picture.notes == ()


def test_a_color_profile_leaves_alpha_alone() -> None:
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 128))
    picture = load_image(encoded(image, "PNG", icc_profile=swapped_profile()))
    assert as_bytes(picture)[0, 0].tolist() == [0, 255, 0]
    assert picture.alpha is not None and picture.alpha.unique().tolist() == pytest.approx([128 / 255])


def test_our_own_profile_changes_nothing(tmp_path: Path) -> None:
    every = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    save_image(from_array(every).pixels, tmp_path / "a.png")
    assert np.array_equal(as_bytes(load_image(tmp_path / "a.png")), every)


@pytest.mark.parametrize("profile", [b"nonsense", b"\0" * 200, swapped_profile()[:150], linear_gray_profile()])
def test_a_profile_that_cannot_be_used_is_ignored_and_told(profile: bytes) -> None:
    picture = load_image(encoded(Image.new("RGB", (4, 4), (200, 100, 50)), "PNG", icc_profile=profile))
    assert as_bytes(picture)[0, 0].tolist() == [200, 100, 50]
    assert len(picture.notes) == 1 and "profile" in picture.notes[0] and "sRGB assumed" in picture.notes[0]


def test_a_gray_profile_is_a_curve_at_any_depth() -> None:
    expected = 1.055 * 0.5 ** (1 / 2.4) - 0.055
    for values in (np.full((3, 3), 128, np.uint8), np.full((3, 3), 32768, np.uint16)):
        picture = load_image(encoded(Image.fromarray(values), "PNG", icc_profile=linear_gray_profile()))
        assert picture.notes == ()
        assert picture.pixels.mean().item() == pytest.approx(expected, abs=0.004)


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


# Reading: transparency


def test_transparent_pixels_get_the_mean_of_the_visible_colors() -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, 0] = (200, 0, 0, 255)
    pixels[0, 1] = (0, 100, 0, 255)
    pixels[1, 0] = (13, 250, 99, 0)  # what hides under transparency does not count
    picture = from_array(pixels)
    assert as_bytes(picture).tolist() == [[[200, 0, 0], [0, 100, 0]], [[100, 50, 0], [100, 50, 0]]]
    assert picture.alpha is not None and picture.alpha[0, 0].tolist() == [[1, 1], [0, 0]]


def test_half_transparent_pixels_are_composited_and_weigh_half() -> None:
    pixels = np.array([[[255, 255, 255, 255], [0, 0, 0, 51]]], np.uint8)
    picture = from_array(pixels)
    mean = 1 / 1.2
    assert picture.pixels[0, 0, 0].tolist() == pytest.approx([1, mean * 0.8], abs=1e-6)


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


# Reading: refusals


def refused(source: object, kind: type[ImpastoError] = ImageError, **options: int) -> str:
    with pytest.raises(kind) as caught:
        load_image(source, **options)  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"Dear friend,\nhere is the photo\n", "is a text file"),
        ("Grüße aus dem Süden".encode(), "is a text file"),
        (b"\n<!DOCTYPE html><html>", "is an HTML page"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "is an SVG drawing"),
        (b"8BPS\0\1", "is a Photoshop file"),
        (b"\0\0\1\0\1\0", "is a Windows icon"),
        (b"SIMPLE  =                    T", "is a FITS file"),
        (b"P4\n128 128\n", "is a Netpbm image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "is a PostScript file"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "is a video"),
        (bytes(range(128, 255)), "is in no known image format"),
        (b"\x89PNG\r\n\x1a\n and no more", "truncated or damaged"),
        (b"\xff\xd8\xff\xe0", "truncated or damaged"),
        (b"GIF89a", "truncated or damaged"),
        (b"BM", "truncated or damaged"),
        (b"II*\0\xff\xff\xff\xff", "truncated or damaged"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "truncated or damaged"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "truncated or damaged"),
    ],
)
def test_what_is_no_image_is_named_for_what_it_is(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(content)
    message = refused(file)
    assert message.startswith(f"{file} ") and words in message


def test_the_refusal_of_a_format_names_those_accepted(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"8BPS\0\1")
    message = refused(tmp_path / "a.png")
    assert all(name in message for name in READABLE_FORMATS)


def test_the_extension_does_not_matter(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2), "red").save(tmp_path / "a.jpg", "PNG")
    assert as_bytes(load_image(str(tmp_path / "a.jpg")))[0, 0].tolist() == [255, 0, 0]


def test_missing_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "Starry Night.JPG").touch()
    assert "Did you mean" in refused(tmp_path / "starry night.jpg", MissingFileError)
    assert "Starry Night.JPG" in refused(tmp_path / "starynight.jpg", MissingFileError)
    assert "Check the name" in refused(tmp_path / "quite different", MissingFileError)
    assert "there is no folder" in refused(tmp_path / "none" / "a.jpg", MissingFileError)
    assert "is a folder" in refused(tmp_path, MissingFileError)
    assert "There is no file" in refused("null\0byte", MissingFileError)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind this user")
def test_no_permission(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.touch(mode=0o000)
    assert "Permission denied" in refused(file)
    try:
        tmp_path.chmod(0o500)
        with pytest.raises(OutputError, match="no permission"):
            check_output(tmp_path / "b.png")
        tmp_path.chmod(0o000)
        assert "Permission denied" in refused(file)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("format_name", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_truncated_files_are_refused(format_name: str) -> None:
    whole = encoded(Image.fromarray(colors(64, 64)), format_name).getvalue()
    assert "damaged" in refused(io.BytesIO(whole[: len(whole) // 2]))


def test_large_images_are_refused_before_they_are_decoded() -> None:
    message = refused(png(40_000, 30_000, 8, 2, b""))
    assert "40000x30000 = 1,200,000,000 pixels" in message or "1,200,000,000 pixels" in message
    assert "100,000,000" in message and "--max-pixels" in message
    assert "12x10 = 120 pixels; the limit is 119" in refused(encoded(Image.new("L", (12, 10)), "PNG"), max_pixels=119)
    assert load_image(encoded(Image.new("L", (12, 10)), "PNG"), max_pixels=120).pixels.shape[2:] == (10, 12)


def test_the_limit_can_be_raised_above_that_of_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert load_image(encoded(Image.new("L", (30, 30)), "PNG"), max_pixels=900).pixels.shape[2:] == (30, 30)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_nothing_of_pillow_or_of_warnings_is_changed_for_good() -> None:
    before = (Image.MAX_IMAGE_PIXELS, list(warnings.filters))
    load_image(encoded(Image.new("L", (3, 3)), "PNG"))
    refused(io.BytesIO(b"GIF89a"))
    assert (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before


def test_streams_stay_open_and_pipes_are_read() -> None:
    file = encoded(Image.new("RGB", (3, 2), "blue"), "PNG")
    for _ in range(2):
        assert as_bytes(load_image(file))[0, 0].tolist() == [0, 0, 255]
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(file.getvalue())
    with os.fdopen(reader, "rb") as stream:
        assert load_image(stream).pixels.shape[2:] == (2, 3)


def test_many_threads_may_read() -> None:
    data = encoded(Image.fromarray(colors()), "PNG").getvalue()
    results: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: results.append(as_bytes(load_image(io.BytesIO(data))))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8 and all(np.array_equal(result, colors()) for result in results)


def test_a_damaged_pil_image_is_an_image_error() -> None:
    data = encoded(Image.fromarray(colors()), "PNG").getvalue()
    with pytest.raises(ImageError, match="unreadable"):
        from_pil(Image.open(io.BytesIO(data[:200])))


# Arrays


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


# Writing


def test_levels_are_rounded_clamped_and_survive_the_round_trip() -> None:
    levels = torch.arange(256, dtype=torch.float32) / 255
    for offset in (-0.49, 0, 0.49):
        image = (levels + offset / 255).reshape(1, 1, 16, 16).expand(1, 3, 16, 16)
        assert np.asarray(to_pil(image))[:, :, 0].flatten().tolist() == list(range(256))
    wild = torch.tensor([-1.0, 2.0, float("nan")]).reshape(1, 1, 1, 3).expand(1, 3, 1, 3)
    assert np.asarray(to_pil(wild))[0, :, 0].tolist() == [0, 255, 0]


@pytest.mark.parametrize("extension", [*WRITABLE_FORMATS, ".PNG", ".Jpg"])
def test_every_writable_format_is_written_and_read_back(tmp_path: Path, extension: str) -> None:
    if extension == ".avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    image = smooth()
    save_image(image, tmp_path / f"a{extension}")
    with Image.open(tmp_path / f"a{extension}") as file:
        assert file.format == WRITABLE_FORMATS[extension.lower()]
        assert ("icc_profile" in file.info) == (file.format != "BMP")
    tolerance = 0.5 / 255 if extension in LOSSLESS else 8 / 255
    assert (load_image(tmp_path / f"a{extension}").pixels - image).abs().max() <= tolerance + 1e-6
    assert [file.name for file in tmp_path.iterdir()] == [f"a{extension}"]


def test_the_embedded_profile_is_srgb_and_the_file_is_the_same_every_time(tmp_path: Path) -> None:
    save_image(smooth(), tmp_path / "a.png")
    save_image(smooth(), tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as file:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(file.info["icc_profile"]))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
    assert profile.profile.creation_date is not None and profile.profile.creation_date.year == 2000


def test_jpeg_keeps_the_full_resolution_of_color(tmp_path: Path) -> None:
    stripes = torch.zeros(1, 3, 32, 32)
    stripes[:, 0, :, ::2] = 1
    stripes[:, 2, :, 1::2] = 1
    save_image(stripes, tmp_path / "a.jpg")
    assert (load_image(tmp_path / "a.jpg").pixels - stripes).abs().max() < 0.1


def test_noise_is_encoded_at_any_quality(tmp_path: Path) -> None:
    noise = torch.rand(1, 3, 300, 400, generator=torch.Generator().manual_seed(0))
    for quality in (1, 100):
        for extension in (".jpg", ".webp"):
            save_image(noise, tmp_path / f"a{extension}", quality=quality, force=True)
            assert load_image(tmp_path / f"a{extension}").pixels.shape == noise.shape
    with pytest.raises(UsageError, match="quality is 101"):
        save_image(noise, tmp_path / "b.jpg", quality=101)


@pytest.mark.parametrize("extension", [".png", ".webp", ".tif", ".avif"])
def test_alpha_is_kept_where_the_format_has_it(tmp_path: Path, extension: str) -> None:
    if extension == ".avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    alpha = torch.linspace(0, 1, 64).expand(1, 1, 48, 64)
    save_image(smooth(), tmp_path / f"a{extension}", alpha=alpha)
    read = load_image(tmp_path / f"a{extension}").alpha
    assert read is not None and (read - alpha).abs().max() < 3 / 255


@pytest.mark.parametrize("extension", [".jpg", ".bmp"])
def test_alpha_becomes_white_where_the_format_has_none(tmp_path: Path, extension: str) -> None:
    alpha = torch.zeros(1, 1, 16, 32)
    alpha[..., 16:] = 1
    save_image(torch.zeros(1, 3, 16, 32), tmp_path / f"a{extension}", alpha=alpha)
    pixels = as_bytes(load_image(tmp_path / f"a{extension}"))
    assert pixels[:, :16].min() >= 250 and pixels[:, 16:].max() <= 5


def test_text_goes_into_png(tmp_path: Path) -> None:
    text = {"Software": "impasto", "Comment": "sty\u0142e \u2192 Gogh"}
    save_image(smooth(), tmp_path / "a.png", text=text)
    with Image.open(tmp_path / "a.png") as file:
        assert {key: str(value) for key, value in file.text.items()} == text
    save_image(smooth(), tmp_path / "a.jpg", text=text)


def test_existing_files_are_kept_unless_forced(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"precious")
    with pytest.raises(UsageError, match="--force"):
        save_image(smooth(), file)
    assert file.read_bytes() == b"precious"
    save_image(smooth(), file, force=True)
    assert load_image(file).pixels.shape == (1, 3, 48, 64)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("a", UsageError, "no extension"),
        ("a.jpgg", UsageError, "closest is '.jpg'"),
        ("a.gif", UsageError, "reads .gif files but does not write"),
        ("a.psd", UsageError, ".png, .jpg"),
        ("", UsageError, "is a folder"),
        ("none/a.png", MissingFileError, "there is no folder"),
        ("file/a.png", MissingFileError, "is a file, not a folder"),
        ("n" * 300 + ".png", OutputError, "shorter name"),
    ],
)
def test_impossible_outputs_are_refused_early(tmp_path: Path, name: str, kind: type[Exception], words: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(kind, match=words.replace(".", r"\.")):
        check_output(tmp_path / name)
    check_output(tmp_path / "fine.png")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_what_the_format_cannot_hold_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"WEBP refuses the image of 16384x1 .* Save it as \.png"):
        save_image(torch.zeros(1, 3, 1, 16384), tmp_path / "a.webp")
    for wrong in (torch.zeros(3, 4, 4), torch.zeros(2, 3, 4, 4), torch.zeros(1, 1, 4, 4)):
        with pytest.raises(UsageError, match="must be"):
            save_image(wrong, tmp_path / "a.png")
    with pytest.raises(UsageError, match="alpha has shape"):
        save_image(smooth(), tmp_path / "a.png", alpha=torch.zeros(1, 1, 4, 4))
    assert list(tmp_path.iterdir()) == []


FULL_DISK = """
import resource, sys, torch
from impasto.errors import OutputError
from impasto.images import save_image
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    save_image(torch.rand(1, 3, 64, 64), sys.argv[1], force=True)
except OutputError as problem:
    print(problem)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on file sizes there")
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"precious")
    command = [sys.executable, "-c", FULL_DISK, str(file)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"{file} cannot be written" in output and "Free some space" in output
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]
    assert file.read_bytes() == b"precious"


@pytest.mark.skipif(sys.platform == "win32", reason="no umask there")
def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        save_image(smooth(), tmp_path / "a.png")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o640


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.png").symlink_to(tmp_path / "folder" / "b.png")
    save_image(smooth(), tmp_path / "a.png")
    assert (tmp_path / "a.png").is_symlink()
    assert load_image(tmp_path / "folder" / "b.png").pixels.shape == (1, 3, 48, 64)


def test_the_input_of_writing_is_not_touched(tmp_path: Path) -> None:
    image = smooth() * 3 - 1
    before = image.clone()
    save_image(image, tmp_path / "a.jpg", alpha=torch.rand(1, 1, 48, 64))
    assert torch.equal(image, before)


# Sizes


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


# Damage


def seeds() -> list[bytes]:
    image = Image.fromarray(colors(20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options: list[tuple[str, str, dict[str, object]]] = [
        ("PNG", "RGB", {"icc_profile": profile, "exif": exif}),
        ("PNG", "P", {"transparency": 3}),
        ("PNG", "I;16", {}),
        ("PNG", "RGB", {"save_all": True, "append_images": [image.rotate(90)]}),
        ("JPEG", "RGB", {"exif": exif, "icc_profile": profile}),
        ("JPEG", "CMYK", {}),
        ("WEBP", "RGBA", {"exif": exif}),
        ("WEBP", "RGB", {"lossless": True, "save_all": True, "append_images": [image.rotate(90)]}),
        ("TIFF", "RGB", {"exif": exif}),
        ("TIFF", "RGB", {"compression": "tiff_lzw", "icc_profile": profile}),
        ("TIFF", "L", {"compression": "tiff_adobe_deflate"}),
        ("GIF", "P", {"save_all": True, "append_images": [image.rotate(90)]}),
        ("BMP", "RGB", {}),
        ("BMP", "P", {}),
    ]
    return [encoded(image.convert("L" if m == "I;16" else "RGB").convert(m), f, **o).getvalue() for f, m, o in options]


def damaged(data: bytes, random_: random.Random) -> bytes:
    """Change, cut, delete, repeat or insert a few bytes, more often near the beginning, where the structure is."""
    result = bytearray(data)
    for _ in range(random_.randint(1, 6)):
        place = int(len(result) * random_.random() ** 2)
        kind = random_.choice(["change", "change", "change", "cut", "delete", "repeat", "insert"])
        if kind == "change":
            result[place : place + 1] = bytes([random_.choice([0, 1, 127, 128, 255, random_.randrange(256)])])
        elif kind == "cut" and random_.random() < 0.3:
            del result[place:]
        elif kind == "delete":
            del result[place : place + random_.randint(1, 9)]
        elif kind == "repeat":
            result[place:place] = result[place : place + random_.randint(1, 30)]
        elif kind == "insert":
            result[place:place] = random_.randbytes(random_.randint(1, 9))
    return bytes(result)


def test_damaged_files_give_a_picture_or_an_image_error() -> None:
    random_ = random.Random(7)
    outcomes = {"picture": 0, "error": 0}
    files = seeds()
    for turn in range(int(os.environ.get("IMPASTO_FUZZ", "300"))):
        data = damaged(files[turn % len(files)], random_)
        try:
            picture = load_image(io.BytesIO(data), max_pixels=1_000_000)
        except ImageError as problem:
            outcomes["error"] += 1
            assert str(problem).startswith("The image ")
        else:
            outcomes["picture"] += 1
            assert picture.pixels.isfinite().all()
            assert picture.pixels.min() >= 0 and picture.pixels.max() <= 1
    assert min(outcomes.values()) > 30


# A folder of awkward files

NOT_DECODED = {
    "broken.png": "truncated or damaged",
    "broken_data_stream.png": "truncated or damaged",
    "truncated_image.png": "truncated or damaged",
    "truncated_jpeg.jpg": "truncated or damaged",
    "decompression_bomb.gif": "the limit is",
    "decompression_bomb.ico": "Windows icon",
    "dummy.container": "text file",
    "hopper.fits": "FITS",
    "hopper.psd": "Photoshop",
    "hopper_1bit.pbm": "Netpbm",
    "invalid-illuminant.icc": "color profile",
}

# height, width, mean color of the pixels in 1/255, mean alpha in 1/255 (255: opaque)
DECODED = {
    "16-bit-grey-alpha.png": (96, 109, 0, 0, 0, 7),
    "16bit.cropped.tif": (64, 64, 1, 1, 1, 255),
    "1_trns.png": (64, 64, 0, 0, 0, 131),
    "Channel_digital_image_CMYK_color.jpg": (333, 500, 121, 126, 115, 255),
    "Flag_of_the_Netherlands-16bit.png": (600, 900, 154, 118, 145, 255),
    "alpha-premultiply-2048x1536-paper.png": (1536, 2048, 84, 70, 45, 16),
    "apng_mode_16bit.png": (64, 128, 255, 0, 0, 255),
    "dispose_bgnd.gif": (100, 100, 72, 169, 247, 255),
    "empty_gps_ifd.jpg": (10, 10, 6, 4, 7, 255),
    "exif_typeerror.jpg": (531, 800, 161, 160, 142, 255),
    "hopper.iccprofile.tif": (128, 128, 90, 80, 95, 255),
    "hopper_bad_exif.jpg": (500, 500, 125, 125, 125, 255),
    "hopper_gray.jpg": (128, 128, 85, 85, 85, 255),
    "hopper_orientation_2.jpg": (128, 128, 90, 80, 95, 255),
    "hopper_orientation_3.jpg": (128, 128, 90, 80, 95, 255),
    "hopper_orientation_4.jpg": (128, 128, 90, 80, 95, 255),
    "hopper_orientation_5.jpg": (128, 128, 90, 80, 95, 255),
    "hopper_orientation_6.jpg": (128, 128, 90, 80, 95, 255),
    "hopper_orientation_6.webp": (128, 128, 90, 80, 96, 255),
    "hopper_orientation_7.jpg": (128, 128, 90, 80, 95, 255),
    "hopper_orientation_8.jpg": (128, 128, 90, 80, 95, 255),
    "iss634.gif": (245, 245, 135, 137, 90, 255),
    "p3.png": (8, 8, 255, 4, 4, 255),
    "palette_wedge.png": (128, 128, 88, 88, 88, 255),
    "pil123p.png": (150, 162, 62, 58, 7, 86),
    "pil_sample_cmyk.jpg": (100, 100, 30, 5, 7, 255),
    "tiff_16bit_RGB.tiff": (40, 100, 42, 29, 22, 255),
    "tiff_16bit_RGBa.tiff": (40, 100, 129, 90, 68, 83),
    "tiff_adobe_deflate.tif": (374, 278, 170, 155, 161, 255),
    "transparent.png": (150, 200, 104, 76, 81, 75),
    "transparent.webp": (150, 200, 104, 76, 81, 75),
}


@pytest.mark.skipif(not AWKWARD.is_dir(), reason="the folder of awkward images is not here")
class TestAwkwardFiles:
    def test_each_has_an_expectation(self) -> None:
        assert {file.name for file in AWKWARD.iterdir()} <= NOT_DECODED.keys() | DECODED.keys()

    @pytest.mark.parametrize("name", NOT_DECODED)
    def test_refused(self, name: str) -> None:
        assert NOT_DECODED[name] in refused(AWKWARD / name)

    @pytest.mark.parametrize("name", DECODED)
    def test_decoded(self, name: str) -> None:
        height, width, *levels, alpha = DECODED[name]
        picture = load_image(AWKWARD / name)
        assert picture.pixels.shape == (1, 3, height, width)
        assert (picture.pixels.mean((0, 2, 3)) * 255).tolist() == pytest.approx(levels, abs=1.5)
        assert 255 * (1 if picture.alpha is None else picture.alpha.mean().item()) == pytest.approx(alpha, abs=1.5)

    def test_all_orientations_show_the_same(self) -> None:
        first = load_image(AWKWARD / "hopper_orientation_2.jpg").pixels
        for number in range(3, 9):
            other = load_image(AWKWARD / f"hopper_orientation_{number}.jpg").pixels
            assert (other - first).abs().mean() < 0.03

    def test_animations_are_told(self) -> None:
        told = [name for name in DECODED if load_image(AWKWARD / name).notes]
        assert told == ["16bit.cropped.tif", "apng_mode_16bit.png", "dispose_bgnd.gif", "iss634.gif"]
