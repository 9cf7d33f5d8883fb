"""Sizes and durations in words."""

from __future__ import annotations

import math


def in_words(size: float) -> str:
    """`640 MB`, `3.2 GB`."""
    return f"{size / 1e9:.1f} GB" if size >= 999.5e6 else f"{size / 1e6:.0f} MB"


def rounded_up(size: float) -> str:
    """As `in_words`, never less than `size`: `parse_bytes` of it will do."""
    unit = 1e8 if size >= 999e6 else 1e6
    return in_words(math.ceil(size / unit) * unit)


def counted(number: int, noun: str) -> str:
    """`1 frame`, `2 frames`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """`0.4 s`, `57 s`, `2 min 5 s`, `1 h 3 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    larger, rest = divmod(round(seconds), 60)
    names = "min", "s"
    if larger >= 60:
        (larger, rest), names = divmod(round(seconds / 60), 60), ("h", "min")
    return f"{larger} {names[0]} {rest} {names[1]}" if larger else f"{rest} s"
