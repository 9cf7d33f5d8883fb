"""Analytic cubism: a still life broken into planes."""

from __future__ import annotations

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng, fbm, noise, smoothstep
from impasto.swatches.paint import blend, lit, palette, ramp
from impasto.swatches.strokes import lay, oil, strokes, surface

TONES = palette("17130f", "3f2f22", "7a5a36", "b18a52", "d8bd8a", "f1e6cb")
COOL = palette("141819", "2c3a3c", "566a66", "8c9c8e", "c2c6b0", "eeeadb")


def cubism(canvas: Canvas, rng: Rng) -> Array:
    """Planes that open and close into one another around a guitar, in ochre, umber and gray-green dabs."""
    tone, line, facet = _planes(canvas, rng)
    tone, line = _guitar(canvas, rng, tone, line)
    color = _colors(canvas, rng, tone, facet)
    ground = surface(color * 0.85)
    grip = np.array([0.0, 0.12, -0.1, np.pi / 2, 1.2, 0.6])
    angle = grip[(facet * 31) % len(grip)] + 0.15 * noise(canvas, rng, 3)
    for count, size in ((1900, 0.036), (3200, 0.022)):
        x, y = rng.uniform(0, canvas.right, count), rng.uniform(0, canvas.bottom, count)
        paint = canvas.at(color, x, y) * rng.normal(1.0, 0.07, (count, 1))
        turn = canvas.at(angle, x, y) + rng.normal(0, 0.12, count)
        width = size * rng.uniform(0.28, 0.5, count)
        length, other = size * rng.uniform(0.7, 1.3, count), np.clip(paint * 1.22, 0, 1)
        dabs = strokes(x, y, turn, length=length, width=width, color=paint, other=other)
        lay(canvas, ground, dabs, oil, rng)
    worn = smoothstep(-1.4, 0.6, fbm(canvas, rng, 26, octaves=3))
    crisp = blend(ground.color, color, np.full(line.shape, 0.45))
    painted = blend(crisp, palette("120d0a"), 0.85 * line * worn)
    return lit(canvas, painted, ground.height * 0.35, gloss=0.06)


def _planes(canvas: Canvas, rng: Rng) -> tuple[Array, Array, Array]:
    """Tone, dark edges and a number for every facet, from straight cuts that shade one side and fade at their ends."""
    tone, line = 0.12 * fbm(canvas, rng, 2.5, octaves=3), np.zeros((canvas.height, canvas.width), np.float32)
    facet = np.zeros(line.shape, dtype=np.int64)
    slants = np.array([0.0, np.pi / 2, 1.05, -1.05, 0.5, -0.5, 0.9])
    for number in range(64):
        x, y = canvas.right * rng.normal(0.5, 0.27), canvas.bottom * rng.normal(0.5, 0.27)
        turn, reach = float(rng.choice(slants) + rng.normal(0, 0.09)), rng.uniform(0.07, 0.3)
        wide, dark, deep = rng.uniform(0.025, 0.11), rng.random() < 0.6, rng.uniform(0.25, 0.6)
        if number < 14:
            facet = facet * 2 + (_turned(canvas.x - x, canvas.y - y, turn)[1] > 0)
        area = canvas.window(x, y, float(np.hypot(reach, 4 * wide)))
        along, across = _turned(canvas.x[area] - x, canvas.y[area] - y, turn)
        near = smoothstep(reach, reach * 0.7, np.abs(along)) * smoothstep(4 * wide, 2.5 * wide, np.abs(across))
        tone[area] += (-deep if dark else deep) * near * _fold(across, wide, 0.45)
        if dark:
            thick = rng.uniform(0.0008, 0.0026) * (1 - np.abs(along) / reach * 0.6)
            edge = near * smoothstep(thick + canvas.pixel, thick * 0.5, np.abs(across))
            line[area] = np.maximum(line[area], edge)
    return tone, line, facet


def _turned(dx: Array, dy: Array, turn: float) -> tuple[Array, Array]:
    """Coordinates along and across a direction."""
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    return dx * cos + dy * sin, dy * cos - dx * sin


def _fold(across: Array, wide: float, lift: float) -> Array:
    """1 just beyond an edge, -lift just before it, fading to nothing on both sides."""
    fade = np.exp(-np.abs(across) / wide)
    return np.where(across > 0, fade, -lift * fade)


def _guitar(canvas: Canvas, rng: Rng, tone: Array, line: Array) -> tuple[Array, Array]:
    """Pieces of a guitar: curves of the body, the sound hole, the strings, seen from several sides at once."""
    cx, cy, lean = canvas.right * rng.uniform(0.4, 0.6), canvas.bottom * rng.uniform(0.45, 0.6), rng.normal(0.4, 0.25)
    for _ in range(9):
        x, y, radius = cx + rng.normal(0, 0.13), cy + rng.normal(0, 0.11), rng.uniform(0.035, 0.15)
        area = canvas.window(x, y, radius + 0.25)
        dx, dy = canvas.x[area] - x, canvas.y[area] - y
        inside, turn = radius - np.hypot(dx, dy), np.arctan2(dy, dx)
        arc = smoothstep(0.1, 0.5, np.cos(turn - rng.uniform(0, 6)))
        tone[area] -= 0.5 * arc * _fold(inside, 0.045, 0.5)
        line[area] = np.maximum(line[area], arc * smoothstep(0.0022, 0.0008, np.abs(inside)))
    away = np.hypot(canvas.x - cx, canvas.y - cy)
    tone = np.where(away < 0.043, tone - 0.55, tone)
    across, along = _turned(canvas.x - cx, canvas.y - cy, lean)
    string = np.abs(np.mod(across / 0.0085, 1) - 0.5) * 0.0085 + 9 * (np.abs(across) > 0.0255)
    line = np.maximum(line, smoothstep(0.0014, 0.0005, string) * smoothstep(0.24, 0.2, np.abs(along + 0.06)))
    neck = (np.abs(across) < 0.03) & (np.abs(along + 0.16) < 0.11)
    return np.where(neck, tone - 0.3 + 3 * across, tone), line


def _colors(canvas: Canvas, rng: Rng, tone: Array, facet: Array) -> Array:
    """Warm and cool planes, a few of them grained like veneer or printed like newspaper."""
    kind = rng.random(16384)[facet]
    level = np.clip(0.56 + 0.5 * tone + rng.normal(0, 0.1, 16384)[facet], 0.02, 1)
    level = level - 0.25 * np.clip(np.hypot(canvas.x / canvas.right - 0.5, canvas.y / canvas.bottom - 0.5) - 0.4, 0, 1)
    veneer = np.sin(canvas.x * 130 + 5 * fbm(canvas, rng, 3, octaves=3, stretch=0.2)) * 0.09
    row = np.abs(np.mod(canvas.y * 105, 1) - 0.5) < 0.2
    print_ = -0.22 * (row & (noise(canvas, rng, 210, stretch=1.4) > -0.3))
    level = level + np.where((kind > 0.72) & (kind < 0.86), veneer, 0) + np.where(kind > 0.88, print_, 0)
    color = blend(ramp(TONES, level), ramp(COOL, level), smoothstep(0.3, 0.5, kind) * smoothstep(0.7, 0.6, kind))
    accent = palette("2f5f66") * (0.5 + level)[..., None]
    return blend(color, accent, 0.7 * (kind < 0.07))
