"""Color profiles: every file's colors in sRGB, and ours in every other reader."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import as_bytes, encoded, linear_gray_profile, png, smooth, swapped_profile
from PIL import Image, ImageCms

from impasto.images import from_array, load_image, save_image
from impasto.images.gamut import into_gamut
from impasto.images.profiles import srgb_profile

# of Display P3, adapted to D50, as in the profiles of phones and displays
P3_COLORANTS = {
    "rXYZ": (0.51512, 0.24120, -0.00105),
    "gXYZ": (0.29198, 0.69225, 0.04189),
    "bXYZ": (0.1571, 0.06657, 0.78407),
}


def profile_with(**tags: bytes) -> bytes:
    """sRGB's own profile, made anew with some tags exchanged."""
    data = srgb_profile()
    (count,) = struct.unpack_from(">I", data, 128)
    entries = {
        n: data[a : a + s] for n, a, s in (struct.unpack_from(">4sII", data, 132 + 12 * i) for i in range(count))
    }
    entries |= {name.encode(): tag for name, tag in tags.items()}
    table, body, start = b"", b"", 132 + 12 * len(entries)
    for name, tag in entries.items():
        table += name + struct.pack(">II", start + len(body), len(tag))
        body += tag + b"\0" * (-len(tag) % 4)
    return struct.pack(">I", start + len(body)) + data[4:128] + struct.pack(">I", len(entries)) + table + body


def display_p3() -> bytes:
    return profile_with(**{name: b"XYZ \0\0\0\0" + fixed(*values) for name, values in P3_COLORANTS.items()})


def fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(x * 65536) for x in numbers))


def curve(kind: int, *numbers: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + fixed(*numbers)


def by_littlecms(array: np.ndarray, profile: bytes, black_point: bool = False) -> np.ndarray:
    source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION if black_point else ImageCms.Flags.NONE
    transform = ImageCms.buildTransform(source, srgb, "RGB", "RGB", renderingIntent=1, flags=flags)
    return np.asarray(transform.apply(Image.fromarray(array)))


# Applied, ignored


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


# Wide gamuts


def test_colors_inside_srgb_are_those_of_littlecms() -> None:
    inside = np.random.default_rng(0).integers(100, 170, (40, 50, 3), dtype=np.uint8)
    picture = load_image(encoded(Image.fromarray(inside), "PNG", icc_profile=display_p3()))
    assert picture.notes == ()
    assert np.abs(picture.pixels[0].permute(1, 2, 0).numpy() * 255 - by_littlecms(inside, display_p3())).max() < 0.6


def test_white_and_gray_stay_without_color() -> None:
    gray = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    pixels = load_image(encoded(Image.fromarray(gray), "PNG", icc_profile=display_p3())).pixels
    assert pixels.max() == 1 and pixels.min() == 0
    assert (pixels - pixels[:, :1]).abs().max() < 2e-4  # LittleCMS computes with 16 bits
    assert np.array_equal(as_bytes(load_image(encoded(Image.fromarray(gray), "PNG", icc_profile=display_p3()))), gray)


def test_colors_beyond_srgb_stay_apart_and_keep_their_hue() -> None:
    reds = np.array([[[level, 0, 0] for level in (225, 235, 245, 255)]], np.uint8)
    pixels = load_image(encoded(Image.fromarray(reds), "PNG", icc_profile=display_p3())).pixels[0, :, 0].T
    cut = by_littlecms(reds, display_p3())[0]
    assert len({tuple(color) for color in cut[1:].tolist()}) == 1  # cutting makes them one
    assert len({tuple(color) for color in (pixels * 255).round().tolist()}) == 4
    assert (pixels[:, 0] >= pixels[:, 1:].amax(1) + 0.8).all()  # and they are red


def test_what_is_inside_the_gamut_does_not_move_and_what_is_outside_moves_little() -> None:
    inside = np.random.default_rng(1).random((9, 11, 3))
    assert np.array_equal(into_gamut(inside), inside)
    mapped = into_gamut(np.array([[1.02, 0.5, 0.5], [-0.02, 0.5, 0.5], [2, 2, 2], [-1, -1, -1]]))
    assert mapped == pytest.approx(np.array([[1, 0.5, 0.5], [0, 0.5, 0.5], [1, 1, 1], [0, 0, 0]]), abs=0.03)
    assert mapped.min() >= 0 and mapped.max() <= 1


def test_wide_colors_with_sixteen_bits_keep_them() -> None:
    ramp = np.stack([np.linspace(20000, 40000, 2000), np.full(2000, 30000), np.full(2000, 25000)], axis=-1).astype(
        ">u2"
    )
    file = png(2000, 1, 16, 2, b"\0" + ramp.tobytes(), (b"iCCP", b"P3\0\0" + zlib.compress(display_p3())))
    picture = load_image(file)
    assert picture.pixels[0, 0].unique().numel() == 2000 and picture.notes == ()
    assert (
        np.abs(
            as_bytes(picture)[0].astype(int) - by_littlecms((ramp >> 8).astype(np.uint8)[None], display_p3())[0]
        ).max()
        <= 2
    )


# Profiles of curves and a matrix


@pytest.mark.parametrize(
    "tag",
    [
        curve(0, 2.0),
        curve(1, 2.0, 1.0, 0.1),
        curve(2, 2.0, 1.0, 0.1, 0.2),
        curve(3, 2.0, 1.0, 0.1, 0.5, 0.9),
        curve(3, 2.0, 1.0, 0.1, 0.5, 0.4),
        curve(4, 2.0, 1.0, 0.1, 0.5, 0.9, 0.3, 0.2),
        b"curv\0\0\0\0\0\0\0\0",
        b"curv\0\0\0\0" + struct.pack(">IH", 1, 512),
        b"curv\0\0\0\0" + struct.pack(">I3H", 3, 0, 6554, 65535),
    ],
)
def test_every_kind_of_curve(tag: bytes) -> None:
    profile = profile_with(rTRC=tag, gTRC=tag, bTRC=tag)
    grays = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    picture = load_image(encoded(Image.fromarray(grays), "PNG", icc_profile=profile))
    assert picture.notes == ()
    assert np.abs(as_bytes(picture).astype(int) - by_littlecms(grays, profile, black_point=True)).max() <= 1


def test_gray_files_may_have_profiles_for_color_and_color_files_that_are_gray_those_for_gray() -> None:
    gray = Image.new("L", (3, 3), 128)
    assert as_bytes(load_image(encoded(gray, "PNG", icc_profile=display_p3())))[0, 0].tolist() == [128] * 3
    picture = load_image(encoded(gray.convert("RGB"), "PNG", icc_profile=linear_gray_profile()))
    assert as_bytes(picture)[0, 0].tolist() == [188] * 3 and picture.notes == ()


# Ours in other readers


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("extension", [".png", ".tif", ".jpg", ".webp"])
def test_other_readers_see_the_same_colors(tmp_path: Path, extension: str, bits: int) -> None:
    if bits == 16 and extension not in (".png", ".tif"):
        pytest.skip("the format has 8 bits")
    save_image(smooth(), tmp_path / f"a{extension}", bits=bits)
    with Image.open(tmp_path / f"a{extension}") as file:
        stored = np.asarray(file)
        seen = by_littlecms(stored, file.info["icc_profile"])
    assert np.abs(seen.astype(int) - stored).max() <= 1  # LittleCMS rounds a few
    exact = smooth()[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(seen - exact).max() <= (8 if extension in (".jpg", ".webp") else 2)


def test_an_image_in_our_profile_is_taken_as_it_is() -> None:
    picture = load_image(encoded(Image.new("RGB", (2, 2), (1, 2, 3)), "PNG", icc_profile=srgb_profile()))
    assert torch.equal(picture.pixels[0, :, 0, 0], torch.tensor([1.0, 2.0, 3.0]) / 255)
