"""Batik: patterns drawn in wax on cotton and dyed in several baths."""

from __future__ import annotations

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng, fbm, noise, smoothstep
from impasto.swatches.cells import apart, scatter, voronoi
from impasto.swatches.paint import blend, palette, relief

SIZES = (0.16, 0.125, 0.11, 0.095, 0.08, 0.07, 0.06, 0.05)
SOGA = palette("f0e2c0", "d7a65a", "9a5a24", "5a2c16", "1d2342", "2f4a7f")


def batik(canvas: Canvas, rng: Rng) -> Array:
    """Wax-drawn rosettes, blades and dots on cotton, dyed gold, brown and indigo, crackled where the wax broke."""
    wobble = 0.002 * noise(canvas, rng, 22), 0.002 * noise(canvas, rng, 22)
    x, y = canvas.x + wobble[0], canvas.y + wobble[1]
    color, line = _fields(canvas, rng, x, y)
    for cx, cy, size in apart(canvas, rng, SIZES, 0.95):
        area = canvas.window(cx, cy, 1.15 * size)
        dx, dy = x[area] - cx, y[area] - cy
        polar = np.hypot(dx, dy) / size, np.arctan2(dy, dx)
        color[area], line[area] = _rosette(canvas, rng, (color[area], line[area]), polar, size)
    return _dyed(canvas, rng, color, line)


def _fields(canvas: Canvas, rng: Rng, x: Array, y: Array) -> tuple[Array, Array]:
    """Slanting bands in brown and indigo, filled with dots, scales and vines in wax."""
    lean = rng.choice([-1.0, 1.0])
    slant = (x + y * lean) * 3.1 + 0.16 * np.sin(y * 9 + rng.uniform(0, 6)) + 20 + rng.random()
    band, part = np.floor(slant).astype(int), slant - np.floor(slant)
    color = SOGA[rng.permutation([3, 4, 2, 5, 3, 1])[band % 6]]
    dots = _dots(canvas, x, y, 0.021, 0.0046)
    rings = np.hypot(np.mod(x, 0.05) - 0.025, np.mod(y, 0.05) - 0.025) * 60
    scales = smoothstep(0.13, 0.09, np.abs(np.mod(rings, 1) - 0.5))
    blade = np.mod((x - y * lean) * 21 + 0.55 * np.sin(2 * np.pi * part), 1) - 0.5
    dashes = smoothstep(0.06, 0.04, np.abs(blade)) * (np.mod(part * 9, 1) < 0.6)
    blades = smoothstep(0.055, 0.035, np.abs(np.abs(blade) - 0.3)) + dashes
    line = np.choose(band % 3, [dots, scales, blades])
    edge = np.minimum(part, 1 - part) / 3.1 / 1.4
    border = smoothstep(0.0022, 0.0012, np.abs(edge - 0.004)) + smoothstep(0.001, 0.0002, np.abs(edge - 0.0085))
    return color, np.clip(np.where(edge < 0.012, border, line), 0, 1)


def _dots(canvas: Canvas, x: Array, y: Array, step: float, radius: float) -> Array:
    """Dots of wax in offset rows."""
    row = np.floor(y / step)
    u = np.mod(x + 0.5 * step * (row % 2), step) - step / 2
    return smoothstep(radius + canvas.pixel, radius - canvas.pixel, np.hypot(u, y - (row + 0.5) * step))


def _rosette(
    canvas: Canvas, rng: Rng, under: tuple[Array, Array], polar: tuple[Array, Array], size: float
) -> tuple[Array, Array]:
    """A flower in outline: two rings of petals, veins and a dotted heart, within a ring of dots."""
    (color, line), (away, turn) = under, polar
    petals, start, dyes = int(rng.integers(6, 11)), rng.uniform(0, 6), rng.permutation(len(SOGA) - 1)[:3] + 1
    soft, thick = 1.5 * canvas.pixel / size, 0.0017 / size
    color = np.where((away < 1.06)[..., None], SOGA[4 if dyes[0] != 4 else 3], color)
    line = np.where(away < 1.06, 0.0, line)
    for number, (reach, phase) in enumerate(((0.92, 0.0), (0.62, np.pi / petals))):
        tip = reach * (0.62 + 0.38 * np.abs(np.cos(petals * (turn - start + phase) / 2)) ** 0.7)
        inside = away < tip
        vein = np.abs(np.sin(petals * 2.5 * (turn - start))) * away
        color = np.where(inside[..., None], SOGA[dyes[number]], color)
        veins = inside * smoothstep(0.10, 0.05, vein) * (away > 0.42 * reach)
        wax = smoothstep(thick + soft, thick, np.abs(away - tip)) + veins
        line = np.where(away < tip + thick, np.clip(wax, 0, 1), line)
    heart = away < 0.24
    dots = _dots(canvas, size * away * np.cos(turn), size * away * np.sin(turn), 0.011, 0.003)
    color, line = np.where(heart[..., None], SOGA[dyes[2]], color), np.where(heart, dots, line)
    beads = smoothstep(0.35, 0.25, np.hypot((away - 1.0) * size / 0.012, np.mod(turn * size / 0.012, 1) - 0.5))
    ring = smoothstep(thick + soft, thick, np.abs(away - 0.24)) + beads
    return color, np.clip(line + ring, 0, 1)


def _dyed(canvas: Canvas, rng: Rng, color: Array, line: Array) -> Array:
    """Dye in woven cotton: bled edges, crackle in the wax, uneven baths and the weave."""
    warp = 0.008 * fbm(canvas, rng, 8), 0.008 * fbm(canvas, rng, 8)
    crack = np.zeros_like(line)
    for columns, wide in ((9, 0.0013), (22, 0.0007)):
        cells = voronoi(canvas, scatter(canvas, rng, columns, 1.0), canvas.x + warp[0], canvas.y + warp[1])
        open_ = smoothstep(-0.5, 0.9, fbm(canvas, rng, 5, octaves=3))
        crack = np.maximum(crack, smoothstep(wide + 1.2 * canvas.pixel, wide * 0.4, cells.border) * open_)
    bath = 1 + 0.13 * fbm(canvas, rng, 4, octaves=6) + 0.05 * noise(canvas, rng, 120)
    cloth = palette("efe1bf") * (1 + 0.05 * fbm(canvas, rng, 9))[..., None]
    dyed = blend(color * bath[..., None], cloth, line * np.clip(0.9 + 0.06 * fbm(canvas, rng, 30), 0, 1))
    dyed = blend(dyed, palette("2a1c22"), crack * (0.25 + 0.6 * line))
    weave = np.sin(canvas.x * 2 * np.pi * 190) * np.sin(canvas.y * 2 * np.pi * 190)
    shade, _ = relief(canvas, 0.0001 * weave + 0.00025 * noise(canvas, rng, 130, stretch=5))
    return np.asarray(dyed * shade[..., None])
