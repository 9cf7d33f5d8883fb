"""Glass: leaded windows and mosaics."""

from __future__ import annotations

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng, fbm, noise, smoothstep, unit
from impasto.swatches.cells import scatter, voronoi
from impasto.swatches.paint import blend, blur, lit, palette, pick, saturate

SKY = palette("0e1f6b", "1c46b0", "2f7fd0", "5fb8dc", "4a2a8c")
ROSE = palette("7c0a1e", "c41426", "e8571c", "f5a81c", "fbe07a")
LEAF = palette("0f4a2c", "1f8046", "6fae2c", "c0c83a", "0f6a6a")


def stained_glass(canvas: Canvas, rng: Rng) -> Array:
    """A leaded window: a rose of ruby and gold, blue sky around it and green glass below."""
    center = np.array([canvas.right * rng.uniform(0.35, 0.65), canvas.bottom * rng.uniform(0.36, 0.5)])
    rose, ring = _rose(rng, center)
    around = scatter(canvas, rng, 13)
    around = around[np.hypot(*(around - center).T) > 0.30]
    seeds = np.vstack([rose, around])
    wobble = 0.006 * noise(canvas, rng, 9), 0.006 * noise(canvas, rng, 9)
    cells = voronoi(canvas, seeds, canvas.x + wobble[0], canvas.y + wobble[1])
    glass = _panes(canvas, rng, seeds, ring, len(rose))[cells.index]
    glass = _streaks(canvas, rng, glass, cells.index, len(seeds))
    return _lead(canvas, rng, glass, cells.border)


def _rose(rng: Rng, center: Array) -> tuple[Array, Array]:
    """Seeds in rings around the center, and the ring of each."""
    petals, places, ring = int(rng.integers(8, 13)), [center], [0]
    turn = rng.uniform(0, 2 * np.pi)
    for k, radius in enumerate((0.062, 0.125, 0.19, 0.265), start=1):
        count = petals * (1 if k < 3 else 2)
        angles = turn + (np.arange(count) + 0.5 * (k % 2)) * 2 * np.pi / count
        places.extend(center + radius * np.array([np.cos(a), np.sin(a)]) for a in angles)
        ring.extend([k] * count)
    return np.array(places), np.array(ring)


def _panes(canvas: Canvas, rng: Rng, seeds: Array, ring: Array, petals: int) -> Array:
    """A color for every pane."""  # (N, 3)
    away = seeds[petals:]
    low = away[:, 1] / canvas.bottom + 0.12 * np.sin(away[:, 0] * 9) + rng.normal(0, 0.05, len(away)) > 0.72
    rest = np.where(low[:, None], pick(rng, LEAF, len(away)), pick(rng, SKY, len(away), [3, 4, 3, 2, 1.5]))
    stray = rng.random(len(away)) < 0.07
    rest = np.where(stray[:, None], pick(rng, ROSE, len(away)), rest)
    inner = ROSE[np.array([4, 3, 1, 2, 0])[ring]]
    odd = (np.arange(petals) % 2 == 1) & (ring == 3)
    inner = np.where((ring == 4)[:, None], pick(rng, ROSE[:2], petals), inner)
    inner = np.where(odd[:, None], palette("2a4fc0"), inner)
    both = np.vstack([inner, rest])
    return np.clip(both * rng.normal(1.0, 0.13, (len(both), 1)) + rng.normal(0, 0.03, both.shape), 0, 1)


def _streaks(canvas: Canvas, rng: Rng, glass: Array, index: Array, count: int) -> Array:
    """Streaks, seeds and uneven thickness: each pane is cut from another sheet."""
    long, tall, cloud = noise(canvas, rng, 34, stretch=7), noise(canvas, rng, 5, stretch=0.15), fbm(canvas, rng, 7)
    cut = rng.random(count)[index]
    streak = np.where(cut < 0.4, long, np.where(cut < 0.7, tall, cloud))
    light = 1.0 + 0.2 * streak + 0.16 * cloud + 0.05 * noise(canvas, rng, 150)
    bubbles = smoothstep(2.3, 2.9, noise(canvas, rng, 95))
    glass = glass * light[..., None] + 0.35 * bubbles[..., None]
    milky = np.clip(0.16 * streak + 0.05, 0, 0.4)
    return blend(glass, palette("fff6dc"), milky)


def _lead(canvas: Canvas, rng: Rng, glass: Array, border: Array) -> Array:
    """Panes lit from behind, their light spilling over round lead cames."""
    half = 0.0052 * (1 + 0.18 * noise(canvas, rng, 30))
    inside = smoothstep(half - canvas.pixel, half + canvas.pixel, border)
    rim = 0.55 + 0.45 * smoothstep(0.0, 0.022, border - half)
    window = np.clip(glass, 0, 1.3) * (rim * (0.8 + 0.3 * unit(fbm(canvas, rng, 2.0, octaves=2))))[..., None]
    window = saturate(np.clip(window * 1.1, 0, 1), 1.15)
    spill = blur(canvas, window * inside[..., None], 0.012)
    came = np.sqrt(np.clip(1 - (border / half) ** 2, 0, 1)) * 0.006 + 0.0004 * fbm(canvas, rng, 60, octaves=3)
    lead = lit(canvas, palette("2b2a2e"), came * (1 - inside), gloss=0.5)
    return blend(lead + 0.25 * spill, window + 0.12 * spill, inside)
