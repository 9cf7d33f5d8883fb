"""Colors with 16 bits per channel: read whole, written whole."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import encoded, png, refused, smooth
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from impasto.errors import UsageError
from impasto.images import encode_image, from_array, load_image, save_image


def deep(height: int, width: int, channels: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 65536, (height, width, channels), dtype=np.uint16)


def samples(file: io.BytesIO | bytes) -> np.ndarray:
    """The 16-bit levels of all channels that impasto reads; what cannot be seen has no colors of its own."""
    picture = load_image(file)
    planes = picture.pixels if picture.alpha is None else torch.cat([picture.pixels, picture.alpha], dim=1)
    return (planes[0].permute(1, 2, 0) * 65535).round().numpy().astype(np.uint16)


def rows(values: np.ndarray) -> bytes:
    return b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)


def deep_tiff(values: np.ndarray, order: str, compression: int = 1, **tags: object) -> io.BytesIO:
    """A TIFF file (order: `<` or `>`) with one strip, or one per channel if these are in separate planes."""
    planes = [values] if tags.get("planes", 1) == 1 else list(values.transpose(2, 0, 1))
    data = [plane.astype(f"{order}u2").tobytes() for plane in planes]
    strips = data if compression == 1 else [zlib.compress(strip) for strip in data]
    directory = ImageFileDirectory_v2(b"II*\0\0\0\0\0" if order == "<" else b"MM\0*\0\0\0\0")
    height, width, channels = values.shape
    known = {256: width, 257: height, 258: (16,) * channels, 259: compression, 262: 2, 277: channels, 278: height}
    more = {274: tags.get("orientation"), 284: tags.get("planes"), 338: tags.get("extra")}
    for tag, value in {**known, **{tag: value for tag, value in more.items() if value is not None}}.items():
        directory[tag] = value
    for tag, numbers in {273: np.cumsum([0, *map(len, strips[:-1])]).tolist(), 279: list(map(len, strips))}.items():
        directory.tagtype[tag] = 4
        directory[tag] = tuple(numbers)
    file = io.BytesIO()
    directory.save(file)
    file.writelines(strips)
    file.seek(0)
    return file


# Reading


@pytest.mark.parametrize(("channels", "color"), [(2, 4), (3, 2), (4, 6)])
def test_png_keeps_all_bits(channels: int, color: int) -> None:
    values = deep(6, 5, channels)
    expected = values if channels > 2 else values[:, :, [0, 0, 0, 1]]
    assert np.array_equal(samples(png(5, 6, 16, color, rows(values))), expected)


def test_interlaced_png_keeps_all_bits() -> None:
    values = deep(11, 13, 3)
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    body = b"".join(rows(values[top::down, left::right]) for top, left, down, right in passes)
    file = bytearray(png(13, 11, 16, 2, body).getvalue())
    file[28] = 1  # interlaced by Adam7
    file[29:33] = struct.pack(">I", zlib.crc32(file[12:29]))
    assert np.array_equal(samples(bytes(file)), values)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize(("channels", "extra"), [(3, None), (4, 0), (4, 2), (4, None)])
def test_tiff_keeps_all_bits(order: str, compression: int, channels: int, extra: int | None) -> None:
    values = deep(6, 5, channels)
    found = samples(deep_tiff(values, order, compression, extra=extra))
    assert np.array_equal(found, values[:, :, :3] if extra == 0 else values)  # 0: a channel that means nothing


def test_premultiplied_colors_are_divided_with_all_bits() -> None:
    values = np.array([[[1000, 2000, 3000, 30000], [0, 0, 0, 0], [40000, 1, 65535, 65535], [9, 9, 9, 3]]], np.uint16)
    found = samples(deep_tiff(values, "<", extra=1))
    expected = [[2185, 4369, 6554, 30000], [40000, 1, 65535, 65535], [65535, 65535, 65535, 3]]
    assert np.abs(found[0, [0, 2, 3]].astype(int) - expected).max() <= 1


@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("channels", [3, 4])
def test_planes_are_read_whole(compression: int, channels: int) -> None:
    values = deep(6, 5, channels)
    extra = None if channels == 3 else 2
    assert np.array_equal(samples(deep_tiff(values, "<", compression, planes=2, extra=extra)), values)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_files_are_turned_upright(orientation: int) -> None:
    values = deep(4, 7, 4)
    picture = load_image(deep_tiff(values, ">", orientation=orientation, extra=2))
    high = Image.fromarray((values[:, :, 3] >> 8).astype(np.uint8))
    high.getexif()[0x0112] = orientation
    expected = load_image(encoded(high, "PNG", exif=high.getexif())).pixels[0, 0]
    assert picture.alpha is not None and picture.alpha.shape[2:] == expected.shape
    assert torch.equal((picture.alpha[0, 0] * 65535).round() // 256, (expected * 255).round())


def test_a_color_key_means_one_color_in_full() -> None:
    values = np.array([[[5, 300, 9], [5, 301, 9], [5, 300, 8]]], np.uint16)
    picture = load_image(png(3, 1, 16, 2, rows(values), (b"tRNS", struct.pack(">3H", 5, 300, 9))))
    assert picture.alpha is not None and picture.alpha.flatten().tolist() == [0, 1, 1]


def test_damage_to_the_end_of_a_deep_file_is_found() -> None:
    whole = png(50, 50, 16, 2, rows(deep(50, 50, 3))).getvalue()
    assert "damaged" in refused(whole[: len(whole) * 3 // 4])


# Writing


@pytest.mark.parametrize("extension", [".png", ".tif"])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (500, 400)])
def test_the_round_trip_is_exact(tmp_path: Path, extension: str, size: tuple[int, int]) -> None:
    values = deep(*size, 4)
    values[:, : size[1] // 2, 3] = 65535
    values[:, :, 3] |= 1  # what cannot be seen at all keeps no color
    image = torch.from_numpy(values / 65535).float().permute(2, 0, 1)[None]
    save_image(image[:, :3], tmp_path / f"a{extension}", bits=16)
    assert torch.equal(load_image(tmp_path / f"a{extension}").pixels, image[:, :3])
    save_image(image[:, :3], tmp_path / f"b{extension}", alpha=image[:, 3:], bits=16)
    assert np.array_equal(samples((tmp_path / f"b{extension}").read_bytes()), values)
    picture = load_image(tmp_path / f"b{extension}")
    assert picture.alpha is not None and torch.equal(picture.alpha, image[:, 3:])
    assert torch.equal(picture.pixels, from_array(values).pixels)


@pytest.mark.parametrize("extension", [".png", ".tif"])
def test_another_reader_finds_the_high_bytes(extension: str) -> None:
    with Image.open(io.BytesIO(encode_image(smooth(), extension, bits=16))) as image:
        assert image.mode == "RGB"
        expected = torch.floor((smooth() * 65535).round() / 256)[0].permute(1, 2, 0).numpy()
        assert np.array_equal(np.asarray(image), expected)


def test_a_smooth_ramp_has_more_than_256_levels() -> None:
    ramp = torch.linspace(0, 1, 4096).expand(1, 3, 1, 4096)
    assert load_image(encode_image(ramp, ".png", bits=16)).pixels.unique().numel() == 4096
    assert load_image(encode_image(ramp, ".png")).pixels.unique().numel() == 256


def test_formats_without_sixteen_bits_say_so(tmp_path: Path) -> None:
    for extension in (".jpg", ".webp", ".bmp", ".avif"):
        with pytest.raises(UsageError, match=r"8 bits per channel; for 16, use \.png or \.tiff"):
            save_image(smooth(), tmp_path / f"a{extension}", bits=16)
    with pytest.raises(UsageError, match="bits is 12"):
        save_image(smooth(), tmp_path / "a.png", bits=12)
    assert list(tmp_path.iterdir()) == []
