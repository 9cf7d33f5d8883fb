"""Profiles that are a curve per channel and a matrix, applied in floating point.

LittleCMS, as Pillow offers it, turns bytes into bytes: it would drop the lower half of 16-bit colors, and it cuts what
lies outside sRGB channel by channel.  The profiles of displays and cameras (Display P3, Adobe RGB, ProPhoto) are simple
enough to be applied here at any depth.

Reference:
    ICC.1:2022, 8.3.3 and 8.4.3 (matrix-based and gray profiles), 10.6 and 10.18 (curves), F.2 and F.3 (their models)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from PIL import ImageCms

from impasto.images.gamut import encoded, into_gamut

_BAND: Final = 1 << 18  # pixels converted at a time
_GRID: Final = np.arange(65536) / 65535
_HALF_LEVEL: Final = 0.5 / 255


@dataclass(frozen=True, eq=False)
class Shaper:
    """The way from device values to linear sRGB: a curve per channel, one alone for gray; then a matrix.

    Shape:
        curves (3, 65536) or (1, 65536), matrix (3, 3)
    """

    curves: np.ndarray
    matrix: np.ndarray

    def is_srgb(self) -> bool:
        """Tell if this is sRGB itself, but for the rounding of the numbers in the profile."""
        same_curves = np.abs(encoded(self.curves) - _GRID).max() < _HALF_LEVEL
        return bool(same_curves and np.abs(self.matrix - np.eye(3)).max() < 2e-3)

    def to_srgb(self, samples: np.ndarray) -> np.ndarray:
        """Compute sRGB values; a color that sRGB does not have becomes one at its border (`gamut.into_gamut`).

        Shape:
            (H, W) or (H, W, 3) uint16 -> the same, float32 in [0, 1]; always (H, W, 3) if there are three curves
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
    """Read a profile that LittleCMS has accepted; None if it is not of this simple kind, or too odd."""
    try:
        tags = _tags(data)
        if data[20:24] != b"XYZ " or b"A2B0" in tags or b"A2B1" in tags:
            return None
        if data[16:20] == b"GRAY":
            return Shaper(_curve(tags[b"kTRC"])[None], np.eye(3))
        if data[16:20] != b"RGB ":
            return None
        curves = np.stack([_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")])
        shaper = Shaper(curves, _white_to_white(np.linalg.solve(_srgb_colorants(), _colorants(tags))))
    except (KeyError, IndexError, ValueError, struct.error, FloatingPointError, np.linalg.LinAlgError):
        return None
    return shaper if np.isfinite(shaper.curves).all() and np.isfinite(shaper.matrix).all() else None


@cache
def _srgb_colorants() -> np.ndarray:
    """Compute the XYZ values, adapted to D50, of the primaries of sRGB: columns of a (3, 3) matrix."""
    return _colorants(_tags(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()))


def _tags(data: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", data, 128)
    entries = (struct.unpack_from(">4sII", data, 132 + 12 * i) for i in range(min(count, 100)))
    return {name: data[start : start + size] for name, start, size in entries}


def _colorants(tags: dict[bytes, bytes]) -> np.ndarray:
    return np.array([_fixed(tags[name], 8, 3) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]).T


def _white_to_white(matrix: np.ndarray) -> np.ndarray:
    """Undo the rounding of the numbers in the profile for white and gray, where it would be seen."""
    white = matrix.sum(1, keepdims=True)
    return matrix / white if np.abs(white - 1).max() < 1e-3 else matrix


def _fixed(tag: bytes, start: int, count: int) -> list[float]:
    """Read `count` numbers of type s15Fixed16."""
    return [value / 65536 for value in struct.unpack_from(f">{count}i", tag, start)]


def _curve(tag: bytes) -> np.ndarray:
    """Sample a curve at 65,536 places from 0 to 1.  Shape: (65536,) in [0, 1]."""
    with np.errstate(all="raise", under="ignore"):
        sampled = _parametric(tag) if tag[:4] == b"para" else _tabulated(tag)
    return sampled.clip(0, 1)


def _tabulated(tag: bytes) -> np.ndarray:
    (count,) = struct.unpack_from(">I", tag, 8)
    values = np.array(struct.unpack_from(f">{count}H", tag, 12)) if tag[:4] == b"curv" and count <= 65536 else None
    if values is None:
        raise ValueError("not a curve")
    if count == 0:
        return _GRID
    if count == 1:
        return np.asarray(_GRID ** (values[0] / 256))
    return np.interp(_GRID, np.linspace(0, 1, count), values / 65535)


def _parametric(tag: bytes) -> np.ndarray:
    """Sample one of the five kinds of formulas, all of which are Y = (aX + b)^g + e for X >= d, else cX + f."""
    (kind,) = struct.unpack_from(">H", tag, 8)
    p = _fixed(tag, 12, (1, 3, 4, 5, 7)[kind])
    g, a, b = (p[0], p[1], p[2]) if kind else (p[0], 1.0, 0.0)
    c, d, e, f = 0.0, -b / a if a else 0.0, 0.0, 0.0
    if kind == 2:
        e = f = p[3]
    elif kind > 2:
        c, d = p[3], p[4]
        e, f = (p[5], p[6]) if kind == 4 else (0.0, 0.0)
    return np.where(d <= _GRID, np.maximum(a * _GRID + b, 0) ** g + e, c * _GRID + f)
