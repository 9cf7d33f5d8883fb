"""Relief and intaglio prints: lines that follow the form and swell with the tone."""

from __future__ import annotations

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng, fbm, noise, noise_function, smoothstep
from impasto.swatches.paint import blend, palette, paper_height, relief
from impasto.swatches.scene import Scene, landscape


def lines(canvas: Canvas, phase: Array, light: Array, pitch: float | Array) -> Array:
    """Ink, 1, between gouged lines, 0: `phase` counts lines, `light` is the part of each that is cut away."""
    part = np.abs(phase - np.floor(phase) - 0.5) * 2
    soft = 2.2 * canvas.pixel / pitch
    return smoothstep(light - soft, light + soft, part)


def woodcut(canvas: Canvas, rng: Rng) -> Array:
    """A block print: rays of a low sun, hills cut along their slopes, water, and black spruces in front."""
    scene = landscape(canvas, rng, hills=4, horizon=0.45, height=0.07, flat=(3,))
    jitter, swell = noise(canvas, rng, 9), fbm(canvas, rng, 6, octaves=3)
    ink = _sky(canvas, rng, scene, jitter, swell)
    for part in (1, 2, 3, 4):
        cut = (
            _water(canvas, rng, scene, jitter)
            if part == 3
            else _hill(canvas, rng, scene, part, jitter=jitter, swell=swell)
        )
        rim = smoothstep(0.0045, 0.0025, scene.depth + 0.001 * jitter)
        ink = np.where(scene.part == part, np.maximum(cut, rim), ink)
    ink = _spruces(canvas, rng, ink, jitter)
    return _pressed(canvas, rng, ink)


def _sky(canvas: Canvas, rng: Rng, scene: Scene, jitter: Array, swell: Array) -> Array:
    """Rays around a white sun, broken where they taper off."""
    angle = np.arctan2(canvas.y - scene.sun[1], canvas.x - scene.sun[0]) / (2 * np.pi)
    far = scene.from_sun
    read = noise_function(rng, 1.0)
    fork = far * np.clip(1 + 0.3 * read(np.floor(angle * 42) * 3.1, np.zeros_like(angle)), 0.3, 2.0)
    count = 84 * 2 ** np.clip(np.floor(np.log2(fork / 0.2)), -1, 2)
    phase = angle * count + 0.10 * jitter
    broken = read(np.floor(phase) * 1.7, far * 16)
    light = 0.92 - 1.15 * far + 0.16 * broken + 0.2 * swell
    ink = lines(canvas, phase, np.clip(light, 0.12, 0.97), 2 * np.pi * far / count + 1e-4)
    cloud = fbm(canvas, rng, 5.0, octaves=3, stretch=2.6) - 0.75
    contours = lines(canvas, cloud * 7 + 0.1 * jitter, np.clip(0.5 + 0.25 * cloud + 0.16 * swell, 0.3, 0.92), 0.02)
    edge = smoothstep(0.16, 0.08, np.abs(cloud))
    ink = np.where(cloud > 0, np.clip(edge + contours, 0, 1), ink)
    ring = smoothstep(0.004, 0.0025, np.abs(far - 0.062 - 0.001 * jitter))
    return np.where(far < 0.062, ring, np.where(far < 0.075, np.maximum(0.0, ring), ink))


def _hill(canvas: Canvas, rng: Rng, scene: Scene, part: int, *, jitter: Array, swell: Array) -> Array:
    """Cuts that run down a slope and bend with it, closer together farther away."""
    pitch, lean = 0.0055 + 0.0012 * part, rng.uniform(0.5, 1.3) * rng.choice([-1, 1])
    along = canvas.x + lean * scene.depth * 0.8 + 0.010 * swell + 0.02 * np.sin(scene.depth * 28 + canvas.x * 7)
    phase = (along * np.sin(1.0) + scene.depth * np.cos(1.0) * 0.5) / pitch
    broken = noise_function(rng, 1.0)(np.floor(phase) * 1.3, scene.depth * 20)
    facing = 0.25 * np.sin(canvas.x * 14 + part * 2 + scene.depth * 10)
    light = 0.64 + facing + 0.2 * broken + 0.2 * swell - 1.6 * scene.depth - 0.05 * part
    return lines(canvas, phase + 0.05 * jitter, np.clip(light, 0.0, 0.88), pitch)


def _water(canvas: Canvas, rng: Rng, scene: Scene, jitter: Array) -> Array:
    """Level cuts that widen where the sun glitters."""
    pitch = 0.0075
    phase = (scene.depth + 0.0022 * noise(canvas, rng, 22, stretch=3)) / pitch
    broken = noise_function(rng, 1.0)(canvas.x * 13, np.floor(phase) * 2.3)
    glitter = np.exp(-(((canvas.x - scene.sun[0]) / (0.06 + 0.4 * scene.depth)) ** 2))
    return lines(canvas, phase, np.clip(0.25 + 0.6 * glitter + 0.33 * broken, 0.0, 0.9), pitch)


def _spruces(canvas: Canvas, rng: Rng, ink: Array, jitter: Array) -> Array:
    """Black spruces with a few bright cuts on their boughs."""
    for _ in range(7):
        side = rng.choice([rng.uniform(0.0, 0.3), rng.uniform(0.7, 1.0)])
        x, top = side * canvas.right, canvas.bottom * rng.uniform(0.38, 0.66)
        down, pitch = canvas.y - top, rng.uniform(0.02, 0.028)
        bough = down / pitch - np.floor(down / pitch)
        reach = (0.004 + 0.2 * down) * (0.42 + 0.58 * bough) + 0.0015 * jitter
        inside = (np.abs(canvas.x - x) < reach) & (down > 0)
        fan = (canvas.x - x) / (down + 0.02) * 22 + down / pitch
        cut = lines(canvas, fan, np.clip(0.75 * bough - 0.25 + 0.12 * jitter, 0, 0.7), (down + 0.02) / 22)
        near = (np.abs(canvas.x - x) < reach + 0.0035) & (down > -0.004)
        ink = np.where(inside, cut, np.where(near, 0.0, ink))
    return ink


def _pressed(canvas: Canvas, rng: Rng, ink: Array) -> Array:
    """The block printed by hand: grain of the wood in the solid ink, salt, and warm paper."""
    grain = noise(canvas, rng, 240, stretch=14) + 0.5 * noise(canvas, rng, 60, stretch=10)
    salt = smoothstep(1.9, 2.9, fbm(canvas, rng, 260, octaves=2) + 0.6 * grain)
    ink = ink * (1 - 0.75 * salt) * np.clip(0.955 + 0.03 * grain + 0.02 * fbm(canvas, rng, 4), 0, 1)
    paper = palette("f1e6cc") * (1 + 0.035 * fbm(canvas, rng, 7) + 0.02 * noise(canvas, rng, 200))[..., None]
    shade, _ = relief(canvas, paper_height(canvas, rng, 150) * 0.0002 - 0.0004 * ink)
    return np.asarray(blend(paper, palette("17130f"), ink) * shade[..., None])
