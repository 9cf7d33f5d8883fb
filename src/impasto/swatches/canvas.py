"""The canvas a swatch is drawn on, and the noise that is the same at every size.

Coordinates are in units of the long side: x runs from 0 to `right`, y from 0 to `bottom`, and the larger of the two is
1.  Everything random is drawn in these units, so another size shows the same design.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[Any]
Rng = np.random.Generator


@dataclass(frozen=True)
class Canvas:
    """A width and a height in pixels, and the coordinates of the pixel centers."""

    width: int
    height: int

    @cached_property
    def long(self) -> int:
        """The long side in pixels."""
        return max(self.width, self.height)

    @cached_property
    def right(self) -> float:
        """The x of the right edge."""
        return self.width / self.long

    @cached_property
    def bottom(self) -> float:
        """The y of the bottom edge."""
        return self.height / self.long

    @cached_property
    def x(self) -> Array:
        """The x of every pixel center."""  # (H, W)
        row = (np.arange(self.width, dtype=np.float32) + 0.5) / np.float32(self.long)
        return np.broadcast_to(row, (self.height, self.width))

    @cached_property
    def y(self) -> Array:
        """The y of every pixel center."""  # (H, W)
        column = (np.arange(self.height, dtype=np.float32) + 0.5) / np.float32(self.long)
        return np.broadcast_to(column[:, None], (self.height, self.width))

    @cached_property
    def pixel(self) -> float:
        """The size of a pixel in canvas units."""
        return 1.0 / self.long

    def window(self, x: float, y: float, reach: float) -> tuple[slice, slice]:
        """The rows and columns within reach of a point; empty where it is off the canvas."""
        low = [max(0, int((v - reach) * self.long)) for v in (y, x)]
        high = [max(0, int((v + reach) * self.long) + 1) for v in (y, x)]
        return slice(low[0], high[0]), slice(low[1], high[1])

    def at(self, field: Array, x: Array, y: Array) -> Array:
        """The values of a field, of any number of channels, at points of the canvas."""
        column = np.clip((np.asarray(x) * self.long).astype(int), 0, self.width - 1)
        row = np.clip((np.asarray(y) * self.long).astype(int), 0, self.height - 1)
        values: Array = field[row, column]
        return values


def noise(canvas: Canvas, rng: Rng, cells: float, stretch: float = 1.0) -> Array:
    """Smooth noise of unit variance with `cells` bumps along the long side, `stretch` times longer than high."""
    columns, rows = max(2, round(cells / stretch)), max(2, round(cells))
    lattice = rng.standard_normal((rows + 1, columns + 1)).astype(np.float32) * 1.4
    box = (0.4, 0.4, 0.4 + columns * canvas.right, 0.4 + rows * canvas.bottom)
    image = Image.fromarray(lattice).resize((canvas.width, canvas.height), Image.Resampling.BICUBIC, box=box)
    return np.asarray(image)


def fbm(canvas: Canvas, rng: Rng, cells: float, octaves: int = 5, *, gain: float = 0.5, stretch: float = 1.0) -> Array:
    """Noise on several scales, each twice as fine and `gain` times as strong; unit variance in all."""
    weights = [gain**i for i in range(octaves)]
    total = sum(w * noise(canvas, rng, cells * 2**i, stretch) for i, w in enumerate(weights))
    return np.asarray(total / np.sqrt(sum(w * w for w in weights)), dtype=np.float32)


def noise_function(rng: Rng, cells: float, period: int = 64) -> Callable[[Array, Array], Array]:
    """Smooth noise that can be read at any point, for coordinates that have been warped."""
    lattice = rng.standard_normal((period, period)).astype(np.float32) * 1.4

    def read(x: Array, y: Array) -> Array:
        u, v = np.asarray(x, np.float32) * cells, np.asarray(y, np.float32) * cells
        i, j = np.floor(u), np.floor(v)
        a, b = smoothstep(0.0, 1.0, u - i), smoothstep(0.0, 1.0, v - j)
        i, j = i.astype(np.int64) % period, j.astype(np.int64) % period
        k, m = (i + 1) % period, (j + 1) % period
        top = lattice[j, i] * (1 - a) + lattice[j, k] * a
        return np.asarray(top * (1 - b) + (lattice[m, i] * (1 - a) + lattice[m, k] * a) * b)

    return read


def smoothstep(low: float | Array, high: float | Array, value: Array) -> Array:
    """A smooth rise from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def unit(field: Array) -> Array:
    """A field of zero mean and unit variance as one of values in 0..1, most of the range being used."""
    return np.asarray(np.clip(0.5 + field / 4.0, 0.0, 1.0))


def render(painter: Callable[[Canvas, Rng], Array], width: int, height: int, *, seed: int, finer: int) -> Array:
    """A painter's picture as sRGB bytes, drawn `finer` times larger and averaged down."""  # (H, W, 3)
    picture = painter(Canvas(width * finer, height * finer), np.random.default_rng(seed))
    small = picture.reshape(height, finer, width, finer, 3).mean(axis=(1, 3), dtype=np.float32)
    return np.asarray(np.clip(small, 0.0, 1.0) * 255 + 0.5).astype(np.uint8)
