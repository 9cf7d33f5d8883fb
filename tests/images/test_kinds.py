"""Kinds of files that people have and that readers get wrong: each with its right values."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tifffile
from image_files import as_bytes, encoded, png, refused, smooth
from image_files import tiff as raw_tiff
from PIL import Image, PngImagePlugin

from impasto.images import Picture, encode_image, load_image
from impasto.images.opening import opened
from impasto.images.reading import MAX_PIXELS

RAMP = np.linspace(0, 1, 64 * 64).reshape(64, 64)
BYTES = np.rint(RAMP * 255).astype(np.uint8)
COLORS = np.stack([RAMP, RAMP.T, 1 - RAMP], axis=-1)
TRANSPARENCY = np.linspace(0.25, 1, 64 * 64).reshape(64, 64).T


def tiff(values: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, values, **options)
    return file.getvalue()


def pixels(picture: Picture) -> np.ndarray:
    return picture.pixels[0].permute(1, 2, 0).numpy()


def opacity(picture: Picture) -> np.ndarray:
    assert picture.alpha is not None
    return picture.alpha[0, 0].numpy()


# TIFF


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "f2", "f4"])
def test_gray_of_every_number_format(kind: str, compression: str | None, order: str) -> None:
    white = 1 if kind[0] == "f" else np.iinfo(kind).max
    values = (RAMP * white).astype(f"{order}{kind}")
    picture = load_image(tiff(values, byteorder=order, compression=compression))
    assert picture.alpha is None and picture.notes == ()
    assert np.abs(pixels(picture) - (values / white)[:, :, None]).max() < 1e-6


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["i1", "i2", "i4"])
def test_signed_numbers_are_stretched_from_the_lowest_to_the_highest(kind: str, order: str) -> None:
    white = min(1000, np.iinfo(kind).max)
    values = np.rint(RAMP * 2 * white - white).astype(f"{order}{kind}")
    picture = load_image(tiff(values, byteorder=order, compression="deflate"))
    assert np.abs(pixels(picture)[:, :, 0] - RAMP).max() < 1 / white
    assert f"from -{white} to {white}" in picture.notes[0]


def test_pixels_are_read_of_memory_that_is_still_held() -> None:
    values = np.rint(255 * np.stack([RAMP, TRANSPARENCY])).astype("u1")
    file = tiff(values, photometric="minisblack", planarconfig="separate", extrasamples=["unassalpha"])
    first, *others = (pixels(load_image(bytes(file))) + 0 * np.random.rand(64, 64, 3) for _ in range(60))
    assert all(np.array_equal(each, first) for each in others)


@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "f2", "f4"])
@pytest.mark.parametrize("layout", ["LA", "RGB", "RGBA", "CMYK", "CMYKA"])
def test_every_layout_of_channels(layout: str, kind: str, planes: str) -> None:
    white = 1 if kind[0] == "f" else np.iinfo(kind).max
    if layout.startswith("CMYK") and kind not in ("u1", "u2"):
        pytest.skip("inks have 8 or 16 bits")
    channels = {"L": RAMP[:, :, None], "RGB": COLORS, "CMYK": np.dstack([1 - COLORS, 0 * RAMP])}[
        layout.removesuffix("A")
    ]
    has_alpha = layout.endswith("A")
    values = (np.dstack([channels, TRANSPARENCY]) if has_alpha else channels) * white
    values = values.astype(kind) if kind[0] == "f" else np.rint(values).astype(kind)
    photometric = {"L": "minisblack", "RGB": "rgb", "CMYK": "separated"}[layout.removesuffix("A")]
    file = tiff(
        values if planes == "contig" else values.transpose(2, 0, 1).copy(),
        photometric=photometric,
        planarconfig=planes,
        extrasamples=["unassalpha"] if has_alpha else None,
    )
    if (kind, planes) == ("f2", "separate"):
        assert "an uncommon number format in separate planes" in refused(file)
        return
    picture = load_image(file)
    expected = np.repeat(RAMP[:, :, None], 3, axis=2) if layout == "LA" else COLORS
    tolerance = {"u1": 0.003, "f2": 1e-3}.get(kind, 3e-5)
    assert picture.notes == () and np.abs(pixels(picture) - expected).max() < tolerance
    if has_alpha:
        assert np.abs(opacity(picture) - TRANSPARENCY).max() < tolerance


@pytest.mark.parametrize("highest", [1, 257])
def test_palettes_with_eight_and_with_sixteen_bits(highest: int) -> None:
    table = np.tile(np.arange(256) * highest, (3, 1)).astype(np.uint16)
    picture = load_image(tiff(BYTES, photometric="palette", colormap=table))
    assert np.array_equal(as_bytes(picture)[:, :, 0], BYTES)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("layout", [{}, {"tile": (16, 16)}, {"rowsperstrip": 5, "compression": "deflate"}])
def test_big_tiff_tiles_and_strips(layout: dict[str, Any], order: str, big: bool) -> None:
    values = np.rint(COLORS * 255).astype(np.uint8)
    file = tiff(values, photometric="rgb", byteorder=order, bigtiff=big, **layout)
    assert np.array_equal(as_bytes(load_image(file)), values)


@pytest.mark.parametrize("absent", [-9999, 3.4e38, -3.4e38, np.nan])
def test_what_has_no_value_is_transparent_and_the_rest_stays(absent: float) -> None:
    values = np.where(RAMP < 0.1, absent, RAMP).astype(np.float32)
    picture = load_image(tiff(values))
    assert np.array_equal(opacity(picture), (RAMP >= 0.1).astype(np.float32))
    assert np.abs(pixels(picture)[:, :, 0] - RAMP)[RAMP >= 0.1].max() < 1e-6
    assert picture.notes == ("pixels without a value are transparent: 410",)


def two_pages(first: dict[str, Any], second: dict[str, Any] | None) -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(BYTES[:16, :16], photometric="minisblack", **first)
        if second is not None:
            writer.write(BYTES, photometric="minisblack", **second)
    return file.getvalue()


def test_a_thumbnail_in_front_is_passed_over() -> None:
    picture = load_image(two_pages({"subfiletype": 1}, {}))
    assert np.array_equal(as_bytes(picture)[:, :, 0], BYTES) and picture.notes == ()
    assert load_image(two_pages({}, {"subfiletype": 1})).notes == ()
    picture = load_image(two_pages({}, {}))
    assert picture.pixels.shape[2:] == (16, 16) and "only the first page" in picture.notes[0]


@pytest.mark.parametrize(
    "tags",
    [{"subfiletype": 1, "subifds": 1}, {"extratags": [(50706, 1, 4, (1, 4, 0, 0), True)]}],
)
def test_raw_files_of_cameras_are_not_taken_for_their_thumbnails(tags: dict[str, Any]) -> None:
    file = two_pages(tags, {} if "subifds" in tags else None)
    assert "is a camera raw file; develop it first" in refused(file)


@pytest.mark.parametrize(
    "beginning",
    [
        b"II*\0\x10\0\0\0CR\2\0",
        b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
        b"IIRO\x08\0\0\0",
        b"MMOR\0\0\0\x08",
        b"IIU\0\x08\0\0\0",
        b"FUJIFILMCCD-RAW 0201",
        b"FOVb\0\0\2\0",
    ],
)
def test_raw_files_of_other_kinds_are_named(beginning: bytes) -> None:
    assert "is a camera raw file; develop it first" in refused(beginning.ljust(200, b"\0"))


def test_twelve_bits_reach_from_black_to_white() -> None:
    values = np.array([[0, 4095, 2048, 1000]] * 2)
    packed = bytes(b for row in values for x, y in row.reshape(2, 2) for b in (x >> 4, (x & 15) << 4 | y >> 8, y & 255))
    tags = {256: 4, 257: 2, 258: 12, 259: 1, 262: 1, 277: 1, 278: 2, 279: len(packed)}
    picture = load_image(raw_tiff({tag: (4, 1, value) for tag, value in tags.items()}, packed))
    assert np.abs(pixels(picture)[:, :, 0] - values / 4095).max() < 2e-5


def test_numbers_of_64_bits_are_refused() -> None:
    assert "an unusual kind of image" in refused(tiff(RAMP))


# Other formats


def test_around_the_first_frame_of_a_gif_file_is_nothing() -> None:
    image = Image.new("P", (4, 3), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    data = bytearray(encoded(image, "GIF").getvalue())
    struct.pack_into("<HH", data, 6, 10, 8)  # the canvas
    place = data.index(b",", 13)
    struct.pack_into("<HH", data, place + 1, 2, 1)  # the frame's left and top
    picture = load_image(bytes(data))
    expected = np.zeros((8, 10))
    expected[1:4, 2:6] = 1
    assert np.array_equal(opacity(picture), expected)
    assert (as_bytes(picture) == (255, 0, 0)).all()


@pytest.mark.parametrize(("alpha", "expected"), [(0, None), (128, 128)])
def test_an_alpha_of_bmp_that_is_zero_everywhere_is_none(alpha: int, expected: int | None) -> None:
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 124, 3, -2, 1, 32, 3, 24, 0, 0, 0, 0) + masks
    rows = bytes([10, 20, 30, alpha]) * 6
    header = header.ljust(124, b"\0")
    file = b"BM" + struct.pack("<IHHI", 14 + 124 + len(rows), 0, 0, 14 + 124) + header + rows
    picture = load_image(file)
    assert as_bytes(picture)[0, 0].tolist() == [30, 20, 10]
    assert picture.alpha is None if expected is None else (opacity(picture) * 255 == expected).all()


def test_the_crop_of_an_avif_file_is_applied() -> None:
    """A profile of 28 bytes gives way to a `clap` box, which has as many."""
    profile = bytes(range(28))
    data = encoded(Image.fromarray(np.rint(COLORS * 255).astype(np.uint8)), "AVIF", icc_profile=profile).getvalue()
    crop = b"clap" + struct.pack(">8I", 20, 1, 10, 1, 0, 1, 0, 1)  # 20x10 around the middle
    assert data.count(b"colrprof" + profile) == 1
    picture = load_image(data.replace(b"colrprof" + profile, crop))
    assert picture.pixels.shape[2:] == (10, 20)
    assert np.abs(pixels(picture) - COLORS[27:37, 22:42]).max() < 0.05


def test_hdr_is_told() -> None:
    for transfer, name in [(16, "PQ"), (18, "HLG")]:
        file = png(4, 4, 8, 2, (b"\0" + b"\7" * 12) * 4, (b"cICP", bytes([9, transfer, 0, 1])))
        assert f"HDR ({name})" in load_image(file).notes[0]
    assert load_image(png(4, 4, 8, 2, (b"\0" + b"\7" * 12) * 4, (b"cICP", bytes([1, 13, 0, 1])))).notes == ()
    data = encoded(Image.new("RGB", (16, 16)), "AVIF").getvalue()
    place = data.index(b"colrnclx") + 8
    hdr = data[:place] + struct.pack(">HH", 9, 16) + data[place + 4 :]
    assert "HDR (PQ)" in load_image(hdr).notes[0] and load_image(data).notes == ()


# Refused though fine


def test_long_texts_and_profiles_of_png() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "a" * 3_000_000, zip=True)
    picture = load_image(encoded(Image.new("RGB", (5, 5), "red"), "PNG", pnginfo=text))
    assert as_bytes(picture)[0, 0].tolist() == [255, 0, 0]
    profile = zlib.compress(bytes(2_000_000))
    picture = load_image(png(4, 4, 8, 2, (b"\0" + b"\7" * 12) * 4, (b"iCCP", b"x\0\0" + profile)))
    assert as_bytes(picture)[0, 0].tolist() == [7, 7, 7]


def without_alphas_size(file: bytes) -> bytes:
    """The same AVIF file, but for the size of the item with its alpha, which gives way to another word on its bits."""
    place = file.index(b"ipco") + 4
    kinds = [b""]  # counted from 1
    while file[place + 4 : place + 8] != b"ipma":
        kinds.append(file[place + 4 : place + 8])
        place += struct.unpack_from(">I", file, place)[0]
    (length,) = struct.unpack_from(">I", file, place)
    properties = file[place + length - 4 : place + length]  # of the last item
    assert [kinds[each & 127] for each in properties].count(b"ispe") == 1
    size, bits = kinds.index(b"ispe"), len(kinds) - 1 - kinds[::-1].index(b"pixi")
    others = bytes(bits if each & 127 == size else each for each in properties)
    return file[: place + length - 4] + others + file[place + length :]


@pytest.mark.parametrize(
    "older",
    [
        without_alphas_size,  # libheif up to 1.11
        lambda file: file.replace(b"pixi", b"free"),
        lambda file: file.replace(
            b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0", b"urn:mpeg:hevc:2015:auxid:1".ljust(44, b"\0")
        ),
    ],
    ids=["no size", "no bits", "the name that HEVC has for it"],
)
def test_an_avif_file_of_an_older_encoder_has_its_alpha(older: Callable[[bytes], bytes]) -> None:
    """What older encoders leave out, or call by another name."""
    levels = np.rint(np.dstack([COLORS, TRANSPARENCY]) * 255).astype(np.uint8)
    file = encoded(Image.fromarray(levels), "AVIF", quality=98).getvalue()
    picture = load_image(older(file))
    assert older(file) != file and picture.notes == ()
    assert np.abs(opacity(picture) - TRANSPARENCY).max() < 0.01
    assert np.abs(pixels(picture) - COLORS).mean() < 0.01


def test_a_jpeg_file_may_lack_its_end_marker_but_nothing_else() -> None:
    data = encode_image(smooth(), ".jpg")
    assert data.endswith(b"\xff\xd9")
    assert np.array_equal(as_bytes(load_image(data[:-2])), as_bytes(load_image(data)))
    assert np.array_equal(as_bytes(load_image(data + b"more of it")), as_bytes(load_image(data)))
    for missing in (3, 6, 40, len(data) // 2):
        assert "damaged" in refused(data[:-missing])


def test_a_jfif_header_may_be_short() -> None:
    data = encoded(Image.fromarray(BYTES), "JPEG").getvalue()
    place = data.index(b"\xff\xe0")
    (length,) = struct.unpack_from(">H", data, place + 2)
    short = data[:place] + b"\xff\xe0\0\x07JFIF\0" + data[place + 2 + length :]
    assert np.array_equal(as_bytes(load_image(short)), as_bytes(load_image(data)))


def test_photographs_of_phones_are_not_too_large() -> None:
    for width, height in [(12_000, 9_000), (16_320, 12_240)]:
        with opened(png(width, height, 8, 2, b""), max_pixels=MAX_PIXELS) as image:
            assert (image.width, image.height) == (width, height)


@pytest.mark.parametrize("value", [np.nan, np.inf, 2.0])
def test_a_transparency_that_is_no_number_is_told(value: float) -> None:
    values = np.full((6, 8, 4), 0.5, np.float32)
    values[2, 3, 3] = value
    (note,) = load_image(tiff(values, photometric="rgb", extrasamples=["unassalpha"])).notes
    assert note.startswith("of its transparency, ")
