"""Watercolor: translucent washes that dry with dark edges and grain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng, fbm, smoothstep
from impasto.swatches.paint import palette, paper_height, relief

PETALS = palette("c8213f", "e0566d", "d8742a", "e6b32e", "8a3a9a", "4b4fb5", "c2408f")
LEAVES = palette("2f6a3c", "5f8f33", "2a6f74", "93a83a")
GROUND = palette("6fa3c9", "d7b25a", "9cc2a0", "c59ab8")
HEART = palette("5a2a1a", "d9a520")


@dataclass(frozen=True)
class Sheet:
    """A sheet of rough paper and the pigment on it."""

    canvas: Canvas
    tooth: Array  # (H, W)
    wander: list[Array]  # (H, W) each: how water runs
    absorbed: Array  # (H, W, 3): optical density


@dataclass(frozen=True)
class Pool:
    """A wet oval of color."""

    at: tuple[float, float]
    size: tuple[float, float]
    colors: Array  # (N, 3): two of them run into each other
    strength: float
    turn: float = 0.0


def watercolor(canvas: Canvas, rng: Rng) -> Array:
    """A loose bunch of flowers: wet washes behind, petals and leaves laid over one another."""
    wander = [fbm(canvas, rng, c, octaves=6, gain=0.55) for c in (4, 7, 11, 7)]
    empty = np.zeros((canvas.height, canvas.width, 3), dtype=np.float32)
    sheet = Sheet(canvas, paper_height(canvas, rng, 150), wander, empty)
    for _ in range(17):
        center, size = (rng.uniform(0, canvas.right), rng.uniform(0, canvas.bottom)), rng.uniform(0.14, 0.3)
        _dry(sheet, rng, Pool(center, (size, size * 0.7), GROUND, 0.6))
    for x, y, size in _bunch(canvas, rng):
        for pool in _flower(rng, (x, y), size):
            _dry(sheet, rng, pool)
    paper = palette("f8f4ea") * (1 + 0.012 * fbm(canvas, rng, 6))[..., None]
    shade, _ = relief(canvas, sheet.tooth * 0.00022)
    return np.asarray(paper * np.exp(-sheet.absorbed) * shade[..., None])


def _bunch(canvas: Canvas, rng: Rng) -> Array:
    """Places and sizes of the flowers, small ones behind."""  # (N, 3)
    count = 13
    x = canvas.right * ((np.arange(count) * 0.618 + rng.random()) % 1.0)
    y = canvas.bottom * (0.12 + 0.76 * rng.random(count))
    return np.stack([x, y, np.sort(rng.uniform(0.045, 0.125, count))], axis=1)


def _flower(rng: Rng, at: tuple[float, float], size: float) -> list[Pool]:
    """Leaves, then petals around a heart, each a pool of its own."""
    hue, count, start = rng.integers(len(PETALS)), int(rng.integers(5, 8)), rng.uniform(0, 2 * np.pi)
    pair = PETALS[[hue, (hue + 1) % len(PETALS)]]

    def away(reach: float, turn: float) -> tuple[float, float]:
        return at[0] + reach * size * np.cos(turn), at[1] + reach * size * np.sin(turn)

    leaves = rng.uniform(0, 2 * np.pi, 3)
    petals = start + 2 * np.pi * np.arange(count) / count + rng.normal(0, 0.12, count)
    pools = [Pool(away(1.25, turn), (size * 0.85, size * 0.28), LEAVES, 1.0, turn) for turn in leaves]
    pools += [Pool(away(0.52, turn), (size * 0.6, size * 0.4), pair, 0.75, turn) for turn in petals]
    return [*pools, Pool(at, (size * 0.2, size * 0.2), HEART, 1.2)]


def _dry(sheet: Sheet, rng: Rng, pool: Pool) -> None:
    """Dry a pool: flat inside, dark at its edge, grainy where pigment settled, bled where the paper was wet."""
    canvas, area = sheet.canvas, sheet.canvas.window(*pool.at, 1.5 * max(pool.size))
    dx, dy = canvas.x[area] - pool.at[0], canvas.y[area] - pool.at[1]
    cos, sin, small = np.cos(pool.turn), np.sin(pool.turn), min(pool.size)
    along, across = (dx * cos + dy * sin) / pool.size[0], (dy * cos - dx * sin) / pool.size[1]
    k, m = rng.permutation(len(sheet.wander))[:2]
    shore, run = sheet.wander[k][area], sheet.wander[m][area]
    inside = (1 - np.hypot(along, across)) * small + 0.13 * small * shore
    wet = 0.0012 + 0.02 * small + 0.5 * small * rng.random() ** 4
    cover = smoothstep(-wet * 0.3, wet, inside)
    rim = np.exp(-(((inside - wet) / 0.0028) ** 2)) + 0.45 * np.exp(-np.clip(inside - wet, 0, None) / 0.012)
    flow = np.clip(0.5 + 0.35 * run + 0.4 * along * rng.choice([-1, 1]), 0, 1)
    pigment = (0.42 + 0.5 * flow + 0.6 * rim * cover) * (1 + 0.17 * sheet.tooth[area] + 0.1 * shore)
    first, second = pool.colors[rng.permutation(len(pool.colors))[:2]]
    hue = -np.log(np.clip(first + (second - first) * smoothstep(0.3, 1.0, flow)[..., None], 0.04, 0.98))
    amount = cover * np.clip(pigment, 0, None) * pool.strength * rng.uniform(0.65, 1.1)
    lifted = 1 - 0.5 * min(pool.strength, 1.0) * cover
    sheet.absorbed[area] = sheet.absorbed[area] * lifted[..., None] + hue * amount[..., None]
