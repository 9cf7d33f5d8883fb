"""A landscape to paint: sky, a sun, ridges of hills and water, as fields that every technique reads its own way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng


@dataclass(frozen=True)
class Scene:
    """What is where."""

    part: Array  # (H, W) int: 0 is sky, 1 the farthest hill, ..., the last the nearest
    depth: Array  # (H, W): distance below the outline of the part, in canvas units; in the sky, from the top
    sun: tuple[float, float]
    from_sun: Array  # (H, W): distance from the sun's center
    count: int


def outline(rng: Rng, x: Array, bumps: float = 2.5, rough: float = 0.5, octaves: int = 5) -> Array:
    """A mountain's outline over x: a sum of waves, about zero and within about -1..1."""
    total = np.zeros_like(x)
    for octave in range(octaves):
        wave = rng.uniform(0.7, 1.4) * bumps * 2**octave
        total += rough**octave * np.sin(2 * np.pi * wave * x + rng.uniform(0, 2 * np.pi))
    return np.asarray(total / 1.6)


def landscape(
    canvas: Canvas, rng: Rng, *, hills: int = 3, horizon: float = 0.5, height: float = 0.09, flat: tuple[int, ...] = ()
) -> Scene:
    """Hills one behind another below `horizon` (a part of the canvas height), under a sun; `flat` ones are water."""
    part = np.zeros((canvas.height, canvas.width), dtype=np.int32)
    depth = np.array(canvas.y)
    for hill in range(1, hills + 1):
        base = canvas.bottom * (horizon + (1 - horizon) * ((hill - 1) / hills) ** 1.2)
        swell = height * outline(rng, canvas.x[0], bumps=1.5, rough=0.35) * rng.uniform(0.7, 1.1)
        top = base - swell * (0.05 if hill in flat else 1.0)
        below = canvas.y - top
        part, depth = np.where(below > 0, hill, part), np.where(below > 0, below, depth)
    sun = (canvas.right * rng.uniform(0.2, 0.8), canvas.bottom * horizon * rng.uniform(0.4, 0.65))
    return Scene(part, depth, sun, np.hypot(canvas.x - sun[0], canvas.y - sun[1]), hills)
