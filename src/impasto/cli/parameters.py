"""Kinds of values that options take, and options that several commands share."""

from __future__ import annotations

from typing import Any

import click
import cloup


class Numbers(click.ParamType[Any]):
    """`3,1.5,0` as a tuple of numbers."""

    name = "A,B,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """Parse, or fail with the item that is no number."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(item) for item in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers such as 2,1", param, ctx)


class Names(click.ParamType[Any]):
    """`relu1_1,relu2_1=0.5` as a tuple of strings."""

    name = "L,L,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Split at commas; nothing between two commas is an error."""
        if isinstance(value, tuple):
            return value
        items = tuple(item.strip() for item in str(value).split(","))
        if not all(items):
            self.fail(f"{value!r} has an empty name in it", param, ctx)
        return items


debug_option = cloup.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
