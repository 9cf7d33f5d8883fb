"""ICC color profiles -> sRGB."""

from __future__ import annotations

from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from impasto.images.shaper import UNUSABLE, read_shaper

_MODES_OF_SPACE = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
_DATE = slice(24, 36)  # of a profile's header
_FIXED_DATE = bytes.fromhex("07d0 0001 0001 0000 0000 0000")  # 2000-01-01

IGNORED = "the embedded color profile could not be used and was ignored; {assumed} assumed"


@cache
def srgb_profile() -> bytes:
    """Compute the bytes of an sRGB profile to embed; the same bytes on every day."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[: _DATE.start] + _FIXED_DATE + profile[_DATE.stop :]


def to_srgb(image: Image.Image) -> tuple[np.ndarray, str | None]:
    """Convert an 8-bit image without alpha to sRGB; also tell what was wrong with its profile, if anything.

    Relative colorimetric with black-point compensation: white stays white, colors inside sRGB stay what they are.
    Where the profile is a curve and a matrix (`shaper.py`) in floating point, and colors outside sRGB keep their hue.
    CMYK without a profile becomes (1 - ink) * (1 - black), as browsers and ImageMagick show it.

    Shape: (H, W) -> (H, W) or (H, W, 3), uint8 or float32 in [0, 1]
    """
    if image.mode == "LAB":
        return np.asarray(_convert(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))), None
    data = image.info.get("icc_profile")
    if not data:
        return np.asarray(image.convert("RGB")), None
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(data))
        return _applied(_fitted(image, profile), profile, data), None
    except UNUSABLE:
        assumed = "plain CMYK" if image.mode == "CMYK" else "sRGB"
        return np.asarray(image.convert("RGB")), IGNORED.format(assumed=assumed)


def deep_to_srgb(samples: np.ndarray, data: bytes | None) -> tuple[np.ndarray, str | None]:
    """Convert 16-bit values in the space of the profile `data`, or sRGB; also tell what became of the profile.

    Shape: (H, W) or (H, W, 3) uint16 -> the same or (H, W, 3), float32 in [0, 1]
    """
    values = samples.astype(np.float32) / np.float32(65535)
    if not data:
        return values, None
    shaper = read_shaper(data)
    if shaper and (samples.ndim == 2 or len(shaper.curves) == 3):
        return values if shaper.is_srgb() else shaper.to_srgb(samples), None
    image = Image.fromarray((samples >> 8).astype(np.uint8))
    image.info["icc_profile"] = data
    converted, note = to_srgb(image)
    return (values, note) if note else (converted, "the color profile was applied with 8 bits per channel")


def _applied(image: Image.Image, profile: ImageCms.ImageCmsProfile, data: bytes) -> np.ndarray:
    """Convert an image whose mode is that of its profile."""
    shaper = read_shaper(data)
    if shaper is None:
        return np.asarray(_convert(image, profile))
    return np.asarray(image) if shaper.is_srgb() else shaper.to_srgb(np.asarray(image).astype(np.uint16) * 257)


def _convert(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    transform = ImageCms.buildTransform(
        profile,
        ImageCms.createProfile("sRGB"),
        image.mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return transform.apply(image)


def _fitted(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """Give `image` the mode that `profile` speaks of, where no color is invented or lost.

    Raises:
        ValueError: the profile is for another kind of image, such as a CMYK profile in an RGB file
    """
    mode = _MODES_OF_SPACE.get(str(profile.profile.xcolor_space).strip())
    if image.mode not in ("1", "L", "CMYK"):
        image = image.convert("RGB")
    if mode == image.mode or (mode in ("RGB", "L") and image.mode in ("1", "L")):
        return image.convert(mode)
    if mode == "L" and image.mode == "RGB":
        red, green, blue = image.split()
        if red == green == blue:
            return green
    raise ValueError(f"a profile for {mode} in an image of mode {image.mode}")
