"""Mosaic: rows of tesserae that follow curves, each cut and set by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng, fbm, noise, noise_function, smoothstep
from impasto.swatches.cells import apart
from impasto.swatches.paint import blend, lit, palette, ramp

SIZE = 0.0165  # a tessera's side
SEA = palette("10305e", "1b5a86", "2f8fa0", "7fc0b0", "dfe6c8")
EARTH = palette("5a1f1a", "a33b22", "d0793a", "e8c07a", "f3ead2")
GOLD = palette("8a5a10", "c8921f", "f2cf5a")


@dataclass(frozen=True)
class Setting:
    """How the tesserae lie: numbers of row and place, the tile's middle, and the distance to its edge."""

    row: Array
    place: Array
    x: Array
    y: Array
    edge: Array

    def fields(self) -> tuple[Array, ...]:
        """All five."""
        return self.row, self.place, self.x, self.y, self.edge


def mosaic(canvas: Canvas, rng: Rng) -> Array:
    """Medallions of petals and rings in a sea of waving rows."""
    shift = 0.0022 * noise(canvas, rng, 45), 0.0022 * noise(canvas, rng, 45)
    x, y = canvas.x + shift[0], canvas.y + shift[1]
    sea = _waves(rng, x, y)
    color, shiny = _sea_colors(canvas, rng, sea)
    design = np.zeros(x.shape, dtype=np.int64)
    sizes = (rng.uniform(0.2, 0.26), rng.uniform(0.12, 0.16), 0.115, 0.1, 0.085)
    for number, (cx, cy, radius) in enumerate(apart(canvas, rng, sizes, 1.08), start=1):
        area = canvas.window(cx, cy, radius + 2 * SIZE)
        ring = _rings(rng, x[area] - cx, y[area] - cy)
        inside = ring.row < round(radius / SIZE)
        petal, gilt = _medallion_colors(rng, ring, radius)
        for under, over in zip(sea.fields(), ring.fields(), strict=True):
            under[area][inside] = over[inside]
        color[area][inside], shiny[area][inside], design[area][inside] = petal[inside], gilt[inside], number
    return _set(canvas, rng, sea, design, color=color, shiny=shiny)


def _waves(rng: Rng, x: Array, y: Array) -> Setting:
    """Rows that wave from left to right."""
    phase, tilt = rng.uniform(0, 2 * np.pi), rng.uniform(-0.1, 0.1)
    rise = 0.035 * np.sin(2 * np.pi * 1.25 * x + phase) + 0.014 * np.sin(2 * np.pi * 2.7 * x + 2 * phase) + tilt * x
    across = (y + rise) / SIZE + 40
    row = np.floor(across).astype(np.int64)
    along = x / SIZE / 1.15 + rng.random(256)[row % 256] + 2
    place = np.floor(along).astype(np.int64)
    edge = np.minimum(_inset(across) * SIZE, _inset(along) * SIZE * 1.15)
    return Setting(row, place, x + (place + 0.5 - along) * SIZE * 1.15, y + (row + 0.5 - across) * SIZE, edge)


def _rings(rng: Rng, dx: Array, dy: Array) -> Setting:
    """Rows in rings around a center."""
    across, angle = np.hypot(dx, dy) / SIZE, np.arctan2(dy, dx) / (2 * np.pi) + 0.5
    row = np.floor(across).astype(np.int64)
    count = np.maximum(3, np.round(2 * np.pi * (row + 0.5) / 1.08))
    along = (angle * count + rng.random(256)[row % 256]) % count
    place = np.floor(along).astype(np.int64)
    edge = np.minimum(_inset(across), _inset(along) * 2 * np.pi * across / count) * SIZE
    turn = 2 * np.pi * (angle + (place + 0.5 - along) / count - 0.5)
    away = (row + 0.5) * SIZE
    return Setting(row, place, away * np.cos(turn), away * np.sin(turn), edge)


def _inset(number: Array) -> Array:
    """How far a number is from the nearest whole one."""
    part = number - np.floor(number)
    return np.asarray(np.minimum(part, 1 - part))


def _sea_colors(canvas: Canvas, rng: Rng, sea: Setting) -> tuple[Array, Array]:
    """Bands of deep and shallow water with foam, and sparks of gold."""
    read = noise_function(rng, 4.0)
    depth = 0.45 + 0.2 * read(sea.x, sea.y * 1.6) + 0.28 * np.sin(sea.row * 0.42 + rng.uniform(0, 6))
    gilt = read(sea.x * 2.2 + 9, sea.y * 4 + 5) > 1.75
    return np.where(gilt[..., None], GOLD[2], ramp(SEA, depth)), gilt


def _medallion_colors(rng: Rng, ring: Setting, radius: float) -> tuple[Array, Array]:
    """Petals around a heart of gold within dark and light rings."""
    away, turn = np.hypot(ring.x, ring.y) / radius, np.arctan2(ring.y, ring.x)
    petals, phase = int(rng.integers(5, 9)), rng.uniform(0, 6)
    wave = 0.5 + 0.5 * np.cos(petals * turn + phase)
    tip = 0.30 + 0.42 * np.sqrt(wave)
    petal = ramp(EARTH, np.clip(away / tip, 0, 1) * 0.95)
    color = np.where((away < tip)[..., None], petal, ramp(SEA, 0.15 + 0.75 * (away - 0.3) * (1 - wave)))
    rows = np.round(radius / SIZE) - 1 - ring.row
    rim = np.array([EARTH[4], EARTH[0], GOLD[1], EARTH[1], EARTH[4]])
    color = np.where((rows < 5)[..., None], rim[np.clip(rows, 0, 4).astype(int)], color)
    gilt = (rows == 2) | (away < 0.2)
    return np.where((away < 0.2)[..., None], GOLD[2], color), gilt


def _set(canvas: Canvas, rng: Rng, tiles: Setting, design: Array, *, color: Array, shiny: Array) -> Array:
    """The tiles with their own colors and tilts, pressed into grout and lit."""
    key = (tiles.row * 7919 + tiles.place * 104729 + design * 1299709) % 8192
    tint, light = rng.normal(0, 0.035, (8192, 3))[key], rng.normal(1.0, 0.16, 8192)[key]
    color = color * light[..., None] + tint + 0.03 * fbm(canvas, rng, 60, octaves=3)[..., None]
    spark = np.clip(rng.normal(0.15, 0.35, 8192)[key], -0.2, 0.8)
    color = np.where(shiny[..., None], color * (0.85 + 0.7 * spark[..., None]), color)
    gap = 0.0013 * (1 + 0.5 * rng.random(8192)[key])
    stone = smoothstep(gap - canvas.pixel, gap + canvas.pixel, tiles.edge)
    tilt = rng.normal(0, 0.11, (2, 8192))
    level = 0.0034 * smoothstep(0.0, 0.0042, tiles.edge) + 0.0003 * fbm(canvas, rng, 90, octaves=3)
    lean = tilt[0][key] * (canvas.x - tiles.x) + tilt[1][key] * (canvas.y - tiles.y)
    level = level + np.where(design == 0, lean, 0)
    grout = ramp(palette("4a4038", "9a8b76"), 0.5 + 0.3 * fbm(canvas, rng, 80, octaves=3))
    return lit(canvas, blend(grout, np.clip(color, 0, 1), stone), level * 0.7, gloss=0.4)
