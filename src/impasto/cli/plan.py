"""`impasto plan`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import cloup

from impasto.cli.options import json_option, levels_option, network_options, optimisation_options, preset_option
from impasto.cli.parameters import Wholes, debug_option
from impasto.cli.running import loading

if TYPE_CHECKING:
    from impasto.tasks.run import Plan

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
    default=(512, 1024, 2048, 4096),
    help="Long sides of the results.  [default: 512,1024,2048,4096]",
)
@cloup.option_group("Method", preset_option)
@network_options()
@optimisation_options(90, levels_option)
@json_option
@debug_option
def plan(sizes: tuple[int, ...], as_json: bool, **settings: Any) -> None:
    """Tell how much memory and time a transfer would take.

    The pictures are 4:3. For a picture of your own: `impasto transfer ... --dry-run`.
    """
    with loading(shown=not as_json):
        import torch

        from impasto.tasks.transfer import TransferConfig, prepare
    picture = torch.zeros(1, 3, 384, 512)
    rows: list[str] = []
    for size in sizes:
        config = TransferConfig(size=size, **settings)
        found = prepare(picture, [picture], config, download=False).plan
        if as_json:
            click.echo(json.dumps({"event": "plan", **found.summary(), "notes": list(found.notes)}))
        elif not rows:
            summary = found.summary()
            click.echo("\n".join(f"{key:8}  {summary[key]}" for key in ("preset", "encoder", "device", "dtype")) + "\n")
        rows.append(_row(found))
        if not as_json:
            click.echo(rows[-1])


def _row(found: Plan) -> str:
    """One line of the table."""
    summary, last = found.summary(), found.levels[-1]
    how = f"tiles of {last.tile}" if last.tile else "whole"
    return f"{summary['size']:>9}  {how:14}  {summary['memory']:40}  {summary['time']:>12}  {summary['levels']}"
