"""`impasto plan`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click
import cloup

from impasto.cli.options import asked_recipe, json_option, network_options, optimisation_options, preset_option
from impasto.cli.parameters import Wholes, debug_option
from impasto.cli.terminal import loading
from impasto.recipe import Recipe

_EXAMPLES = """\b
Examples:
  impasto plan
  impasto plan --sizes 2048,4096 --memory 4GB
  impasto plan --sizes 1024 --weights vgg19.pth
"""


@cloup.command(epilog=_EXAMPLES)
@cloup.option(
    "--sizes",
    type=Wholes(),
    default="512,1024,2048,4096",
    help="Long sides of the results.  [default: 512,1024,2048,4096]",
)
@cloup.option_group("Method", preset_option)
@network_options(Recipe())
@optimisation_options(Recipe())
@json_option
@debug_option
def plan(sizes: tuple[int, ...], as_json: bool, **options: Any) -> None:
    """Tell how much memory and time a transfer would take.

    The pictures are 4:3. For a picture of your own: `impasto transfer ... --dry-run`.
    """
    recipe, _ = asked_recipe(options)
    with loading(shown=not as_json):
        import torch

        from impasto.loading import Encoders
        from impasto.preparation import Pictures, prepare
    picture, encoders = torch.zeros(1, 3, 384, 512), Encoders(download=False)
    for number, size in enumerate(sizes):
        found = prepare(replace(recipe, size=size), Pictures(picture, [picture]), encoders).plan
        summary = found.summary()
        if as_json:
            click.echo(json.dumps({"event": "plan", **summary, "notes": list(found.notes)}))
            continue
        if number == 0:
            click.echo("\n".join(f"{key:8}  {summary[key]}" for key in ("preset", "encoder", "device", "dtype")) + "\n")
        click.echo(_row(summary, found.levels[-1].tile))


def _row(summary: Mapping[str, str], tile: int | None) -> str:
    """One line of the table."""
    how = f"tiles of {tile}" if tile else "whole"
    return f"{summary['size']:>9}  {how:14}  {summary['memory']:40}  {summary['time']:>12}  {summary['levels']}"
