"""Comic printing: four inks in screens of dots, none quite in register."""

from __future__ import annotations

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng, fbm, noise, smoothstep
from impasto.swatches.paint import blend, palette, ramp
from impasto.swatches.scene import Scene, landscape

PITCH = 0.0092
SEAS = (
    palette("c9f2d8", "4fd0b0", "12b0b8", "2f8fe0"),
    palette("a9e4f8", "3fb0f0", "2f7fe6", "7f6fe0"),
    palette("ffd0e4", "f07fc0", "c05fd8", "6f5fe6"),
)
PUFFS = ((-1.0, 0.1, 0.5), (0.0, -0.2, 0.8), (1.0, 0.05, 0.6), (1.7, 0.3, 0.35), (-1.7, 0.3, 0.3))
INKS = {"cyan": ("1f9fd6", 15.0), "magenta": ("e0266f", 75.0), "yellow": ("fbd90f", 0.0)}


def halftone(canvas: Canvas, rng: Rng) -> Array:
    """A burst over a rolling sea under heavy clouds: dots of cyan, magenta and yellow, and a black key line."""
    scene = landscape(canvas, rng, hills=3, horizon=0.52, height=0.06)
    color, key = _panel(canvas, rng, scene)
    paper = palette("f6ecd2") * (1 + 0.025 * fbm(canvas, rng, 6) - 0.03 * noise(canvas, rng, 220).clip(0))[..., None]
    for channel, (ink, degrees) in enumerate(INKS.values()):
        shift = rng.normal(0, 0.0022, 2)
        dots = _screen(canvas, rng, 1 - color[..., channel], np.deg2rad(degrees), shift)
        paper = paper * (1 - (1 - palette(ink)) * dots[..., None])
    wear = np.clip(0.96 - 0.5 * smoothstep(1.7, 2.6, fbm(canvas, rng, 200, octaves=2)), 0, 1)
    return blend(paper, palette("14121a"), key * wear)


def _screen(canvas: Canvas, rng: Rng, tone: Array, turn: float, shift: Array) -> Array:
    """Dots on a turned grid, as large as the tone is dark, with ink that is not quite even."""
    u = ((canvas.x + shift[0]) * np.cos(turn) + (canvas.y + shift[1]) * np.sin(turn)) / PITCH
    v = ((canvas.y + shift[1]) * np.cos(turn) - (canvas.x + shift[0]) * np.sin(turn)) / PITCH
    away = np.hypot(u - np.floor(u) - 0.5, v - np.floor(v) - 0.5)
    moved = canvas.at(tone, canvas.x + shift[0], canvas.y + shift[1])
    radius = 0.74 * np.sqrt(np.clip(moved, 0, 1)) * (1 + 0.05 * noise(canvas, rng, 120))
    soft = 0.8 * canvas.pixel / PITCH
    load = np.clip(0.93 + 0.05 * fbm(canvas, rng, 9) - 0.35 * smoothstep(1.2, 2.4, noise(canvas, rng, 240)), 0, 1)
    return smoothstep(radius + soft, radius - soft, away) * (moved > 0.02) * load


def _panel(canvas: Canvas, rng: Rng, scene: Scene) -> tuple[Array, Array]:
    """The colors to separate, and the drawn line."""
    color, key = _burst(canvas, rng, scene)
    for part in (1, 2, 3):
        inside = scene.part == part
        sea, drawn = _swell(canvas, rng, scene, part)
        color, key = np.where(inside[..., None], sea, color), np.where(inside, drawn, key)
    return color, key


def _burst(canvas: Canvas, rng: Rng, scene: Scene) -> tuple[Array, Array]:
    """The sky: rays in two colors around a jagged star, and clouds."""
    angle, far = np.arctan2(canvas.y - scene.sun[1], canvas.x - scene.sun[0]), scene.from_sun
    rays = np.sin(angle * int(rng.integers(9, 14)) + rng.uniform(0, 6)) > 0
    warm = ramp(palette("fff3a0", "ffc21f", "f2542a", "b8204a"), far * 2.0)
    cool = ramp(palette("fff6c8", "9fe0ee", "3f8fd0", "2a3f9a"), far * 1.9)
    color = np.where(rays[..., None], warm, cool)
    spikes = int(rng.integers(11, 17))
    star = 0.085 * (
        1 + 0.38 * (np.abs(np.mod(angle * spikes / (2 * np.pi), 1) - 0.5) * 4 - 1) + 0.12 * np.sin(angle * 5)
    )
    for grow, fill in ((1.28, "d81e3a"), (1.0, "ffe23a"), (0.6, "fffdf0")):
        color = np.where((far < star * grow)[..., None], palette(fill), color)
    key = np.maximum(_stroke(far - star * 1.28, 0.0034), _stroke(far - star, 0.002))
    speed = np.abs(np.mod(angle * 60 / (2 * np.pi), 1) - 0.5) * 2
    key = np.maximum(key, smoothstep(0.06, 0.0, 1 - speed - 0.55 * (far - 0.33)) * (far > 0.3))
    return _clouds(canvas, rng, color, key)


def _clouds(canvas: Canvas, rng: Rng, color: Array, key: Array) -> tuple[Array, Array]:
    """Round clouds, white above and shaded in dots below, outlined."""
    for _ in range(5):
        x, y, size = rng.uniform(0, canvas.right), canvas.bottom * rng.uniform(0.03, 0.42), rng.uniform(0.05, 0.09)
        puffs = [(x + size * dx, y + size * dy, size * r) for dx, dy, r in PUFFS]
        body = np.max([r - np.hypot(canvas.x - px, canvas.y - py) for px, py, r in puffs], axis=0)
        body = np.minimum(body, y + 0.42 * size - canvas.y)
        shade = ramp(palette("fffdf4", "fffdf4", "b8d8ee", "7f9fd6"), (canvas.y - y) / size * 0.9 + 0.55)
        color = np.where((body > 0)[..., None], shade, color)
        key = np.where(body > 0.003, 0.0, np.maximum(key, _stroke(body, 0.003)))
    return color, key


def _swell(canvas: Canvas, rng: Rng, scene: Scene, part: int) -> tuple[Array, Array]:
    """A wave: lit crest, deep trough, a bold outline and feathered ink hanging from it."""
    depth = scene.depth
    shades = SEAS[part - 1]
    color = ramp(shades, depth * 5 + 0.12 * np.sin(canvas.x * 17 + part))
    foam = depth - 0.016 - 0.006 * np.sin(canvas.x * 60 + 3 * np.sin(canvas.x * 23 + part))
    color = np.where((foam < 0)[..., None], palette("fffdf4"), color)
    key = np.maximum(_stroke(depth, 0.0042), _stroke(foam, 0.0018))
    lean = canvas.x + 0.55 * depth + 0.05 * np.sin(depth * 40)
    feather = np.abs(np.mod(lean * 38, 1) - 0.5) * 2
    length = 0.085 + 0.04 * np.sin(np.floor(lean * 38) * 2.4) + 0.02 * np.sin(canvas.x * 9 + part)
    ink = smoothstep(0.10, -0.04, feather - 0.5 * (1 - (depth - 0.03) / length)) * (depth > 0.03)
    return color, np.maximum(key, ink)


def _stroke(distance: Array, thick: float) -> Array:
    """A drawn line where the distance is nought."""
    return smoothstep(thick, thick * 0.5, np.abs(distance))
