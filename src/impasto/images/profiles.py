"""ICC color profiles -> sRGB.

LittleCMS, as libvips calls it, computes with 16 bits and cuts what lies outside sRGB channel by channel.  Colors that
it cut are computed once more from CIE Lab, so that they keep their hue (`gamut.into_gamut`).
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import ImageCms

from impasto.images.decoding import array_of, image_of, libvips
from impasto.images.gamut import encoded, into_gamut, linear_of_lab

if TYPE_CHECKING:
    import pyvips

_DATE: Final = slice(24, 36)  # of a profile's header
_SPACE: Final = slice(16, 20)
_FIXED_DATE: Final = bytes.fromhex("07d0 0001 0001 0000 0000 0000")  # 2000-01-01
_BANDS: Final = {b"RGB ": 3, b"GRAY": 1, b"CMYK": 4}
_BAND: Final = 1 << 20  # pixels converted at a time
_ROUNDING: Final = 0.75 / 255
_VISIBLE: Final = 1e-3  # in linear light; Lab of 16 bits is exact to a third of it
_HOW: Final[dict[str, Any]] = {"embedded": True, "intent": "relative", "black_point_compensation": True}


@cache
def srgb_profile() -> bytes:
    """Compute the bytes of an sRGB profile to embed; the same bytes on every day."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[: _DATE.start] + _FIXED_DATE + profile[_DATE.stop :]


def to_srgb(colors: np.ndarray, profile: bytes) -> tuple[np.ndarray, str | None]:
    """Convert colors without alpha to sRGB; also tell what was wrong with their profile, if anything.

    Relative colorimetric with black-point compensation: white stays white, colors inside sRGB stay what they are.
    A profile that is sRGB but for rounding changes nothing at all.

    Shape: (H, W, C) uint8 or uint16; C is 1 for gray, 3 for RGB, 4 for CMYK -> the same, or (H, W, 3) float32
    """
    fitted = _fitted(colors, _BANDS.get(profile[_SPACE], 0))
    try:
        ImageCms.ImageCmsProfile(BytesIO(profile))  # libvips would take another profile without a word
        if fitted is None:
            raise ValueError("for another kind of image")
        if fitted.shape[2] < 4 and _is_srgb(fitted.shape[2], profile):
            return colors, None
        return _converted(fitted, profile), None
    except (libvips().Error, ImageCms.PyCMSError, OSError, ValueError, TypeError):
        assumed = "plain CMYK" if colors.shape[2] == 4 else "sRGB"
        return colors, f"the embedded color profile could not be used and was ignored; {assumed} assumed"


def _fitted(colors: np.ndarray, bands: int) -> np.ndarray | None:
    """Give colors the number of channels that a profile is for, where none is invented or lost; else None."""
    if bands == colors.shape[2]:
        return colors
    if (bands, colors.shape[2]) == (3, 1):
        return np.repeat(colors, 3, axis=2)
    gray = bands == 1 and colors.shape[2] == 3 and bool((colors == colors[:, :, :1]).all())
    return colors[:, :, :1] if gray else None


def _is_srgb(bands: int, profile: bytes) -> bool:
    """Tell if a profile moves no color of a lattice by more than LittleCMS may for want of precision."""
    steps = np.linspace(0, 255, 18).round().astype(np.uint8)
    lattice = np.stack(np.meshgrid(*[steps] * bands, indexing="ij"), axis=-1).reshape(1, -1, bands)
    moved = _directly(lattice, profile).astype(np.float32) / 65535 - lattice / np.float32(255)
    return bool(np.abs(moved).max() < _ROUNDING)


def _converted(colors: np.ndarray, profile: bytes) -> np.ndarray:
    """Shape: (H, W, C) -> (H, W, 3) float32."""
    result = np.empty((*colors.shape[:2], 3), np.float32)
    rows = max(1, _BAND // colors.shape[1])
    for top in range(0, len(colors), rows):
        block, made = colors[top : top + rows], result[top : top + rows]
        levels = _directly(block, profile)
        made[:] = levels / np.float32(65535)
        if colors.shape[2] == 3:
            cut = ((levels == 0) | (levels == 65535)).any(-1) & (levels != levels[:, :, :1]).any(-1)
            near = colors.dtype == np.uint16  # where LittleCMS blends colors with those around them that it cuts
            if (again := cut | near).any():
                made[again] = _uncut(block[again], profile, made[again], all_of_them=near)
    return result


def _uncut(colors: np.ndarray, profile: bytes, cut: np.ndarray, all_of_them: bool) -> np.ndarray:
    """Compute colors once more, those alone that differ visibly or all.  Shape: (N, 3) -> (N, 3)."""
    linear = linear_of_lab(array_of(_tagged(colors[None], profile).icc_import(pcs="lab", **_HOW))[0])
    seen = (np.abs(linear - linear.clip(0, 1)) > _VISIBLE).any(-1) | all_of_them
    cut[seen] = encoded(into_gamut(linear[seen]))
    return cut


def _directly(colors: np.ndarray, profile: bytes) -> np.ndarray:
    """Shape: (H, W, C) -> (H, W, 3) uint16."""
    return array_of(_tagged(colors, profile).icc_transform("srgb", depth=16, **_HOW))


def _tagged(colors: np.ndarray, profile: bytes) -> pyvips.Image:
    return image_of(colors, "cmyk" if colors.shape[2] == 4 else "", profile)
