"""Kinds of values that click does not have: lists with commas, and sizes."""

from __future__ import annotations

from typing import Any

import click


class Listed(click.ParamType[Any]):
    """`a,b,c` as a tuple; each item is converted by `item`, and `rule` is said of what is no such list."""

    def __init__(self, name: str, item: click.ParamType[Any], rule: str):
        self.name, self._item, self._rule = name, item, rule

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Any, ...]:
        """Split at commas; nothing between two commas is an error."""
        try:
            items = [each.strip() for each in value.split(",")]
            if all(items):
                return tuple(self._item.convert(each, param, ctx) for each in items)
        except click.BadParameter:
            pass
        self.fail(f"{value!r}; it must be {self._rule}.", param, ctx)


NUMBERS = Listed("A,B,...", click.FLOAT, "numbers with commas, such as 2,1")
WHOLES = Listed("N,N,...", click.IntRange(1), "whole numbers with commas, such as 512,1024")
NAMES = Listed("L,L,...", click.STRING, "names with commas, such as relu3_1,relu4_1")


class Size(click.ParamType[Any]):
    """`1024x768` as (width, height); one number is a square."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Parse, or say what is no size."""
        sides = width_and_height(value)
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
