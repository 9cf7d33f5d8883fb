"""Frames of high dynamic range -> sRGB: PQ and HLG, BT.2020, tone-mapped as BT.2390 has it."""

from __future__ import annotations

import numpy as np

from impasto.images.gamut import encoded

PQ, HLG = 16, 18  # as FFmpeg counts transfer characteristics
WHITE = 203.0  # cd/m2 of a sheet of paper in HDR (BT.2408)
# ST 2084: both exponents, and what stands above and below the line.
_M1, _M2, _C1, _C2, _C3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
PEAK = 1000.0  # cd/m2 that a film is taken to reach
# BT.2020's primaries to BT.709's, both with D65 (BT.2087).
TO_709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))


def tone_mapped(values: np.ndarray, transfer: int) -> np.ndarray:
    """Colors of BT.2020, coded as `transfer` says, in sRGB.  Shape: (H, W, 3) uint16 -> (H, W, 3) uint8."""
    coded = values.astype(np.float32) / 65535
    light = pq_light(coded) if transfer == PQ else hlg_light(coded)
    brightest = light.max(2, keepdims=True)
    light = light * (rolled_off(brightest) / np.maximum(brightest, 1e-6))
    linear = np.clip(light @ np.asarray(TO_709, np.float32).T / WHITE, 0, 1)
    levels: np.ndarray = np.round(255 * encoded(linear)).astype(np.uint8)
    return levels


def pq_light(coded: np.ndarray) -> np.ndarray:
    """Coded values in [0, 1] -> cd/m2.  Reference: SMPTE ST 2084."""
    root = coded ** (1 / _M2)
    light: np.ndarray = 1e4 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1)
    return light


def pq_coded(light: np.ndarray) -> np.ndarray:
    """cd/m2 -> coded values in [0, 1]."""
    power = (np.maximum(light, 0) / 1e4) ** _M1
    coded: np.ndarray = ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2
    return coded


def hlg_light(coded: np.ndarray) -> np.ndarray:
    """Coded values in [0, 1] -> cd/m2 on a screen of `PEAK`.  Reference: BT.2100, its gamma 1.2."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(coded <= 0.5, coded**2 / 3, (np.exp((coded - c) / a) + b) / 12)
    luma = scene @ np.asarray((0.2627, 0.678, 0.0593), np.float32)
    light: np.ndarray = PEAK * np.maximum(luma, 1e-6)[..., None] ** 0.2 * scene
    return light


def rolled_off(light: np.ndarray) -> np.ndarray:
    """Brightness up to `PEAK` squeezed below `WHITE`; what is dark stays as it is.

    Reference: BT.2390, section 5.4.1.
    """
    top = pq_coded(np.array(PEAK))
    value, most = np.minimum(pq_coded(light) / top, 1), pq_coded(np.array(WHITE)) / top
    knee = 1.5 * most - 0.5
    t = np.clip((value - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    return pq_light(np.where(value < knee, value, spline) * top)
