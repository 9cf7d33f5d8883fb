"""Colors that sRGB does not have -> the nearest that it has, as the eye sees them.

Cutting each channel at 0 and 1 turns hues and makes different colors equal: all of the deep reds of a phone's display
become one red.  Here the lightness and the hue stay and the chroma gives way, except where cutting cannot be told from
that.  Colors inside sRGB do not change.

Reference:
    CSS Color Module Level 4 (W3C), 13.2: binary search for the chroma in Oklch with local clipping
    Ottosson (2020), A perceptual color space for image processing: Oklab
"""

from __future__ import annotations

from typing import Final

import numpy as np

_ROUNDING: Final = 1e-4  # a thousandth of a byte's level in linear light, at white; profiles are no more exact
_JUST_NOTICEABLE: Final = 0.02
_HALVINGS: Final = 10
_BLOCK: Final = 1 << 14  # colors at a time, so that they stay in the processor's cache

_LMS: Final = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
_LAB: Final = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)
_FROM_LAB: Final = np.linalg.inv(_LAB)
_SRGB: Final = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)  # -> CIE XYZ, adapted to D50
_FROM_XYZ: Final = np.linalg.inv(_SRGB / _SRGB.sum(1, keepdims=True))  # in parts of white
_FROM_LMS: Final = np.linalg.inv(_LMS)


def encoded(linear: np.ndarray) -> np.ndarray:
    """Compute sRGB values from linear ones in [0, 1].

    Reference: IEC 61966-2-1
    """
    curved = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, curved)


def linear_of_lab(lab: np.ndarray) -> np.ndarray:
    """Compute linear sRGB values, also beyond [0, 1], from CIE L*a*b* under D50.  Shape: (N, 3) -> (N, 3)."""
    y = (lab[:, 0] + 16) / 116
    curved = np.stack([y + lab[:, 1] / 500, y, y - lab[:, 2] / 200], axis=1)
    parts = np.where(curved > 6 / 29, curved**3, (curved - 4 / 29) * (108 / 841))
    return np.asarray(parts @ _FROM_XYZ.T)


def into_gamut(linear: np.ndarray) -> np.ndarray:
    """Compute the colors in [0, 1] that look most like `linear` ones, where these lie outside.

    Shape: (..., 3) linear sRGB -> (..., 3)
    """
    inside = linear.clip(0, 1)
    outside = (np.abs(inside - linear) > _ROUNDING).any(-1)
    if outside.any():
        colors = linear[outside].astype(np.float32)
        blocks = [_less_chroma(colors[start : start + _BLOCK]) for start in range(0, len(colors), _BLOCK)]
        inside[outside] = np.concatenate(blocks)
    return inside


def _less_chroma(linear: np.ndarray) -> np.ndarray:
    """Halve the interval of chromas until the color is as colorful as sRGB allows.  Shape: (N, 3) -> (N, 3)."""
    lab = _oklab(linear)
    lab[:, 0] = lab[:, 0].clip(0, 1)
    low, high = np.zeros(len(lab), np.float32), np.ones(len(lab), np.float32)
    fits = _nearly_inside(lab)
    low[fits] = 1
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        fits = _nearly_inside(_with_chroma(lab, middle))
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return _linear(_with_chroma(lab, low)).clip(0, 1)


def _with_chroma(lab: np.ndarray, factor: np.ndarray) -> np.ndarray:
    return np.concatenate([lab[:, :1], lab[:, 1:] * factor[:, None]], axis=1)


def _nearly_inside(lab: np.ndarray) -> np.ndarray:
    """Tell for each color if cutting its channels changes it by less than the eye notices."""
    cut = _oklab(_linear(lab).clip(0, 1))
    return np.asarray(((cut - lab) ** 2).sum(1) < _JUST_NOTICEABLE**2)


def _oklab(linear: np.ndarray) -> np.ndarray:
    return np.asarray(np.cbrt(linear @ _LMS.T) @ _LAB.T)


def _linear(lab: np.ndarray) -> np.ndarray:
    return np.asarray((lab @ _FROM_LAB.T) ** 3 @ _FROM_LMS.T)
