"""`impasto plan`, `impasto bench`: what a transfer would take, and what this machine can do."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import click
import cloup

from impasto.cli import options
from impasto.cli.terminal import columns, loading
from impasto.errors import UsageError
from impasto.recipe import Recipe

_EXAMPLES = """\b
Examples:
  impasto plan
  impasto plan --sizes 2048,4096 --memory 6GB
  impasto plan --sizes 1024 --weights vgg19.pth
"""
_RESULTS = "Long sides of the results.  [default: 512,1024,2048,4096]"
_PICTURES = "Long sides of the pictures.  [default: 256,512,1024]"


@cloup.command(epilog=_EXAMPLES)
@cloup.option("--sizes", type=options.WHOLES, default="512,1024,2048,4096", help=_RESULTS)
@cloup.option_group("Method", options.preset_option("default"))
@options.recipe_options(Recipe())
@options.json_option
@options.debug_option
def plan(sizes: tuple[int, ...], as_json: bool, **given: Any) -> None:
    """Tell how much memory and time a transfer would take.

    The pictures are 4:3. For a picture of your own: `impasto transfer ... --dry-run`.
    """
    recipe, _ = options.asked_recipe(given)
    with loading(shown=not as_json):
        import torch

        from impasto.cli.drawing import print_record
        from impasto.loading import Encoders
        from impasto.preparation import Pictures, prepare
    picture, encoders = torch.zeros(1, 3, 384, 512), Encoders(download=False)
    refused: dict[int, UsageError] = {}
    for number, size in enumerate(sizes):
        try:
            found = prepare(replace(recipe, size=size), Pictures(picture, [picture]), encoders).plan
        except UsageError as problem:  # other sizes may do
            refused[size] = problem
            continue
        summary, tile = found.summary(), found.levels[-1].tile
        if as_json:
            print_record("plan", **found.to_json(), notes=list(found.notes))
            continue
        if number == len(refused):
            click.echo(columns((key, summary[key]) for key in ("preset", "encoder", "device", "dtype")) + "\n")
        how = f"in tiles of {tile}" if tile else "whole"
        about = f"{summary['time']}, {how}, {summary['memory']}: {summary['levels']}"
        click.echo(columns([(f"{summary['size']:>9}", about)]))
    if refused:
        raise refused[min(refused)]


@cloup.command()
@cloup.option("--sizes", type=options.WHOLES, default="256,512,1024", help=_PICTURES)
@options.flag("device", Recipe().device)
@options.json_option
@options.debug_option
def bench(sizes: tuple[int, ...], device: str | None, as_json: bool) -> None:
    """Measure what this machine can do, and does.

    An evaluation is one forward and one backward through the network, with the losses; `impasto transfer --help` says
    how many there are.
    """
    with loading(shown=not as_json):
        import torch

        from impasto.bench import bench as measured
        from impasto.devices import describe_device, resolve_device, resolve_dtype
    where = resolve_device(device or Recipe().device)
    if not as_json:
        click.echo(describe_device(where))
    for dtype in dict.fromkeys((torch.float32, resolve_dtype("auto", where))):
        for row in measured(where, dtype, sizes):
            click.echo(json.dumps({"event": row.event, **asdict(row)}) if as_json else str(row))
