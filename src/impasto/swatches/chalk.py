"""Soft pastel: strokes of colored chalk that catch on the tooth of the paper."""

from __future__ import annotations

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng, fbm, noise, smoothstep, unit
from impasto.swatches.paint import blend, lit, palette, paper_height, ramp
from impasto.swatches.scene import Scene, landscape
from impasto.swatches.strokes import Stroke, chalk, lay, strokes, surface

DUSK = palette("35306e", "6a4a9a", "c25a86", "f0895a", "fbc66a")
FAR = palette("2a2f66", "4a4f96", "7f6aa8")
FIELD = palette("3a2148", "8a2f4f", "cf5a34", "eda33a", "f6d878")
MEADOW = palette("10323a", "1f5a4c", "4f8f4a", "a8b84a", "e0cf6a")


def pastel(canvas: Canvas, rng: Rng) -> Array:
    """Fields and trees at dusk, scribbled in layers on dark paper whose tooth shows through."""
    scene = landscape(canvas, rng, hills=4, horizon=0.44, height=0.045)
    color, angle = _dusk(canvas, rng, scene)
    tooth = 0.8 * paper_height(canvas, rng, 420) + 0.5 * noise(canvas, rng, 330, stretch=6)
    paper = palette("4a3d4c") * (1 + 0.05 * fbm(canvas, rng, 50, octaves=3))[..., None]
    rubbed = smoothstep(-0.6, 1.8, tooth + 0.5 * noise(canvas, rng, 30, stretch=4))
    sheet = blend(paper, color * 0.9, 0.4 + 0.55 * rubbed)
    for count, size, stray in ((1300, 0.09, 0.09), (3200, 0.05, 0.06), (1500, 0.03, 0.08)):
        layer = surface(sheet)
        many = _scribble(canvas, rng, count, size=size, stray=stray, color=color, angle=angle)
        lay(canvas, layer, many, chalk, rng)
        press = layer.height / (0.07 * size)
        sheet = blend(sheet, layer.color, smoothstep(-1.5, 1.0, tooth + 2.4 * press - 0.8) * (layer.height > 0))
    return lit(canvas, sheet, tooth * 0.0002)


def _dusk(canvas: Canvas, rng: Rng, scene: Scene) -> tuple[Array, Array]:
    """The colors of the scene and the direction of the strokes in each part."""
    mix = fbm(canvas, rng, 5, octaves=4)
    sky = ramp(DUSK, scene.depth / canvas.bottom * 2.1 + 0.13 * fbm(canvas, rng, 4, octaves=3, stretch=3))
    glow = np.clip(1.2 * np.exp(-((scene.from_sun / 0.05) ** 2)) + 0.5 * np.exp(-scene.from_sun / 0.1), 0, 1)
    sky = blend(sky, palette("fff0b8"), glow)
    field = ramp(FIELD, unit(mix) * 0.7 + 0.35 - 1.6 * scene.depth)
    furrow = ramp(FIELD, unit(1.4 * np.sin(scene.depth * 70 + 3 * mix)) * 0.8 + 0.1)
    meadow = ramp(MEADOW, unit(1.3 * mix) + 0.15 - 1.1 * scene.depth)
    far = ramp(FAR, unit(mix) + 0.2 - 3 * scene.depth)
    color = np.select([scene.part[..., None] == k for k in range(5)], [sky, far, field, meadow, furrow])
    angle = np.choose(scene.part, [-0.35, 0.6, 0.12, -1.0, -0.25]) + 0.3 * noise(canvas, rng, 4)
    return color, angle


def _scribble(
    canvas: Canvas, rng: Rng, count: int, *, size: float, stray: float, color: Array, angle: Array
) -> list[Stroke]:
    """Strokes in the colors beneath, now and then in a neighbor's."""
    x, y = rng.uniform(0, canvas.right, count), rng.uniform(0, canvas.bottom, count)
    spot = rng.normal(0, 0.012, (2, count)) * np.where(rng.random(count) < 0.12, 6, 1)
    paint = canvas.at(color, x + spot[0], y + spot[1]) * rng.normal(1.0, 0.13, (count, 1))
    paint = paint + rng.normal(0, stray, (count, 3))
    turn = canvas.at(angle, x, y) + rng.normal(0, 0.14, count)
    paint = np.clip(paint, 0, 1)
    length, width = size * rng.uniform(0.6, 1.5, count), size * rng.uniform(0.09, 0.2, count)
    return strokes(x, y, turn, length=length, width=width, color=paint, bend=rng.normal(0, 0.6, count))
