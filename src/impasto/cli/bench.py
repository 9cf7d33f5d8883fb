"""`impasto bench`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
import cloup

from impasto.cli.options import device_option, json_option
from impasto.cli.parameters import Wholes, debug_option
from impasto.cli.running import loading

if TYPE_CHECKING:
    import torch

    from impasto.tasks.bench import Ceiling, Speed


@cloup.command()
@cloup.option(
    "--sizes", type=Wholes(), default=(256, 512, 1024), help="Long sides of the pictures.  [default: 256,512,1024]"
)
@device_option
@json_option
@debug_option
def bench(sizes: tuple[int, ...], device: str, as_json: bool) -> None:
    """Measure what this machine can do, and does.

    An evaluation is one forward and one backward through the network, with the losses. A default transfer makes 90,
    most of them at smaller sizes. VGG-19 is timed with random weights, which cost as much as real ones.
    """
    with loading(shown=not as_json):
        from impasto.devices import describe_device, resolve_device
        from impasto.tasks.bench import Ceiling
        from impasto.tasks.bench import bench as measured
    where = resolve_device(device)
    if not as_json:
        click.echo(describe_device(where))
    for dtype in _formats(where):
        for row in measured(where, dtype, sizes):
            if as_json:
                kind = "ceiling" if isinstance(row, Ceiling) else "evaluation"
                click.echo(json.dumps({"event": kind, **asdict(row)}))
            else:
                click.echo(_line(row))


def _formats(device: torch.device) -> Iterator[torch.dtype]:
    """float32, then what `auto` takes here if that is another."""
    import torch

    from impasto.devices import resolve_dtype

    yield torch.float32
    if (auto := resolve_dtype("auto", device)) != torch.float32:
        yield auto


def _line(row: Ceiling | Speed) -> str:
    from impasto.tasks.bench import Ceiling

    if isinstance(row, Ceiling):
        return f"{row.dtype:8}  {row.work:14}  {row.rate / 1e9:8.0f} GFLOP/s at most"
    return (
        f"{row.dtype:8}  {row.encoder:7} {f'{row.width}x{row.height}':>9}  {1e3 * row.seconds:7.0f} ms  "
        f"{1 / row.seconds:6.1f} per second  {row.rate / 1e9:6.0f} GFLOP/s, {100 * row.share:3.0f} % of the most  "
        f"{row.bytes_per_pixel / 1e3:5.2f} kB per pixel"
    )
