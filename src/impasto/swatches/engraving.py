"""Copper engraving: fine lines that bend over the form, swell with the tone and cross in the shadows."""

from __future__ import annotations

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng, fbm, noise, smoothstep
from impasto.swatches.paint import blend, blur, palette, paper_height, relief, slope
from impasto.swatches.prints import lines
from impasto.swatches.scene import outline


def engraving(canvas: Canvas, rng: Rng) -> Array:
    """Clouds heaped over folded hills, with a pale sun: every shade is made of lines."""
    height, part = _forms(canvas, rng)
    tone = _light(canvas, rng, height, part)
    ink = np.zeros_like(tone)
    jitter = 0.06 * noise(canvas, rng, 60) + 0.08 * noise(canvas, rng, 14)
    passes = ((0.0, 0.0062, 1.0), (0.95, 0.0066, 0.62), (-0.75, 0.0070, 0.36), (0.45, 0.0074, 0.2))
    for turn, pitch, start in passes:
        across = canvas.y * np.cos(turn) + canvas.x * np.sin(turn) + 0.62 * height
        width = np.clip((start - tone) / start, 0.0, 1.0) ** 0.9 * 0.82
        ink = np.maximum(ink, lines(canvas, across / pitch + jitter, 1 - width, pitch) * smoothstep(0.03, 0.12, width))
    return _plate(canvas, rng, ink)


def _forms(canvas: Canvas, rng: Rng) -> tuple[Array, Array]:
    """A height for every pixel, and whether it is sky, cloud or hill."""
    height, part = 0.01 * noise(canvas, rng, 3), np.zeros((canvas.height, canvas.width), dtype=np.int64)
    bump = fbm(canvas, rng, 9, octaves=3)
    for x, y, radius in _puffs(canvas, rng):
        area = canvas.window(x, y, 1.2 * radius)
        away = np.hypot(canvas.x[area] - x, canvas.y[area] - y) / radius + 0.07 * bump[area]
        dome = radius * np.sqrt(np.clip(1 - away * away, 0, 1)) + 0.2 * (canvas.bottom - y) * (away < 1)
        height[area] = np.where(away < 1, np.maximum(dome, height[area]), height[area])
        part[area] = np.where(away < 1, 1, part[area])
    for k in range(4):
        top = canvas.bottom * (0.56 + 0.12 * k) - 0.055 * outline(rng, canvas.x[0], 1.6, 0.4)
        depth = canvas.y - top
        slant = canvas.x + rng.uniform(-0.9, 0.9) * depth
        fold = np.abs(np.sin(slant * rng.uniform(20, 34) + 1.5 * noise(canvas, rng, 5)))
        hill = 0.035 * fold * smoothstep(0, 0.08, depth) + 0.03 * np.sqrt(np.clip(depth / 0.1, 0, 1)) + 0.004 * bump
        height, part = np.where(depth > 0, hill, height), np.where(depth > 0, 2 + k, part)
    return height, part


def _puffs(canvas: Canvas, rng: Rng) -> list[tuple[float, float, float]]:
    """Centers and radii of the puffs of a few heaped clouds, large in the middle and small at the edges."""
    found = []
    for _ in range(7):
        x, y, size = rng.uniform(0, 1) * canvas.right, canvas.bottom * rng.uniform(0.14, 0.46), rng.uniform(0.6, 1.15)
        for along in rng.uniform(-1, 1, 16):
            radius = size * (0.018 + 0.055 * (1 - along * along) * rng.uniform(0.45, 1.0))
            rise = size * 0.075 * (1 - along * along) * rng.uniform(-0.2, 1.0)
            found.append((x + 0.15 * size * along, y - rise, radius))
    return found


def _light(canvas: Canvas, rng: Rng, height: Array, part: Array) -> Array:
    """How light each pixel is to look: lit from the upper left, hazier far away, darker toward the edges."""
    sx, sy = slope(canvas, blur(canvas, height, 0.003))
    facing = (0.62 * sx + 0.62 * sy + 0.75) / np.sqrt(1 + sx * sx + sy * sy)
    sky = 0.42 + 0.5 * canvas.y / canvas.bottom + 0.1 * noise(canvas, rng, 3, stretch=3)
    sun = np.hypot(canvas.x - canvas.right * rng.uniform(0.15, 0.85), canvas.y - canvas.bottom * 0.12)
    sky = np.where(sun < 0.05, 1.0, sky + 0.4 * np.exp(-sun / 0.15))
    tone = np.where(part == 0, sky, np.where(part == 1, 0.2 + 0.85 * facing, 0.06 + 0.85 * facing - 0.035 * part))
    return np.clip(tone + 0.05 * fbm(canvas, rng, 8, octaves=3), 0.02, 1)


def _plate(canvas: Canvas, rng: Rng, ink: Array) -> Array:
    """Sepia ink wiped from a plate onto dampened, foxed paper, with a film of tone."""
    film = 0.05 + 0.035 * fbm(canvas, rng, 3) + 0.02 * noise(canvas, rng, 60, stretch=12)
    foxing = smoothstep(1.3, 2.8, fbm(canvas, rng, 11, octaves=4))
    paper = palette("f0e4c8") * (1 + 0.03 * fbm(canvas, rng, 6))[..., None]
    paper = blend(paper, palette("b98a4f"), 0.35 * foxing)
    uneven = np.clip(0.93 + 0.06 * fbm(canvas, rng, 5) - 0.25 * smoothstep(1.4, 2.6, noise(canvas, rng, 230)), 0, 1)
    shade, _ = relief(canvas, paper_height(canvas, rng, 200) * 0.0001 + 0.0003 * ink)
    sheet = blend(paper, palette("2a1a10"), np.clip(np.maximum(ink * uneven, film), 0, 1))
    return np.asarray(sheet * shade[..., None])
