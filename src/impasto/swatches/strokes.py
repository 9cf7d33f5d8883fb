"""Strokes laid one over another: each has a place, a direction, a bend, two colors and a profile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, hypot, sin

import numpy as np

from impasto.swatches.canvas import Array, Canvas, Rng

# A profile turns (along, across, bristle), each in -1..1, into (cover 0..1, height, mix of the two colors 0..1).
Profile = Callable[[Array, Array, Array], tuple[Array, Array, Array]]


@dataclass
class Surface:
    """Wet paint: a color and a height at every pixel."""

    color: Array  # (H, W, 3)
    height: Array  # (H, W)


@dataclass(frozen=True)
class Stroke:
    """One stroke; lengths are in canvas units, the bend is a sideways bow in half widths."""

    x: float
    y: float
    angle: float
    length: float
    width: float
    bend: float
    color: Array  # (3,)
    other: Array  # (3,): the second color on the brush


def strokes(
    x: Array,
    y: Array,
    angle: Array,
    *,
    length: Array | float,
    width: Array | float,
    color: Array,
    other: Array | None = None,
    bend: Array | float = 0.0,
) -> list[Stroke]:
    """Strokes in the order in which they are to be laid, from arrays and numbers alike."""
    numbers = (np.broadcast_to(v, x.shape).tolist() for v in (x, y, angle, length, width, bend))
    first, second = (np.asarray(c, dtype=np.float32) for c in (color, color if other is None else other))
    return [Stroke(*row) for row in zip(*numbers, first, second, strict=True)]


def surface(color: Array) -> Surface:
    """A flat surface of a color."""
    return Surface(np.array(color, dtype=np.float32), np.zeros(color.shape[:2], dtype=np.float32))


def lay(canvas: Canvas, ground: Surface, many: list[Stroke], profile: Profile, rng: Rng) -> None:
    """Lay the strokes on the ground, in place; a stroke's height is in units of its own width."""
    bristles = _bristles(rng)
    for stroke, kind in zip(many, rng.integers(len(bristles), size=len(many)), strict=True):
        _lay_one(canvas, ground, stroke, profile, bristles[kind])


def _bristles(rng: Rng, kinds: int = 48, count: int = 40) -> Array:
    """Cross sections of brushes: how much paint each bristle holds."""  # (kinds, count)
    raw = rng.uniform(-1, 1, (kinds, count + 2))
    soft = raw[:, :-2] * 0.3 + raw[:, 1:-1] * 0.7 + raw[:, 2:] * 0.3
    return np.clip(soft, -1, 1).astype(np.float32)


def _lay_one(canvas: Canvas, ground: Surface, stroke: Stroke, profile: Profile, bristle: Array) -> None:
    """Blend one stroke's colors and height into the pixels within its reach."""
    area = canvas.window(stroke.x, stroke.y, _reach(stroke) + canvas.pixel)
    under, relief = ground.color[area], ground.height[area]
    if relief.size == 0:
        return
    along, across = _frame(canvas, stroke, area)
    held = bristle[_within((across + 1) * (len(bristle) / 2), len(bristle) - 1).astype(np.int32)]
    cover, height, mix = profile(along, across, held)
    half_length, half_width = stroke.length / 2 * canvas.long, stroke.width / 2 * canvas.long  # pixels
    cover = cover * _within((1 - np.abs(across)) * half_width + 0.5)
    cover = cover * _within((1 - np.abs(along)) * half_length + 0.5)
    color = stroke.color + (stroke.other - stroke.color) * mix[..., None]
    under += (color - under) * cover[..., None]
    relief += (height * (stroke.width / 2) - relief * 0.75) * cover


def _reach(stroke: Stroke) -> float:
    """How far from its middle a stroke can touch the canvas."""
    return hypot(stroke.length / 2, stroke.width / 2 * (1 + abs(stroke.bend)))


def _within(value: Array, high: float = 1.0) -> Array:
    """Values held between 0 and `high`; on small arrays faster than np.clip."""
    return np.asarray(np.minimum(np.maximum(value, 0.0), high))


def _frame(canvas: Canvas, stroke: Stroke, area: tuple[slice, slice]) -> tuple[Array, Array]:
    """Places along and across a stroke, -1..1 each, at the pixels of an area."""
    dx, dy = canvas.x[:1, area[1]] - stroke.x, canvas.y[area[0], :1] - stroke.y
    c, s = cos(stroke.angle), sin(stroke.angle)
    along = (dx * c + dy * s) * (2 / stroke.length)
    across = (dy * c - dx * s) * (2 / stroke.width) - stroke.bend * (along * along - 0.33)
    return along, across


def oil(along: Array, across: Array, bristle: Array) -> tuple[Array, Array, Array]:
    """Thick oil from a flat brush: streaked, ridged at its sides, ragged and dry where it lifts."""
    load = 1.0 - 0.28 * (bristle + 1) * _within(along + 0.35, 1.4)
    cover = _within((load - np.abs(along)) * 5.0 + 0.2)
    ridge = across * across * across * across
    return cover, 0.42 + 0.38 * bristle + 0.35 * ridge + 0.25 * along, 0.5 + 0.5 * bristle


def dot(along: Array, across: Array, bristle: Array) -> tuple[Array, Array, Array]:
    """A round touch of the brush's tip, highest in the middle."""
    radius = along * along + across * across
    return _within((1 - radius) * 3.0), _within(1 - radius) * 0.8 + 0.15 * bristle, 0.5 + 0.5 * bristle


def thread(along: Array, across: Array, bristle: Array) -> tuple[Array, Array, Array]:
    """A stitch of twisted thread: round, its ply wound around it, sunk into the cloth at both ends."""
    body = np.sqrt(_within(1 - across * across))
    ply = np.sin(along * 16 + across * 2.5)
    sunk = _within((1 - np.abs(along)) * 4)
    return np.ones_like(across), body * sunk + 0.12 * ply, _within(0.5 + 0.3 * ply + 0.25 * bristle)


def chalk(along: Array, across: Array, bristle: Array) -> tuple[Array, Array, Array]:
    """A stick of pastel: its height is how hard it presses, so that the paper's tooth can be left bare."""
    press = 0.62 + 0.3 * bristle - 0.25 * across * across - 0.2 * along * along
    return np.clip(press, 0.05, 1), press, 0.5 + 0.5 * bristle


def sumi(along: Array, across: Array, bristle: Array) -> tuple[Array, Array, Array]:
    """A stroke of ink: wet where it starts and at its sides, dry and split toward its end."""
    dry = _within(1.15 + 0.5 * bristle - 0.9 * _within(along + 0.2, 1.2))
    return dry * (0.7 + 0.3 * across * across), np.zeros_like(across), 0.5 + 0.5 * bristle


def leaf(along: Array, across: Array, bristle: Array) -> tuple[Array, Array, Array]:
    """A stroke pressed and lifted: pointed at both ends, streaked along."""
    shape = np.sqrt(_within((1 + along) * 1.6)) * _within(1 - along, 2.0) * 0.62
    cover = _within((shape - np.abs(across)) * 6) * (0.9 + 0.1 * bristle)
    return cover, np.zeros_like(across), 0.5 + 0.5 * bristle
