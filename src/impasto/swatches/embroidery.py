"""Embroidery: stitches of shining thread, each one laid."""

from __future__ import annotations

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng, fbm, noise
from impasto.swatches.cells import apart
from impasto.swatches.paint import lit, palette, pick, ramp
from impasto.swatches.strokes import Surface, lay, strokes, surface, thread

SILK = [
    palette("6b0f2a", "b3203f", "e0506a", "f6a6a8"),
    palette("8a3a0c", "d0701c", "f0a63a", "fbe0a0"),
    palette("1d2f78", "3a5cb8", "7fa2dd", "d3e2f2"),
    palette("4a1d66", "7f3f9f", "b985cc", "ead2ee"),
]
SIZES = (0.15, 0.125, 0.11, 0.095, 0.08, 0.07, 0.06, 0.05)
STEM = palette("0f3a2e", "1f6a45", "5b9a4a", "b6c46a")


def embroidery(canvas: Canvas, rng: Rng) -> Array:
    """Flowers and leaves in satin stitch on a ground of long and short stitches."""
    ground = surface(ramp(palette("14202f", "24344a"), 0.5 + 0.25 * noise(canvas, rng, 200)))
    _ground(canvas, rng, ground)
    blooms = apart(canvas, rng, SIZES, 0.95)
    for x, y, size in blooms:
        _tendril(canvas, rng, ground, (x, y), size)
        _sprig(canvas, rng, ground, (x, y), size)
    for number, (x, y, size) in enumerate(blooms):
        silk = SILK[(number + int(rng.integers(2))) % 4]
        _bloom(canvas, rng, ground, (x, y), size=size, silk=silk)
    return lit(canvas, ground.color, ground.height * 0.9, gloss=0.45)


def _ground(canvas: Canvas, rng: Rng, ground: Surface) -> None:
    """Rows of stitches that drift, in bands of dark and light thread."""
    sway, tone = 0.5 * noise(canvas, rng, 2.0), fbm(canvas, rng, 2.6, octaves=3)
    step = np.array([0.019, 0.0056])
    grid = np.meshgrid(np.arange(0, canvas.right + 0.02, step[0]), np.arange(0, canvas.bottom + 0.01, step[1]))
    x, y = grid[0].ravel(), grid[1].ravel()
    x = x + (np.round(y / step[1]) * 0.37 % 1) * step[0] + rng.normal(0, 0.002, len(x))
    y = y + rng.normal(0, 0.0012, len(y))
    shade = 0.40 + 0.3 * canvas.at(tone, x, y) + rng.normal(0, 0.05, len(x))
    colors = ramp(palette("14233f", "23456e", "3d7a8a", "8fae9a", "d9c9a0"), shade)
    order = rng.permutation(len(x))
    turn = canvas.at(sway, x, y)[order]
    many = strokes(x[order], y[order], turn, length=0.028, width=0.0082, color=colors[order])
    lay(canvas, ground, many, thread, rng)


def _tendril(canvas: Canvas, rng: Rng, ground: Surface, at: tuple[float, float], size: float) -> None:
    """A spiral of gold thread that winds out from under a flower, two threads wide."""
    for turn in rng.uniform(0, 2 * np.pi, 3):
        way = np.linspace(0, 1, int(420 * size) + 20)
        curl = turn + rng.choice([-1, 1]) * (0.8 * way + 9 * way**3)
        step = 2.4 * size / len(way) * (1.15 - way)
        px, py = at[0] + np.cumsum(np.cos(curl) * step) * 2.2, at[1] + np.cumsum(np.sin(curl) * step) * 2.2
        for side in (-0.0022, 0.0022):
            gold = pick(rng, palette("c8921f", "f2cf5a", "e0b040"), len(way))
            tx, ty = px - side * np.sin(curl), py + side * np.cos(curl)
            lay(canvas, ground, strokes(tx, ty, curl, length=0.012, width=0.005, color=gold), thread, rng)


def _sprig(canvas: Canvas, rng: Rng, ground: Surface, at: tuple[float, float], size: float) -> None:
    """Leaves around a flower, stitched slantwise from the midrib."""
    for turn in rng.uniform(0, 2 * np.pi) + np.arange(3) * 2.1 + rng.normal(0, 0.3, 3):
        along = np.linspace(0.75, 2.0, int(300 * size) + 12)
        half = 0.36 * size * np.sin(np.pi * ((along - 0.75) / 1.25) ** 0.8) + 0.004
        bend = turn + 0.35 * (along - 0.75)
        for side in (-1, 1):
            px = at[0] + along * size * np.cos(bend) - side * 0.5 * half * np.sin(bend)
            py = at[1] + along * size * np.sin(bend) + side * 0.5 * half * np.cos(bend)
            tone = 0.5 + 0.3 * side + rng.normal(0, 0.07, len(along)) + 0.15 * np.sin(along * 9)
            turns, length, color = bend + side * 0.95, half * 1.25 + 0.004, ramp(STEM, tone)
            lay(canvas, ground, strokes(px, py, turns, length=length, width=0.0075, color=color), thread, rng)


def _bloom(canvas: Canvas, rng: Rng, ground: Surface, at: tuple[float, float], *, size: float, silk: Array) -> None:
    """Rings of petals in long and short stitch, shaded from the heart outward, and a heart of knots."""
    petals, start = int(rng.integers(5, 9)), rng.uniform(0, 6)
    for inner, outer in ((0.62, 1.0), (0.40, 0.78), (0.16, 0.54)):
        count = int(2 * np.pi * outer * size / 0.0062)
        turn = start + np.arange(count) * 2 * np.pi / count
        lobe = 0.74 + 0.26 * np.abs(np.cos(petals * (turn - start) / 2)) ** 0.6
        near = inner * size * lobe + rng.uniform(-0.06, 0.06, count) * size
        far = outer * size * lobe + rng.uniform(-0.05, 0.05, count) * size * (outer < 1)
        middle = (near + far) / 2
        crease = 0.3 * (1 - np.abs(np.cos(petals * (turn - start) / 2)) ** 0.5)
        tone = ramp(silk, np.clip(outer * 1.15 - 0.25 - crease + rng.normal(0, 0.05, count), 0, 1))
        px, py = at[0] + middle * np.cos(turn), at[1] + middle * np.sin(turn)
        lay(canvas, ground, strokes(px, py, turn, length=far - near, width=0.0078, color=tone), thread, rng)
    spot = rng.normal(0, 0.075 * size, (2, 26))
    knots = pick(rng, palette("f2c84a", "d99a1e", "fbe9a0"), 26)
    px, py, turn = at[0] + spot[0], at[1] + spot[1], rng.uniform(0, 6, 26)
    lay(canvas, ground, strokes(px, py, turn, length=0.013, width=0.009, color=knots), thread, rng)
