"""A grain that a photograph gets before it is painted, so that there is something to make strokes of where it is flat.

It is a function of the place alone: the same in a tile as in the whole, on every device, in every program.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

SIZES = (1, 2, 4, 8)  # pixels between two random values
_PRIME = 2**31 - 1


def grain(height: int, width: int, top: int = 0, left: int = 0) -> Tensor:
    """The sum of random values on grids of `SIZES`, interpolated linearly; of mean about 0 and variance about 1.

    Shape: (1, 1, height, width), float32.
    """
    total = torch.zeros(height, width)
    for size in SIZES:
        rows, above, down = _cells(top, height, size)
        columns, before, right = _cells(left, width, size)
        values = _random(rows, columns, size)
        values = torch.lerp(values[above], values[above + 1], down[:, None])
        values = torch.lerp(values[:, before], values[:, before + 1], right)
        spread = 1.0 if size == 1 else 1.5  # linear interpolation leaves 4/9 of the variance
        total += spread * values
    return total[None, None] * math.sqrt(12 / len(SIZES))


def _cells(first: int, count: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """A grid's lines along `count` places; for each place the line before, of these, and how far it is to the next."""
    places = torch.arange(first, first + count)
    start = first // size
    lines = torch.arange(start, (first + count - 1) // size + 2)
    return lines, places // size - start, places.remainder(size).float() / size


def _random(rows: Tensor, columns: Tensor, size: int) -> Tensor:
    """A value in [-1/2, 1/2) for each place.  Shape: (H,), (W,) -> (H, W).

    By squares modulo a prime: products of integers are the same everywhere, also in ONNX.
    """
    mixed = (columns * 374761393 + rows[:, None] * 668265263 + size * 974711) % _PRIME
    for _ in range(3):
        mixed = (mixed * mixed + 362437) % _PRIME
    return mixed.float() / _PRIME - 0.5
