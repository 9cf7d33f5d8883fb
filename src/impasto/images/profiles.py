"""ICC color profiles -> sRGB."""

from __future__ import annotations

from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

_MODES_OF_SPACE = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
_DATE = slice(24, 36)  # of a profile's header
_FIXED_DATE = bytes.fromhex("07d0 0001 0001 0000 0000 0000")  # 2000-01-01

IGNORED = "the embedded color profile could not be used and was ignored; {assumed} assumed"


@cache
def srgb_profile() -> bytes:
    """Compute the bytes of an sRGB profile to embed; the same bytes on every day."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[: _DATE.start] + _FIXED_DATE + profile[_DATE.stop :]


def to_srgb(image: Image.Image) -> tuple[Image.Image, str | None]:
    """Convert an 8-bit image without alpha to RGB in sRGB; also tell what was wrong with its profile, if anything.

    Relative colorimetric with black-point compensation: white stays white, colors inside sRGB stay what they are.
    CMYK without a profile becomes (1 - ink) * (1 - black), as browsers and ImageMagick show it.
    """
    if image.mode == "LAB":
        return _convert(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))), None
    data = image.info.get("icc_profile")
    if not data:
        return image.convert("RGB"), None
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(data))
        return _convert(_fitted(image, profile), profile), None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image.convert("RGB"), IGNORED.format(assumed="plain CMYK" if image.mode == "CMYK" else "sRGB")


def gray_to_srgb(gray: np.ndarray, profile: bytes | None) -> tuple[np.ndarray, str | None]:
    """Convert gray values in [0, 1], of any depth, to sRGB gray; also tell if the profile cannot be used.

    A gray profile is a curve: it is sampled at 256 places and interpolated.
    """
    if not profile:
        return gray, None
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    ramp.info["icc_profile"] = profile
    converted, note = to_srgb(ramp)
    if note:
        return gray, note
    curve = np.asarray(converted)[0, :, 1] / np.float32(255)
    return np.interp(gray * 255, np.arange(256), curve).astype(np.float32), None


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
    if mode == "L" and image.mode == "RGB" and _is_gray(image):
        return image.getchannel("G")
    raise ValueError(f"a profile for {mode} in an image of mode {image.mode}")


def _is_gray(image: Image.Image) -> bool:
    red, green, blue = (np.asarray(channel) for channel in image.split())
    return bool((red == green).all() and (green == blue).all())
