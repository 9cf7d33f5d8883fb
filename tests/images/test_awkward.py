"""The folder of awkward files: each gives the right picture or a plain error."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from image_files import (
    refused,
)

from impasto.images import (
    load_image,
)

AWKWARD = Path(__file__).parents[3] / "shared" / "images" / "awkward"

NOT_DECODED = {
    "broken.png": "truncated or damaged",
    "broken_data_stream.png": "truncated or damaged",
    "truncated_image.png": "truncated or damaged",
    "truncated_jpeg.jpg": "truncated or damaged",
    "decompression_bomb.gif": "exceeds limit",
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
    "alpha-premultiply-2048x1536-paper.png": (1536, 2048, 89, 72, 45, 16),
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
    "pil123p.png": (150, 162, 51, 48, 6, 86),
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

    def test_animations_and_darkness_are_told(self) -> None:
        told = [name for name in DECODED if load_image(AWKWARD / name).notes]
        assert told == [
            "16-bit-grey-alpha.png",
            "16bit.cropped.tif",
            "apng_mode_16bit.png",
            "dispose_bgnd.gif",
            "iss634.gif",
        ]

    def test_sixteen_bits_are_kept(self) -> None:
        pixels = load_image(AWKWARD / "tiff_16bit_RGB.tiff").pixels
        assert (pixels[0, :, 3, 4] * 65535).tolist() == pytest.approx([668, 457, 321], abs=0.01)
        alpha = load_image(AWKWARD / "16-bit-grey-alpha.png").alpha
        assert alpha is not None and alpha.unique().numel() > 256

    def test_the_two_reds_of_display_p3_stay_two(self) -> None:
        pixels = load_image(AWKWARD / "p3.png").pixels
        assert (pixels[:, 0] > 0.999).all() and pixels[:, 1:].max() < 0.07
        assert (pixels[0, 1, 0, 0] - pixels[0, 1, 5, 5]).abs() > 0.03

    def test_both_files_with_the_same_transparency_agree(self) -> None:
        png, webp = (load_image(AWKWARD / f"transparent.{kind}") for kind in ("png", "webp"))
        assert png.alpha is not None and webp.alpha is not None and torch.equal(png.alpha, webp.alpha)
        assert ((png.pixels - webp.pixels).abs() * png.alpha).mean() < 0.01
