"""Kinds of values that options take, and options that several commands share."""

from __future__ import annotations

from typing import Any

import click
import cloup

from impasto.errors import UsageError


class Number(click.ParamType[Any]):
    """`0.5` as a number; its range is checked where its meaning is known."""

    name = "X"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse, or say what is no number."""
        try:
            return float(value)
        except ValueError:
            raise UsageError(f"{_flag(param)} is {value!r}; it must be a number, such as 0.5.") from None


class Whole(click.ParamType[Any]):
    """`512` as a whole number."""

    name = "N"

    def __init__(self, least: int | None = None):
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse, or say what is no whole number."""
        try:
            number = int(value)
        except ValueError:
            raise UsageError(f"{_flag(param)} is {value!r}; it must be a whole number, such as 100.") from None
        if self._least is not None and number < self._least:
            raise UsageError(f"{_flag(param)} is {number}; it must be at least {self._least}.")
        return number


class Size(click.ParamType[Any]):
    """`1024x768` as (width, height); one number is a square."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Parse, or say what is no size."""
        if isinstance(value, tuple):
            return value
        sides = width_and_height(str(value))
        if sides is None:
            raise UsageError(f"{_flag(param)} is {value!r}; it must be WIDTHxHEIGHT in pixels, such as 640x480.")
        width, height = sides
        return width, width if height is None else height


def width_and_height(text: str) -> tuple[int, int | None] | None:
    """`640x480` as (640, 480), `640` as (640, None); None if `text` is neither."""
    width, times, height = text.lower().partition("x")
    if not width.isdecimal() or not (height.isdecimal() or (height == "" and not times)):
        return None
    return int(width), int(height) if height else None


class Numbers(click.ParamType[Any]):
    """`3,1.5,0` as a tuple of numbers."""

    name = "A,B,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """Parse, or say what is no list of numbers."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(item) for item in str(value).split(","))
        except ValueError:
            raise UsageError(f"{_flag(param)} is {value!r}; it must be numbers with commas, such as 2,1.") from None


class Wholes(click.ParamType[Any]):
    """`512,1024` as a tuple of whole numbers of at least 1."""

    name = "N,N,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Parse, or say what is no list of whole numbers."""
        if isinstance(value, tuple):
            return value
        items = [item.strip() for item in str(value).split(",")]
        if not all(item.isdecimal() and int(item) for item in items):
            raise UsageError(f"{_flag(param)} is {value!r}; it must be whole numbers with commas, such as 512,1024.")
        return tuple(int(item) for item in items)


class Names(click.ParamType[Any]):
    """`relu1_1,relu2_1=0.5` as a tuple of strings."""

    name = "L,L,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Split at commas; nothing between two commas is an error."""
        if isinstance(value, tuple):
            return value
        items = tuple(item.strip() for item in str(value).split(","))
        if not all(items):
            raise UsageError(f"{_flag(param)} is {value!r}; it must be names with commas, such as relu3_1,relu4_1.")
        return items


def _flag(param: click.Parameter | None) -> str:
    """The option as it is best written, `--strength` rather than `-s`."""
    return max(param.opts, key=len) if param else "value"


debug_option = cloup.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
