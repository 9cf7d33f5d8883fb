"""Ink wash: black ink and much water on soft paper."""

from __future__ import annotations

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng, fbm, noise, smoothstep
from impasto.swatches.paint import blend, palette, paper_height, relief
from impasto.swatches.scene import outline
from impasto.swatches.strokes import lay, leaf, strokes, sumi, surface


def ink_wash(canvas: Canvas, rng: Rng) -> Array:
    """Peaks one behind another in mist: pale far off, wet and dark near by, with splashes and a seal."""
    tooth = paper_height(canvas, rng, 210)
    bleed = fbm(canvas, rng, 14, octaves=5)
    cloud = fbm(canvas, rng, 2.2, octaves=5)
    ink = 0.07 + 0.17 * smoothstep(-0.1, 1.3, cloud) + 0.05 * np.exp(-((cloud / 0.09) ** 2)) + 0.03 * bleed
    ranges = 5
    for i in range(ranges):
        ink = _range(canvas, rng, ink, i / (ranges - 1), bleed=bleed, tooth=tooth)
    ink = _bamboo(canvas, rng, _splashes(canvas, rng, ink, bleed))
    return _on_paper(canvas, rng, ink, tooth)


def _range(canvas: Canvas, rng: Rng, ink: Array, near: float, *, bleed: Array, tooth: Array) -> Array:
    """One range: a dark wet edge that runs down into mist, dry strokes down its flanks, dots of moss."""
    base = canvas.bottom * (0.34 + 0.56 * near)
    peaks = outline(rng, canvas.x[0], 1.1 + 0.9 * rng.random(), 0.5, 6)
    top = base - (0.15 - 0.06 * near) * peaks + 0.003 * bleed * (2 - near)
    depth = canvas.y - top
    wet = 0.0012 + 0.008 * smoothstep(0.2, 1.6, noise(canvas, rng, 5))
    inside = smoothstep(-wet, wet, depth)
    down = np.clip(depth, 0, None)
    fade = np.exp(-down / (0.05 + 0.05 * near) / (1 + 0.4 * noise(canvas, rng, 4)).clip(0.3))
    wash = (0.27 + 0.5 * near) * fade * (1 + 0.3 * bleed)
    edge = np.exp(-((depth / (0.004 + 0.004 * near)) ** 2)) * smoothstep(-1.2, 0.8, noise(canvas, rng, 9))
    ribs = noise(canvas, rng, 26, stretch=0.22) + 0.5 * noise(canvas, rng, 55, stretch=0.3) - 0.35 * tooth
    ribbed = near * 0.6 * smoothstep(0.75, 1.7, ribs) * fade**0.6
    moss = near * 0.8 * smoothstep(1.55, 1.95, noise(canvas, rng, 62)) * np.exp(-down / 0.045) * (depth > 0.004)
    over = np.clip(wash + ribbed + moss, 0, 1) * inside + (0.14 + 0.42 * near) * edge
    veil = 0.55 * inside * smoothstep(0, 0.12, depth)
    return np.asarray(np.clip(ink * (1 - veil) + over * (1 - 0.5 * ink), 0, 1))


def _splashes(canvas: Canvas, rng: Rng, ink: Array, bleed: Array) -> Array:
    """Drops flung from the brush, small and many, with darker rims."""
    start = np.array([canvas.right * rng.uniform(0.1, 0.9), canvas.bottom * rng.uniform(0.1, 0.3)])
    blot = noise(canvas, rng, 70)
    for _ in range(80):
        spot = start + rng.normal(0, 0.1, 2) * (1.8, 1.0)
        size = 0.0012 + 0.012 * rng.random() ** 10
        area = canvas.window(spot[0], spot[1], 2.5 * size)
        away = np.hypot(canvas.x[area] - spot[0], canvas.y[area] - spot[1])
        away = away + size * (0.22 * blot[area] + 0.1 * bleed[area])
        drop = smoothstep(size * 1.1, size * 0.85, away) * (0.7 + 0.3 * smoothstep(0.3, 1.0, away / size))
        ink[area] = np.maximum(ink[area], drop * rng.uniform(0.5, 1.0))
    return ink


def _bamboo(canvas: Canvas, rng: Rng, ink: Array) -> Array:
    """Stalks and hanging leaves at one side, each a single stroke of a loaded or a dry brush."""
    ground = surface(np.repeat(ink[..., None], 3, axis=2))
    side = rng.choice([0.1, 0.9])
    for _ in range(3):
        foot, lean = canvas.right * (side + rng.normal(0, 0.05)), rng.normal(0, 0.12)
        up = np.arange(0.02, canvas.bottom + 0.1, 0.105)
        tone = np.full((len(up), 3), rng.uniform(0.4, 0.8))
        x = foot + lean * up
        upright = np.full(len(up), np.pi / 2 + lean)
        stalk = strokes(x, canvas.bottom - up, upright, length=0.1, width=0.015, color=tone)
        lay(canvas, ground, stalk, sumi, rng)
        joints = rng.integers(len(up) // 3, len(up), 16)
        hang = np.pi / 2 + rng.normal(0, 0.6, 16)
        length, dark = rng.uniform(0.06, 0.13, 16), np.repeat(rng.uniform(0.5, 1.0, (16, 1)), 3, axis=1)
        lx, ly = x[joints] + 0.5 * length * np.cos(hang), canvas.bottom - up[joints] + 0.5 * length * np.sin(hang)
        leaves = strokes(lx, ly, hang, length=length, width=0.026, color=dark, bend=rng.normal(0, 0.4, 16))
        lay(canvas, ground, leaves, leaf, rng)
    return ground.color[..., 0]


def _on_paper(canvas: Canvas, rng: Rng, ink: Array, tooth: Array) -> Array:
    """Ink settled into the grain of warm paper, and a red seal."""
    fibers = sum(smoothstep(1.7, 2.6, noise(canvas, rng, 70, stretch=s)) for s in (5, 0.25))
    paper = palette("ece0c6") * (1 + 0.03 * fbm(canvas, rng, 5) - 0.05 * fibers)[..., None]
    dense = np.clip(ink * (1 + 0.16 * tooth * (1 - ink)) + 0.05 * ink * fibers, 0, 1)
    warm = blend(palette("48505a"), palette("0f0e10"), dense)
    sheet = blend(paper, warm, np.clip(dense * 1.05, 0, 0.98))
    sheet = blend(sheet, palette("b3271e"), 0.9 * _seal(canvas, rng, tooth))
    shade, _ = relief(canvas, tooth * 0.00012)
    return np.asarray(sheet * shade[..., None])


def _seal(canvas: Canvas, rng: Rng, tooth: Array) -> Array:
    """A square seal near one side, its carved marks left bare."""
    size, x, y = 0.034, canvas.right * rng.choice([0.06, 0.9]), canvas.bottom * rng.uniform(0.62, 0.76)
    u, v = (canvas.x - x) / size, (canvas.y - y) / size
    edge = np.maximum(np.abs(u - 0.5), np.abs(v - 0.5)) + 0.02 * tooth
    glyph = smoothstep(0.2, 0.6, np.sin(u * 13) * np.sin(v * 17 + 2 * np.floor(u * 2)) + 0.1 * tooth)
    carved = glyph * smoothstep(0.42, 0.40, edge)
    return np.asarray(smoothstep(0.5, 0.48, edge) * (1 - carved) * np.clip(0.86 + 0.1 * tooth, 0, 1))
