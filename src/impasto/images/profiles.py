"""ICC color profiles -> sRGB.

LittleCMS, as Pillow offers it, turns bytes into bytes: it would drop the lower half of 16-bit colors, and it cuts what
lies outside sRGB channel by channel.  The profiles of displays and cameras (Display P3, Adobe RGB, ProPhoto) are a
curve per channel and a matrix, simple enough to be applied here in floating point, at any depth.

Reference:
    ICC.1:2022, 8.3.3 and 8.4.3 (matrix-based and gray profiles), 10.6 and 10.18 (curves), F.2 and F.3 (their models)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any, Final

import numpy as np
from PIL import Image, ImageCms

from impasto.images.gamut import encoded, into_gamut

_UNUSABLE: Final = (ImageCms.PyCMSError, OSError, ValueError, TypeError)  # what reading or applying a profile raises
_MODES_OF_SPACE: Final = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
_DATE: Final = slice(24, 36)  # of a profile's header
_FIXED_DATE: Final = bytes.fromhex("07d0 0001 0001 0000 0000 0000")  # 2000-01-01
_BAND: Final = 1 << 18  # pixels converted at a time
_GRID: Final = np.arange(65536) / 65535
_HALF_LEVEL: Final = 0.5 / 255


@cache
def srgb_profile() -> bytes:
    """Compute the bytes of an sRGB profile to embed; the same bytes on every day."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[: _DATE.start] + _FIXED_DATE + profile[_DATE.stop :]


def to_srgb(image: Image.Image) -> tuple[np.ndarray, str | None]:
    """Convert an 8-bit image without alpha to sRGB; also tell what was wrong with its profile, if anything.

    Relative colorimetric with black-point compensation: white stays white, colors inside sRGB stay what they are.
    Where the profile is a curve and a matrix, in floating point, and colors outside sRGB keep their hue.  CMYK without
    a profile becomes (1 - ink) * (1 - black), as browsers and ImageMagick show it.

    Shape: (H, W) -> (H, W) or (H, W, 3), uint8 or float32 in [0, 1]
    """
    if image.mode == "LAB":
        return np.asarray(_convert(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))), None
    data = image.info.get("icc_profile")
    if not data:
        return np.asarray(image.convert("RGB")), None
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(data))
        fitted, shaper = _fitted(image, profile), read_shaper(data)
        if shaper is None:
            return np.asarray(_convert(fitted, profile)), None
        colors = np.asarray(fitted)
        return colors if shaper.is_srgb() else shaper.to_srgb(colors.astype(np.uint16) * 257), None
    except _UNUSABLE:
        assumed = "plain CMYK" if image.mode == "CMYK" else "sRGB"
        note = f"the embedded color profile could not be used and was ignored; {assumed} assumed"
        return np.asarray(image.convert("RGB")), note


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


@dataclass(frozen=True, eq=False)
class Shaper:
    """The way from device values to linear sRGB: a curve per channel, one alone for gray; then a matrix.

    Shape: curves (3, 65536) or (1, 65536), matrix (3, 3)
    """

    curves: np.ndarray
    matrix: np.ndarray

    def is_srgb(self) -> bool:
        """Tell if this is sRGB itself, but for the rounding of the numbers in the profile."""
        same_curves = np.abs(encoded(self.curves) - _GRID).max() < _HALF_LEVEL
        return bool(same_curves and np.abs(self.matrix - np.eye(3)).max() < 2e-3)

    def to_srgb(self, samples: np.ndarray) -> np.ndarray:
        """Compute sRGB values; a color that sRGB does not have becomes one at its border (`gamut.into_gamut`).

        Shape: (H, W) or (H, W, 3) uint16 -> the same, float32 in [0, 1]; always (H, W, 3) if there are three curves
        """
        if len(self.curves) == 1:
            return np.asarray(encoded(self.curves[0]).astype(np.float32)[samples])
        colors = samples if samples.ndim == 3 else np.broadcast_to(samples[:, :, None], (*samples.shape, 3))
        result = np.empty(colors.shape, np.float32)
        rows = max(1, _BAND // colors.shape[1])
        for top in range(0, len(colors), rows):
            linear = [curve[colors[top : top + rows, :, i]] for i, curve in enumerate(self.curves)]
            result[top : top + rows] = encoded(into_gamut(np.stack(linear, axis=-1) @ self.matrix.T))
        return result


def read_shaper(data: bytes) -> Shaper | None:
    """Read a profile; None if LittleCMS does not accept it, or it is not of this simple kind, or too odd."""
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(data)).profile
        tags = _tags(data)
        if profile.connection_space.strip() != "XYZ" or b"A2B0" in tags or b"A2B1" in tags:
            return None
        if profile.xcolor_space.strip() == "GRAY":
            shaper = Shaper(_curve(tags[b"kTRC"])[None], np.eye(3))
        else:
            curves = np.stack([_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")])
            srgb = ImageCms.ImageCmsProfile(BytesIO(srgb_profile())).profile  # rounded, as in other profiles
            matrix = np.linalg.solve(_colorants(srgb), _colorants(profile))
            white = matrix.sum(1, keepdims=True)
            if np.abs(white - 1).max() < 1e-3:
                matrix /= white  # without the rounding of the numbers in the profile, which would be seen in grays
            shaper = Shaper(curves, matrix)
    except (*_UNUSABLE, KeyError, IndexError, FloatingPointError, np.linalg.LinAlgError):
        return None
    return shaper if np.isfinite(shaper.curves).all() and np.isfinite(shaper.matrix).all() else None


def _tags(data: bytes) -> dict[bytes, bytes]:
    count = int.from_bytes(data[128:132], "big")
    entries = np.frombuffer(data, [("name", "S4"), ("start", ">u4"), ("size", ">u4")], min(count, 100), 132).tolist()
    return {name: data[start : start + size] for name, start, size in entries}


def _colorants(profile: Any) -> np.ndarray:
    """The XYZ values, adapted to D50, of the primaries: columns of a (3, 3) matrix."""
    colorants = (profile.red_colorant, profile.green_colorant, profile.blue_colorant)
    return np.array([xyz for xyz, _ in filter(None, colorants)]).T


def _curve(tag: bytes) -> np.ndarray:
    """Sample a curve at 65,536 places from 0 to 1.  Shape: (65536,) in [0, 1]."""
    with np.errstate(all="raise", under="ignore"):
        return {b"para": _parametric, b"curv": _tabulated}[tag[:4]](tag).clip(0, 1)


def _tabulated(tag: bytes) -> np.ndarray:
    count = int.from_bytes(tag[8:12], "big")
    values = np.frombuffer(tag, ">u2", count, 12)
    if count == 1:
        return np.asarray(_GRID ** (values[0] / 256))
    return np.asarray(np.interp(_GRID, np.linspace(0, 1, count), values / 65535)) if count else _GRID


def _parametric(tag: bytes) -> np.ndarray:
    """Sample one of the five kinds of formulas, all of which are Y = (aX + b)^g + e for X >= d, else cX + f."""
    kind = int.from_bytes(tag[8:10], "big")
    p = (np.frombuffer(tag, ">i4", (1, 3, 4, 5, 7)[kind], 12) / 65536).tolist()
    g, a, b = p[:3] if kind else (p[0], 1.0, 0.0)
    border = -b / a if a else 0.0
    c, d, e, f = ((0, border, 0, 0), (0, border, 0, 0), (0, border, *p[3:] * 2), (*p[3:], 0, 0), p[3:])[kind]
    return np.asarray(np.where(d <= _GRID, np.maximum(a * _GRID + b, 0) ** g + e, c * _GRID + f))
