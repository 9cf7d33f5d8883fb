"""Gold leaf: ornament in raised gold, silver and enamel colors."""

from __future__ import annotations

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng, fbm, noise, smoothstep
from impasto.swatches.cells import Cells, scatter, voronoi
from impasto.swatches.paint import blend, lit, palette, pick, ramp

LEAF = palette("5c3d12", "94661c", "c8952f", "e8bf58", "f8e29a")
TILES = palette("15110f", "f3ecd8", "b9b5a8", "c8952f", "5a2a1a", "e8bf58", "7f7a72")
ENAMEL = palette("c43a2c", "2f5f9f", "3f8a5a", "7a3f8f", "e8842f", "f3ecd8", "d8588a")
SILKS = palette("7a2a24", "23486f", "2f5f4a")


def gold_leaf(canvas: Canvas, rng: Rng) -> Array:
    """A mantle of tiles and flowers on a field of gold spirals, above a meadow."""
    color, height = _field(canvas, rng)
    shape = _mantle(canvas, rng)
    meadow = _ground(canvas, rng)
    seam = smoothstep(0.006, 0.004, np.abs(shape)) * ~meadow
    for paint, inside in ((_tiles, shape > 0), (_flowers, _lining(canvas, rng, shape)), (_meadow, meadow)):
        over, rise = paint(canvas, rng)
        color, height = np.where(inside[..., None], over, color), np.where(inside, rise, height)
    color = blend(color, LEAF[3], seam)
    worn = 1 + 0.07 * fbm(canvas, rng, 14) + 0.05 * noise(canvas, rng, 160)
    return lit(canvas, color * worn[..., None], (height + 0.002 * seam) * 0.8, gloss=0.5)


def _leaf(canvas: Canvas, rng: Rng) -> Array:
    """Sheets of beaten gold, each another tone, with dark seams, creases and tarnish."""
    size = 0.115
    y = canvas.y + size * rng.random()
    row = np.floor(y / size).astype(int)
    u = canvas.x / size + rng.random(64)[row % 64] + 0.02 * noise(canvas, rng, 12)
    v = y / size + 0.02 * noise(canvas, rng, 12)
    key = (np.floor(u).astype(int) * 37 + np.floor(v).astype(int) * 101) % 512
    edge = np.minimum(np.abs(u - np.round(u)), np.abs(v - np.round(v)))
    tarnish = fbm(canvas, rng, 7, octaves=6, gain=0.6)
    crease = np.exp(-((fbm(canvas, rng, 6, octaves=4) / 0.035) ** 2))
    tone = 0.56 + rng.normal(0, 0.07, 512)[key] + 0.13 * tarnish - 0.2 * crease - 0.28 * smoothstep(0.03, 0.0, edge)
    return ramp(LEAF, np.clip(tone, 0, 1))


def _field(canvas: Canvas, rng: Rng) -> tuple[Array, Array]:
    """Spirals drawn in raised gold and in brown over the leaf."""
    cells = voronoi(canvas, scatter(canvas, rng, 8, 1.0))
    away, turn, key = _around(cells, canvas)
    hand = rng.choice([-1, 1], 4096)[key]
    coil = away / 0.0135 - hand * (turn + 6 * rng.random(4096)[key]) / (2 * np.pi)
    reach = smoothstep(0.004, 0.007, cells.border)
    line = smoothstep(0.2, 0.1, np.abs(coil - np.floor(coil) - 0.5)) * reach
    leaf = _leaf(canvas, rng)
    dark = (rng.random(4096) < 0.3)[key]
    paint = np.where(dark[..., None], LEAF[0] * 0.7, LEAF[4])
    return blend(leaf, paint, 0.85 * line), 0.0028 * line


def _around(cells: Cells, canvas: Canvas) -> tuple[Array, Array, Array]:
    """Polar coordinates around the seed of every pixel's cell, and the cell's number."""
    seed = cells.seeds[cells.index].astype(np.float32)
    dx, dy = canvas.x - seed[..., 0], canvas.y - seed[..., 1]
    return np.hypot(dx, dy), np.arctan2(dy, dx), cells.index % 4096


def _mantle(canvas: Canvas, rng: Rng) -> Array:
    """Positive inside one to three bells that sway and lean together, in canvas units from their edge."""
    middle, bells = canvas.right * rng.uniform(0.3, 0.7), []
    for _ in range(int(rng.integers(1, 4))):
        top = canvas.bottom * rng.uniform(0.06, 0.3)
        v = np.clip((canvas.y - top) / (canvas.bottom - top), 0, 1)
        center = middle + rng.normal(0, 0.14) * (1 + 0.5 * v) + 0.05 * np.sin(3.5 * v + rng.uniform(0, 6))
        half = rng.uniform(0.05, 0.09) + rng.uniform(0.14, 0.24) * v**1.3 + 0.022 * np.sin(9 * v + rng.uniform(0, 6))
        crown = canvas.y - top - 0.9 * (canvas.x - center) ** 2 / 0.1
        bells.append(np.minimum(half - np.abs(canvas.x - center), crown))
    return np.asarray(np.max(bells, axis=0) + 0.006 * noise(canvas, rng, 8))


def _lining(canvas: Canvas, rng: Rng, shape: Array) -> Array:
    """The part of the mantle that is folded open."""
    fold = canvas.x - canvas.right * rng.uniform(0.42, 0.58) + 0.06 * np.sin(canvas.y * 11 + rng.uniform(0, 6))
    return np.asarray((shape > 0.012) & (fold * rng.choice([-1, 1]) > 0))


def _ground(canvas: Canvas, rng: Rng) -> Array:
    """Where the meadow is."""
    return np.asarray(canvas.y > canvas.bottom * (0.85 + 0.035 * np.sin(canvas.x * 8 + rng.uniform(0, 6))))


def _tiles(canvas: Canvas, rng: Rng) -> tuple[Array, Array]:
    """Upright tiles in black, white, silver and gold, each with a smaller one or a spiral set in it."""
    u, v = (canvas.x + 0.004 * noise(canvas, rng, 12)) / 0.031, (canvas.y + 0.004 * noise(canvas, rng, 12)) / 0.052
    v = v + rng.random(256)[np.floor(u).astype(int) % 256]
    key = (np.floor(u).astype(int) * 71 + np.floor(v).astype(int) * 131) % 4096
    inset = np.minimum(np.minimum(u % 1, 1 - u % 1) * 0.031, np.minimum(v % 1, 1 - v % 1) * 0.052)
    outer = pick(rng, TILES, 4096, [3, 2.5, 1.5, 3, 1, 2.5, 1])[key]
    inner = pick(rng, TILES, 4096, [3, 2, 1, 2, 1, 2, 1])[key]
    core = 0.004 + 0.009 * rng.random(4096)[key]
    du, dv = (u % 1 - 0.5) * 0.031, (v % 1 - 0.5) * 0.052
    coil = np.hypot(du, dv) / 0.0052 - np.arctan2(dv, du) / (2 * np.pi)
    spiral = np.where((rng.random(4096) < 0.35)[key], smoothstep(0.25, 0.15, np.abs(coil % 1 - 0.5)), inset > core)
    tile = blend(outer, inner, spiral * (inset > 0.0035))
    gap = smoothstep(0.0009, 0.0022, inset)
    return blend(LEAF[1], tile, gap), 0.0022 * gap + 0.001 * spiral


def _flowers(canvas: Canvas, rng: Rng) -> tuple[Array, Array]:
    """Round flowers in enamel: rings of dots and petals packed close."""
    cells = voronoi(canvas, scatter(canvas, rng, 15, 0.8))
    away, turn, key = _around(cells, canvas)
    first, second = pick(rng, ENAMEL, 4096)[key], pick(rng, ENAMEL, 4096)[key]
    field = pick(rng, np.vstack([LEAF[1:4], SILKS]), 4096)[key]
    size = 0.018 + 0.012 * rng.random(4096)[key]
    petals = rng.integers(5, 11, 4096)[key]
    wave = np.abs(np.cos(petals * turn / 2 + 6 * rng.random(4096)[key]))
    color = np.where((away < size * (0.6 + 0.4 * wave))[..., None], first, field)
    color = np.where((away < size * (0.35 + 0.2 * wave))[..., None], second, color)
    color = np.where((away < size * 0.22)[..., None], LEAF[4], color)
    dome = np.clip(1 - away / size, 0, 1)
    lead = smoothstep(0.0025, 0.001, cells.border)
    return blend(color, LEAF[0], lead), 0.004 * np.sqrt(dome) * (0.6 + 0.4 * wave)


def _meadow(canvas: Canvas, rng: Rng) -> tuple[Array, Array]:
    """Small flowers over dark leaves."""
    cells = voronoi(canvas, scatter(canvas, rng, 42, 1.0))
    away, turn, key = _around(cells, canvas)
    green = ramp(palette("12301f", "2f6a3a", "7fa04a"), 0.5 + 0.3 * fbm(canvas, rng, 30, octaves=3))
    bloom = pick(rng, ENAMEL, 4096)[key]
    reach = (0.004 + 0.007 * rng.random(4096)[key]) * (0.8 + 0.2 * np.cos(5 * turn))
    color = np.where((away < reach)[..., None], bloom, green)
    color = np.where((away < 0.3 * reach)[..., None], LEAF[4], color)
    return color, 0.003 * np.sqrt(np.clip(1 - away / reach, 0, 1))
