"""Color, light and surfaces: palettes, blending, blur, relief lighting and paper."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng, fbm, noise


def palette(*colors: str) -> Array:
    """Hexadecimal colors such as `1d3f8b` as rows of RGB in 0..1."""  # (N, 3)
    return np.array([[int(c[i : i + 2], 16) / 255 for i in (0, 2, 4)] for c in colors], dtype=np.float32)


def ramp(colors: Array, t: Array, stops: Sequence[float] | None = None) -> Array:
    """Colors along a palette: 0 is its first color, 1 its last."""  # (..., 3)
    places = np.linspace(0.0, 1.0, len(colors)) if stops is None else np.asarray(stops)
    return np.stack([np.interp(t, places, colors[:, c]) for c in range(3)], axis=-1).astype(np.float32)


def pick(rng: Rng, colors: Array, count: int, weights: Sequence[float] | None = None) -> Array:
    """Random colors of a palette."""  # (count, 3)
    p = None if weights is None else np.asarray(weights) / np.sum(weights)
    chosen: Array = colors[rng.choice(len(colors), count, p=p)]
    return chosen


def blend(under: Array, over: Array, alpha: Array) -> Array:
    """One color laid over another where `alpha` is 1."""  # (H, W, 3)
    return np.asarray(under + (over - under) * alpha[..., None], dtype=np.float32)


def luminance(color: Array) -> Array:
    """How light a color looks."""
    return np.asarray(color @ np.array([0.299, 0.587, 0.114], dtype=np.float32))


def saturate(color: Array, amount: float) -> Array:
    """Colors pushed away from their gray (amount over 1) or toward it (under 1)."""
    gray = luminance(color)[..., None]
    return np.asarray(np.clip(gray + (color - gray) * amount, 0.0, 1.0))


def blur(canvas: Canvas, field: Array, radius: float) -> Array:
    """A field blurred by three box filters that together are nearly a Gaussian of standard deviation `radius`."""
    reach = max(1, round(radius * canvas.long))
    for _ in range(3):
        field = _box(_box(field, reach, 0), reach, 1)
    return field


def _box(field: Array, reach: int, axis: int) -> Array:
    """The mean over a window of 2 reach + 1 pixels, edges repeated."""
    pad = [(reach + 1, reach) if a == axis else (0, 0) for a in range(field.ndim)]
    sums = np.cumsum(np.pad(field, pad, mode="edge"), axis=axis, dtype=np.float64)
    size, span = field.shape[axis], 2 * reach + 1
    ahead = np.take(sums, np.arange(span, span + size), axis=axis)
    behind = np.take(sums, np.arange(size), axis=axis)
    return np.asarray((ahead - behind) / span, dtype=np.float32)


def slope(canvas: Canvas, height: Array) -> tuple[Array, Array]:
    """The slope of a surface in x and in y, height and distance in canvas units."""
    rise, run = np.gradient(height)
    return run * canvas.long, rise * canvas.long


def relief(canvas: Canvas, height: Array, gloss: float = 0.0) -> tuple[Array, Array]:
    """Light on a surface from the upper left: a factor around 1 for the color, and a highlight to add."""
    sx, sy = slope(canvas, height)
    facing = (sx + sy) * 0.7 / np.sqrt(1.0 + sx * sx + sy * sy)
    return np.clip(1.0 + 0.55 * facing, 0.3, 1.5), gloss * np.clip(facing - 0.25, 0.0, 1.0) ** 2


def lit(canvas: Canvas, color: Array, height: Array, gloss: float = 0.0) -> Array:
    """A colored surface under the lamp."""
    shade, shine = relief(canvas, height, gloss)
    return np.asarray(color * shade[..., None] + shine[..., None], dtype=np.float32)


def paper_height(canvas: Canvas, rng: Rng, tooth: float = 190.0) -> Array:
    """The tooth of rough paper, about zero mean and unit variance."""
    return 0.75 * fbm(canvas, rng, tooth, octaves=2) + 0.45 * noise(canvas, rng, tooth / 3)
