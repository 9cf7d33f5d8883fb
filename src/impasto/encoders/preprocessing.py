"""What a network does to colors before its first filter: the preprocessing that belongs to a set of weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Preprocessing:
    """The affine map of colors a network was trained with: input = `matrix` @ rgb + `offset`, rgb in [0, 1]."""

    matrix: tuple[tuple[float, float, float], ...]
    offset: tuple[float, float, float]

    @classmethod
    def standardised(cls, mean: Iterable[float], std: Iterable[float]) -> Preprocessing:
        """(rgb - mean) / std, channel by channel."""
        mean, std = tuple(mean), tuple(std)
        rows = tuple(tuple(1 / std[i] if i == j else 0.0 for j in range(3)) for i in range(3))
        return cls(rows, tuple(-m / s for m, s in zip(mean, std, strict=True)))  # type: ignore[arg-type]

    @classmethod
    def bgr(cls, scale: float, mean: Iterable[float]) -> Preprocessing:
        """`scale` * (b, g, r) - `mean`, with `mean` given in b, g, r order."""
        rows = tuple(tuple(scale if i + j == 2 else 0.0 for j in range(3)) for i in range(3))
        return cls(rows, tuple(-m for m in mean))  # type: ignore[arg-type]


IDENTITY = Preprocessing.standardised((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
IMAGENET_RGB = Preprocessing.standardised((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CAFFE_BGR = Preprocessing.bgr(255.0, (103.939, 116.779, 123.68))
