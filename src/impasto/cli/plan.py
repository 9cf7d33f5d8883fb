"""`impasto plan`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import click
import cloup

from impasto.cli.options import asked_recipe, debug_option, json_option, preset_option, recipe_options
from impasto.cli.parameters import WHOLES
from impasto.cli.terminal import loading
from impasto.recipe import Recipe

_EXAMPLES = """\b
Examples:
  impasto plan
  impasto plan --sizes 2048,4096 --memory 4GB
  impasto plan --sizes 1024 --weights vgg19.pth
"""
_SIZES = "Long sides of the results.  [default: 512,1024,2048,4096]"


@cloup.command(epilog=_EXAMPLES)
@cloup.option("--sizes", type=WHOLES, default="512,1024,2048,4096", help=_SIZES)
@cloup.option_group("Method", preset_option)
@recipe_options(Recipe())
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
        summary, tile = found.summary(), found.levels[-1].tile
        if as_json:
            click.echo(json.dumps({"event": "plan", **summary, "notes": list(found.notes)}))
            continue
        if number == 0:
            click.echo("\n".join(f"{key:8}  {summary[key]}" for key in ("preset", "encoder", "device", "dtype")) + "\n")
        how, memory = f"tiles of {tile}" if tile else "whole", summary["memory"]
        click.echo(f"{summary['size']:>9}  {how:14}  {memory:40}  {summary['time']:>12}  {summary['levels']}")
