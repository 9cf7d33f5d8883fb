"""Oil paint: strokes that follow a flow, and dots of divided color."""

from __future__ import annotations

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng, fbm, noise, smoothstep, unit
from impasto.swatches.paint import blend, lit, luminance, palette, ramp, saturate
from impasto.swatches.scene import Scene, landscape
from impasto.swatches.strokes import Stroke, dot, lay, oil, strokes, surface

NIGHT = palette("0b1a3f", "14306f", "1f4f9c", "3f7fc0", "7fb2cf", "c9dcc0")
GLOW = palette("e8a21c", "f4c63a", "fbe98a", "fff6cf")
LAND = palette("0d1f24", "1c3f3a", "2f6044", "5c8a4a", "a3a84e")


def brushstrokes(canvas: Canvas, rng: Rng) -> Array:
    """A night sky of swirling strokes over dark hills, lit from the side so that the paint stands up."""
    scene = landscape(canvas, rng, hills=2, horizon=0.74, height=0.07)
    stars = _stars(canvas, rng, scene)
    color, angle = _night(canvas, rng, scene, stars)
    ground = surface(color * 0.8)
    for count, size in ((1800, 0.062), (3400, 0.036)):
        lay(canvas, ground, _follow(canvas, rng, count, size=size, color=color, angle=angle), oil, rng)
    lay(canvas, ground, _hearts(canvas, rng, stars[:7], color), oil, rng)
    return lit(canvas, ground.color, ground.height * 0.5, gloss=0.35)


def _stars(canvas: Canvas, rng: Rng, scene: Scene) -> Array:
    """Places, sizes and turning of the lights in the sky: first the moon, then stars, then dark eddies."""  # (N, 4)
    count = 10
    x = (np.arange(count) + rng.uniform(0.2, 0.8, count)) / count * canvas.right
    y = rng.uniform(0.06, 0.58, count) * canvas.bottom
    rows = np.stack([x, y, rng.uniform(0.012, 0.028, count), rng.choice([-1.0, 1.0], count)], axis=1)
    clear = np.hypot(x - scene.sun[0], y - scene.sun[1]) > 0.17
    return np.vstack([[*scene.sun, 0.045, 1.0], rng.permutation(rows[clear])])


def _night(canvas: Canvas, rng: Rng, scene: Scene, stars: Array) -> tuple[Array, Array]:
    """The colors to paint with and the direction of the strokes."""
    current = fbm(canvas, rng, 2.2, octaves=2) * 0.07
    angle = 0.25 * noise(canvas, rng, 2.5)
    vx, vy = np.cos(angle), np.sin(angle)
    glow = np.zeros_like(current)
    for i, (x, y, size, turn) in enumerate(stars):
        dx, dy = canvas.x - x, canvas.y - y
        far = np.hypot(dx, dy) + 1e-4
        pull = turn * 5.0 * np.exp(-((far / (size * 4.2)) ** 2))
        vx, vy = vx - pull * dy / far, vy + pull * dx / far
        if i < 7:
            rings = 0.16 * np.sin(far / size * 3.3)
            glow = np.maximum(glow, 1.25 * np.exp(-((far / (size * 2.2)) ** 1.5)) + rings * np.exp(-far / size / 2.5))
    tone = unit(1.3 * fbm(canvas, rng, 3.0, octaves=4) + 6 * current) * 0.75 + 0.3 * scene.depth / canvas.bottom
    color = ramp(NIGHT, tone)
    lights = ramp(GLOW, glow)
    color = color + (lights - color) * np.clip(glow * 2.0 - 0.25, 0, 1)[..., None]
    land = ramp(LAND, unit(fbm(canvas, rng, 5.0, octaves=4)) * 0.8 - scene.depth * 1.5 + 0.12 * (2 - scene.part))
    color = np.where(scene.part[..., None] > 0, land, color)
    slant = 0.5 * noise(canvas, rng, 3.0) + 0.5 * scene.part
    return color, np.where(scene.part > 0, slant, np.arctan2(vy, vx))


def _follow(canvas: Canvas, rng: Rng, count: int, *, size: float, color: Array, angle: Array) -> list[Stroke]:
    """Strokes all over the canvas in the colors and directions that lie under them."""
    x, y = rng.uniform(0, canvas.right, count), rng.uniform(0, canvas.bottom, count)
    turn = canvas.at(angle, x, y)
    ahead = canvas.at(angle, x + 0.3 * size * np.cos(turn), y + 0.3 * size * np.sin(turn))
    bend = np.clip(np.sin(ahead - turn) * 2.2, -1.4, 1.4)
    paint = canvas.at(color, x, y) * rng.normal(1.0, 0.12, (count, 1)) + rng.normal(0, 0.025, (count, 3))
    other = np.clip(paint * rng.normal(1.0, 0.28, (count, 1)) + rng.normal(0, 0.05, (count, 3)), 0, 1)
    length, width = size * rng.uniform(0.7, 1.4, count), size * rng.uniform(0.16, 0.3, count)
    turn, paint = turn + rng.normal(0, 0.1, count), np.clip(paint, 0, 1)
    return strokes(x, y, turn, length=length, width=width, color=paint, other=other, bend=bend)


def _hearts(canvas: Canvas, rng: Rng, lights: Array, color: Array) -> list[Stroke]:
    """A few crossed strokes in the middle of every light."""
    x, y, size, _ = np.repeat(lights, 7, axis=0).T
    x, y = x + rng.normal(0, 0.25, len(x)) * size, y + rng.normal(0, 0.25, len(x)) * size
    paint = np.clip(canvas.at(color, x, y) * rng.normal(1.0, 0.1, (len(x), 1)), 0, 1)
    return strokes(x, y, rng.uniform(0, np.pi, len(x)), length=size * 1.1, width=size * 0.4, color=paint)


def pointillism(canvas: Canvas, rng: Rng) -> Array:
    """A river at noon in small dots of pure color that mix in the eye, over a lean underpainting."""
    scene = landscape(canvas, rng, hills=4, horizon=0.42, height=0.06, flat=(3,))
    color = _noon(canvas, rng, scene)
    ground = surface(ramp(palette("e9d9b4", "cdb98f"), unit(fbm(canvas, rng, 6.0))) * 0.3 + color * 0.7)
    for count, size, purity in ((4200, 0.0125, 0.7), (7000, 0.0098, 1.0), (4500, 0.006, 1.1)):
        x, y = rng.uniform(0, canvas.right, count), rng.uniform(0, canvas.bottom, count)
        paint = _divide(rng, canvas.at(color, x, y), purity)
        length = size * rng.uniform(0.7, 1.35, count)
        width = length * rng.uniform(0.65, 1.0, count)
        touches = strokes(x, y, rng.normal(0.4, 0.5, count), length=length, width=width, color=paint)
        lay(canvas, ground, touches, dot, rng)
    return lit(canvas, ground.color, ground.height * 0.22, gloss=0.05)


def _noon(canvas: Canvas, rng: Rng, scene: Scene) -> Array:
    """The colors of sky, far trees, water and the near bank."""
    air = scene.depth / canvas.bottom * 2.2 + 0.06 * fbm(canvas, rng, 3)
    sky = ramp(palette("3f78c4", "86b4e2", "efdcb4", "f4b988"), air)
    far = ramp(palette("4a5f9a", "5c86a0", "6c9a6a"), unit(fbm(canvas, rng, 8.0)))
    leaves = unit(fbm(canvas, rng, 9.0)) + 0.25 - scene.depth * 2
    trees = ramp(palette("1d3f45", "2f6b47", "7fa33c", "d9c64a"), leaves)
    ripples = noise(canvas, rng, 42.0, stretch=7.0)
    water = ramp(palette("27508c", "4a86bf", "a9cfe0", "f5dfb0"), unit(ripples) * 0.7 + 0.35 - scene.depth * 1.6)
    meadow = ramp(
        palette("2c5a3a", "6c9c3c", "b9bf4a", "e2a24c"), unit(fbm(canvas, rng, 7.0)) + 0.1 - scene.depth * 0.8
    )
    color = np.select([scene.part[..., None] == k for k in range(5)], [sky, far, trees, water, meadow])
    halo = np.clip(np.exp(-((scene.from_sun / 0.06) ** 2)) * 1.3 + 0.35 * np.exp(-scene.from_sun / 0.12), 0, 1)
    over = np.where(scene.part == 0, halo, 0)
    column = np.exp(-(((canvas.x - scene.sun[0]) / 0.07) ** 2)) * smoothstep(-0.2, 1.2, ripples)
    over = np.where(scene.part == 3, column, over)
    return blend(color, palette("fff0b0"), over)


def _divide(rng: Rng, color: Array, purity: float) -> Array:
    """Each color split into purer neighbors, and now and then its complement."""
    count = len(color)
    hue = rng.normal(0, 0.10 * purity, (count, 3))
    pure = saturate(color, 1.0 + 0.5 * purity) + hue - hue.mean(axis=1, keepdims=True)
    pure = pure + rng.normal(0, 0.05, (count, 1))
    other = (1.2 - color) / (1.2 - color).mean(axis=1, keepdims=True)
    opposite = np.clip(1.35 * luminance(color)[:, None] * other, 0, 1)
    swap = rng.random((count, 1)) < 0.11 * purity
    return np.clip(np.where(swap, saturate(opposite, 1.5), pure), 0, 1)
