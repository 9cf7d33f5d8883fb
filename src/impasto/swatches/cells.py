"""Voronoi cells: which seed is nearest to every pixel, and how far the border between two cells is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng

_BLOCK = 48  # pixels: a block's pixels share one short list of seeds


@dataclass(frozen=True)
class Cells:
    """The cell of every pixel."""

    index: Array  # (H, W) int: the nearest seed
    border: Array  # (H, W): distance to the cell's border, in canvas units
    seeds: Array  # (N, 2)


def scatter(canvas: Canvas, rng: Rng, columns: int, jitter: float = 0.9) -> Array:
    """Points spread unevenly but with few gaps, some beyond the edges."""  # (N, 2)
    step = 1.0 / columns
    places = np.arange(-2, columns + 2) * step
    x, y = np.meshgrid(places + step * rng.uniform(-0.5, 0.5), places + step * rng.uniform(-0.5, 0.5))
    points = np.stack([x.ravel(), y.ravel()], axis=1) + rng.uniform(-0.5, 0.5, (x.size, 2)) * step * jitter
    inside = (points[:, 0] < canvas.right + step) & (points[:, 1] < canvas.bottom + step)
    return np.asarray(points[inside])


def apart(canvas: Canvas, rng: Rng, sizes: Sequence[float], spacing: float = 1.0) -> list[tuple[float, float, float]]:
    """Centers and radii of discs clear of one another; one that finds no room in 40 tries is left out."""
    found: list[tuple[float, float, float]] = []
    for size in sizes:
        for _ in range(40):
            x, y = rng.uniform(0.06, 0.94) * canvas.right, rng.uniform(0.08, 0.92) * canvas.bottom
            if all(np.hypot(x - u, y - v) > spacing * (size + s) for u, v, s in found):
                found.append((float(x), float(y), size))
                break
    return found


def voronoi(canvas: Canvas, seeds: Array, x: Array | None = None, y: Array | None = None) -> Cells:
    """The cells of the seeds, at the pixels or at warped coordinates of the pixels."""
    x, y = canvas.x if x is None else x, canvas.y if y is None else y
    index = np.zeros((canvas.height, canvas.width), dtype=np.int32)
    border = np.zeros(index.shape, dtype=np.float32)
    for top in range(0, canvas.height, _BLOCK):
        for left in range(0, canvas.width, _BLOCK):
            area = np.s_[top : top + _BLOCK, left : left + _BLOCK]
            index[area], border[area] = _nearest(x[area], y[area], seeds)
    return Cells(index, border, seeds)


def _nearest(x: Array, y: Array, seeds: Array) -> tuple[Array, Array]:
    """The nearest seed of every pixel in a block and the distance to the border with the second nearest."""
    middle = np.array([(x.min() + x.max()) / 2, (y.min() + y.max()) / 2])
    reach = np.hypot(x.max() - middle[0], y.max() - middle[1])
    away = np.hypot(*(seeds - middle).T)
    near = np.flatnonzero(away <= np.partition(away, 1)[1] + 2 * reach)
    few = seeds[near].astype(np.float32)
    square = (x[..., None] - few[:, 0]) ** 2 + (y[..., None] - few[:, 1]) ** 2  # (h, w, few)
    first, second = np.moveaxis(np.argpartition(square, 1, axis=-1)[..., :2], -1, 0)
    gap = np.take_along_axis(square, second[..., None], -1) - np.take_along_axis(square, first[..., None], -1)
    apart = np.hypot(*np.moveaxis(few[first] - few[second], -1, 0)) + 1e-6
    return near[first], gap[..., 0] / (2 * apart)
