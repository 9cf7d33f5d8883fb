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
        turn, reach = rng.choice(slants) + rng.normal(0, 0.09), rng.uniform(0.07, 0.3)
        dx, dy = canvas.x - x, canvas.y - y
        along, across = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
        near = smoothstep(reach, reach * 0.7, np.abs(along))
        wide, dark = rng.uniform(0.025, 0.11), rng.choice([-1, 1], p=[0.6, 0.4])
        shade = np.where(across > 0, np.exp(-across / wide), -0.45 * np.exp(across / wide))
        tone = tone + near * dark * rng.uniform(0.25, 0.6) * shade
        thick = rng.uniform(0.0008, 0.0026) * (1 - np.abs(along) / reach * 0.6)
        line = np.maximum(line, near * smoothstep(thick + canvas.pixel, thick * 0.5, np.abs(across)) * (dark < 0))
        if number < 14:
            facet = facet * 2 + (across > 0)
    return tone, line, facet


def _guitar(canvas: Canvas, rng: Rng, tone: Array, line: Array) -> tuple[Array, Array]:
    """Pieces of a guitar: curves of the body, the sound hole, the strings, seen from several sides at once."""
    cx, cy, lean = canvas.right * rng.uniform(0.4, 0.6), canvas.bottom * rng.uniform(0.45, 0.6), rng.normal(0.4, 0.25)
    for _ in range(9):
        x, y, radius = cx + rng.normal(0, 0.13), cy + rng.normal(0, 0.11), rng.uniform(0.035, 0.15)
        dx, dy = canvas.x - x, canvas.y - y
        inside, turn = radius - np.hypot(dx, dy), np.arctan2(dy, dx)
        arc = smoothstep(0.1, 0.5, np.cos(turn - rng.uniform(0, 6)))
        tone = tone - 0.5 * arc * np.where(inside > 0, np.exp(-inside / 0.05), -0.5 * np.exp(inside / 0.04))
        line = np.maximum(line, arc * smoothstep(0.0022, 0.0008, np.abs(inside)))
    away = np.hypot(canvas.x - cx, canvas.y - cy)
    tone = np.where(away < 0.043, tone - 0.55, tone)
    across = (canvas.x - cx) * np.cos(lean) + (canvas.y - cy) * np.sin(lean)
    along = (canvas.y - cy) * np.cos(lean) - (canvas.x - cx) * np.sin(lean)
    for offset in np.arange(-2.5, 3) * 0.0085:
        string = smoothstep(0.0014, 0.0005, np.abs(across - offset)) * smoothstep(0.24, 0.2, np.abs(along + 0.06))
        line = np.maximum(line, string)
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
