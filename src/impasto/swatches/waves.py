"""Seigaiha: overlapping waves, printed from a block by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng, fbm, noise, smoothstep, unit
from impasto.swatches.paint import blend, palette, paper_height, ramp, relief

INDIGO = palette("0c1c3c", "173a6b", "2b639a", "6ba0bf", "b9d2d3")
SUN = palette("8f1d14", "c23a22", "dd6a3a")


def seigaiha(canvas: Canvas, rng: Rng) -> Array:
    """A sea of arched waves that grow toward the viewer, no two inked alike, under a disc of vermilion."""
    u, v, back = _ocean(canvas, rng)
    row, column, away = _scales(u, v)
    key = (row * 4099 + column * 131) % 4096
    cx, cy = back(2.0 * column + (row % 2), row * 0.5)
    color, gilt = _inked(canvas, rng, cx, cy, key)
    ink = _rings(canvas, rng, away, key)
    return _printed(canvas, rng, color, ink, gilt=gilt, away=away)


def _ocean(canvas: Canvas, rng: Rng) -> tuple[Array, Array, Callable[[Array, Array], tuple[Array, Array]]]:
    """Coordinates in radii of a wave, from a map that keeps circles round and makes the near ones larger."""
    x0, y0 = canvas.right * rng.uniform(0.3, 0.7), -rng.uniform(0.35, 0.6)
    turn, scale = rng.uniform(0, 2 * np.pi), rng.uniform(12.0, 15.0)
    wobble = 0.0022 * noise(canvas, rng, 16), 0.0022 * noise(canvas, rng, 16)
    dx, dy = canvas.x - x0 + wobble[0], canvas.y - y0 + wobble[1]
    u, v = np.arctan2(dx, dy) * scale + turn, np.log(np.hypot(dx, dy)) * scale + 40

    def back(a: Array, b: Array) -> tuple[Array, Array]:
        radius, angle = np.exp((b - 40) / scale), (a - turn) / scale
        return x0 + radius * np.sin(angle), y0 + radius * np.cos(angle)

    return u, v, back


def _scales(u: Array, v: Array) -> tuple[Array, Array, Array]:
    """Row and column of the frontmost wave at every pixel, and the distance from its center in radii."""
    row, column, away = np.zeros(u.shape, int), np.zeros(u.shape, int), np.full(u.shape, 2.0)
    lowest = np.floor((v + 1.0) * 2).astype(int)
    for step in range(4, -1, -1):
        here = lowest - step
        place = np.round((u - here % 2) / 2).astype(int)
        distance = np.hypot(u - 2.0 * place - here % 2, v - here * 0.5)
        over = distance <= 1.0
        row, column, away = np.where(over, here, row), np.where(over, place, column), np.where(over, distance, away)
    return row, column, away


def _inked(canvas: Canvas, rng: Rng, cx: Array, cy: Array, key: Array) -> tuple[Array, Array]:
    """The ink of every wave: swells of light and dark water, the sun's disc, and a few gilded waves."""
    swell = 0.30 * np.sin(5.5 * cx + 7.5 * cy + rng.uniform(0, 6)) + 0.15 * np.sin(11 * cx - 9 * cy + rng.uniform(0, 6))
    tone = 0.62 - 0.55 * (cy / canvas.bottom - 0.3) + swell + rng.normal(0, 0.11, 4096)[key]
    color = ramp(INDIGO, np.clip(tone, 0, 1))
    sun = (canvas.right * rng.uniform(0.2, 0.8), canvas.bottom * rng.uniform(0.2, 0.42))
    inside = np.hypot(cx - sun[0], cy - sun[1]) < rng.uniform(0.14, 0.18)
    color = np.where(inside[..., None], ramp(SUN, unit(rng.normal(0, 1.2, 4096))[key]), color)
    gilt = (rng.random(4096) < 0.05)[key] & ~inside
    return np.where(gilt[..., None], palette("c9983a")[0], color), gilt


def _rings(canvas: Canvas, rng: Rng, away: Array, key: Array) -> Array:
    """How much ink each ring carries: three to five arcs with clean paper between, the rim strongest."""
    count = rng.integers(3, 6, 4096)[key]
    part = away * count + 0.06 * noise(canvas, rng, 60)
    inside = np.abs(part - np.floor(part) - 0.42)
    wide = 0.30 + 0.05 * noise(canvas, rng, 20) + rng.normal(0, 0.03, 4096)[key]
    soft = 0.10
    ink = smoothstep(wide + soft, wide - soft, inside)
    heart = smoothstep(0.9, 0.7, part)
    return np.asarray(np.maximum(ink, heart * (rng.random(4096) < 0.5)[key]))


def _printed(canvas: Canvas, rng: Rng, color: Array, ink: Array, *, gilt: Array, away: Array) -> Array:
    """Ink on soft paper: wood grain, the baren's swirl, dry patches and darker rims."""
    grain = noise(canvas, rng, 150, stretch=16) + 0.7 * noise(canvas, rng, 50, stretch=9)
    patch = fbm(canvas, rng, 6, octaves=5)
    dry = smoothstep(0.5, 2.4, fbm(canvas, rng, 200, octaves=2) + 0.35 * grain - 0.6 * patch)
    load = np.clip(0.88 + 0.09 * patch + 0.05 * grain, 0.3, 1.0) * (1 - 0.75 * dry)
    pooled = 1 - 0.28 * smoothstep(0.55, 1.0, ink) * smoothstep(0.75, 1.0, away)
    fibers = sum(smoothstep(1.6, 2.6, noise(canvas, rng, 90, stretch=s)) for s in (0.2, 6))
    paper = palette("efe4cb") * (1 + 0.03 * fbm(canvas, rng, 8) - 0.06 * fibers)[..., None]
    wash = blend(paper, color, np.clip(0.16 + 0.08 * patch, 0, 0.45) * (1 - gilt))
    print_ = blend(wash, color * (pooled * (1 + 0.06 * grain))[..., None], ink * load)
    shade, shine = relief(canvas, paper_height(canvas, rng, 170) * 0.00022 - 0.0003 * ink, gloss=0.3)
    return np.asarray(print_ * shade[..., None] + (shine * gilt)[..., None])
