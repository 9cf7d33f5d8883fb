"""`impasto bench`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
import cloup

from impasto.cli.options import debug_option, flag, json_option
from impasto.cli.parameters import WHOLES
from impasto.cli.terminal import loading
from impasto.recipe import Recipe

_SIZES = "Long sides of the pictures.  [default: 256,512,1024]"


@cloup.command()
@cloup.option("--sizes", type=WHOLES, default="256,512,1024", help=_SIZES)
@flag("device", Recipe().device)
@json_option
@debug_option
def bench(sizes: tuple[int, ...], device: str | None, as_json: bool) -> None:
    """Measure what this machine can do, and does.

    An evaluation is one forward and one backward through the network, with the losses. A default transfer makes 90,
    most of them at smaller sizes.
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
