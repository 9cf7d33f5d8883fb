"""Kinds of values that click does not have: lists with commas, and sizes."""

from __future__ import annotations

from typing import Any, ClassVar

import click
import cloup


class _Listed(click.ParamType[Any]):
    """`a,b,c` as a tuple; each item is converted by `item`, and `rule` is said of what is no such list."""

    item: ClassVar[click.ParamType[Any]]
    rule: ClassVar[str]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Any, ...]:
        """Split at commas; nothing between two commas is an error."""
        if isinstance(value, tuple):
            return value
        try:
            items = [each.strip() for each in str(value).split(",")]
            if all(items):
                return tuple(self.item.convert(each, param, ctx) for each in items)
        except click.BadParameter:
            pass
        self.fail(f"{value!r}; it must be {self.rule}.", param, ctx)


class Numbers(_Listed):
    """`3,1.5,0` as a tuple of numbers."""

    name, item, rule = "A,B,...", click.FLOAT, "numbers with commas, such as 2,1"


class Wholes(_Listed):
    """`512,1024` as a tuple of whole numbers of at least 1."""

    name, item, rule = "N,N,...", click.IntRange(1), "whole numbers with commas, such as 512,1024"


class Names(_Listed):
    """`relu1_1,relu2_1=0.5` as a tuple of strings."""

    name, item, rule = "L,L,...", click.STRING, "names with commas, such as relu3_1,relu4_1"


class Size(click.ParamType[Any]):
    """`1024x768` as (width, height); one number is a square."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Parse, or say what is no size."""
        sides = value if isinstance(value, tuple) else width_and_height(str(value))
        if sides is None:
            self.fail(f"{value!r}; it must be WIDTHxHEIGHT in pixels, such as 640x480.", param, ctx)
        width, height = sides
        return width, width if height is None else height


def width_and_height(text: str) -> tuple[int, int | None] | None:
    """`640x480` as (640, 480), `640` as (640, None); None if `text` is neither."""
    width, times, height = text.lower().partition("x")
    if not width.isdecimal() or not (height.isdecimal() or (height == "" and not times)):
        return None
    return int(width), int(height) if height else None


debug_option = cloup.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
