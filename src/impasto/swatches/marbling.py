"""Marbled paper: colors floated on a bath, combed and swirled, then lifted off."""

from __future__ import annotations

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng, fbm, noise, noise_function, smoothstep
from impasto.swatches.paint import blend, palette, paper_height, pick, relief

INKS = palette("12264f", "23508a", "8c1f2b", "c2452d", "d99a2b", "f0dfb4", "2f5a45", "17181f", "e9cfae")
SHARE = (3, 2.5, 3, 1.6, 2.2, 3.2, 1.6, 1.6, 1.5)


def marbling(canvas: Canvas, rng: Rng) -> Array:
    """Bands drawn up and down by a comb, turned in a few eddies, with late drops floating on top."""
    x, y = _stirred(canvas, rng)
    u, v = _combed(rng, x, y)
    color = _bands(canvas, rng, u, v)
    color = _drops(canvas, rng, color)
    return _lifted(canvas, rng, color)


def _stirred(canvas: Canvas, rng: Rng) -> tuple[Array, Array]:
    """Coordinates from before the bath was stirred: slow currents and a few eddies."""
    x = canvas.x + 0.012 * fbm(canvas, rng, 3.5, octaves=3)
    y = canvas.y + 0.012 * fbm(canvas, rng, 3.5, octaves=3)
    for _ in range(5):
        cx, cy = rng.uniform(0.05, 0.95) * canvas.right, rng.uniform(0.05, 0.95) * canvas.bottom
        dx, dy = x - cx, y - cy
        turn = rng.choice([-1, 1]) * rng.uniform(2.2, 4.5) * np.exp(-np.hypot(dx, dy) / rng.uniform(0.035, 0.07))
        cos, sin = np.cos(turn), np.sin(turn)
        x, y = cx + dx * cos - dy * sin, cy + dx * sin + dy * cos
    return x, y


def _combed(rng: Rng, x: Array, y: Array) -> tuple[Array, Array]:
    """Coordinates from before the comb: fine teeth pulled down, then a wide rake in a wave."""
    x = x + 0.022 * np.sin(2 * np.pi * (y * 3.1 + rng.random()))
    tooth = x * 17 + rng.random()
    part = np.abs(tooth - np.floor(tooth) - 0.5) * 2  # 0 between the teeth, 1 under a tooth
    pull = 0.10 * np.exp(-(1 - part) * 3.2) - 0.03 * np.exp(-part * 4.0)
    sway = noise_function(rng, 3.0)
    return x, y - pull * (1 + 0.35 * sway(np.floor(tooth) / 17, y * 0.5))


def _bands(canvas: Canvas, rng: Rng, u: Array, v: Array) -> Array:
    """The first bands of color across the bath, thick and thin, averaged over what each pixel sees of them."""
    edges = np.cumsum(rng.gamma(1.2, 0.010, 400))
    colors = pick(rng, INKS, 401, SHARE)
    waver = noise_function(rng, 7.0)
    place = (v + 1.2 + 0.012 * waver(u, v) + 0.004 * waver(u * 4 + 3, v * 4)).astype(np.float64)
    fine = np.linspace(0, edges[-1], 1 << 15)
    total = np.cumsum(colors[np.searchsorted(edges, fine)], axis=0, dtype=np.float64) * fine[1]
    down, across = np.gradient(place)
    seen = np.clip(np.hypot(down, across), canvas.pixel * 0.5, 0.03)
    spans = [np.interp(place + s * seen, fine, total[:, c]) for c in range(3) for s in (0.5, -0.5)]
    return np.stack([(spans[2 * c] - spans[2 * c + 1]) / seen for c in range(3)], axis=-1).astype(np.float32)


def _drops(canvas: Canvas, rng: Rng, color: Array) -> Array:
    """Late drops in rings, pushed a little out of round."""
    wobble = 0.003 * noise(canvas, rng, 14), 0.003 * noise(canvas, rng, 14)
    for _ in range(46):
        cx, cy = rng.uniform(0, canvas.right), rng.uniform(0, canvas.bottom)
        size = 0.004 + 0.026 * rng.random() ** 3
        area = canvas.window(cx, cy, 1.6 * size + 0.01)
        dx, dy = (canvas.x + wobble[0])[area] - cx, (canvas.y + wobble[1])[area] - cy
        away = np.hypot(dx, dy * rng.uniform(0.8, 1.25))
        for part, ink in zip((1.0, 0.82, 0.5), pick(rng, INKS, 3, SHARE), strict=True):
            cover = smoothstep(size * part + canvas.pixel, size * part - canvas.pixel, away)
            color[area] = blend(color[area], ink, cover)
    return color


def _lifted(canvas: Canvas, rng: Rng, color: Array) -> Array:
    """Ink on laid paper: a little thin here and there, speckled, with the paper's grain."""
    thin = np.clip(0.07 + 0.05 * fbm(canvas, rng, 5.0), 0, 0.25) + 0.12 * smoothstep(0.8, 2.5, noise(canvas, rng, 220))
    color = blend(color, palette("f3e8cf"), np.clip(thin, 0, 1))
    shade, _ = relief(canvas, paper_height(canvas, rng) * 0.0002)
    mottle = 1 + 0.045 * fbm(canvas, rng, 40, octaves=4)
    return np.asarray(color * (shade * mottle)[..., None])
