"""`impasto presets`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import click
import cloup

from impasto.cli.parameters import debug_option


@cloup.group(invoke_without_command=True)
@debug_option
@click.pass_context
def presets(ctx: click.Context) -> None:
    """Named sets of settings, each with its source."""
    if ctx.invoked_subcommand is None:
        from impasto.presets import PRESETS

        width = max(map(len, PRESETS))
        for preset in PRESETS.values():
            click.echo(f"{preset.name:<{width}}  {preset.summary}")


@presets.command()
@cloup.argument("name", help="A name from `impasto presets`.")
@debug_option
def show(name: str) -> None:
    """Every number of the preset NAME."""
    from impasto.presets import preset

    found = preset(name)
    for field in fields(found):
        value = getattr(found, field.name)
        if value is None or value == ():
            continue
        click.echo(f"{field.name:<15}  {_in_words(value)}")


def _in_words(value: Any) -> str:
    """A setting as it is best read: functions by name, layers with their weights."""
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__)
    if isinstance(value, dict):
        return ", ".join(f"{name}={weight:.6g}" for name, weight in value.items())
    if isinstance(value, tuple) and value and isinstance(value[0], str):
        return "; ".join(value)
    if isinstance(value, tuple):
        return " + ".join(_in_words(item) for item in value)
    return str(value)
