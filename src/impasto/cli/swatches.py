"""`impasto swatches`."""

from __future__ import annotations

from pathlib import Path

import click
import cloup

from impasto.cli.interrupts import held_back
from impasto.cli.options import debug_option
from impasto.cli.parameters import width_and_height
from impasto.errors import UsageError


@cloup.command()
@cloup.argument("name", required=False, help="The swatch to draw; without it, all are listed.")
@cloup.option("-o", "--output", metavar="OUT", help="Where to draw it.  [default: NAME.png]")
@cloup.option(
    "--size",
    metavar="WxH|N",
    default="1024x768",
    help="In pixels; one number is the long side of 4:3.  [default: 1024x768]",
)
@cloup.option("--seed", type=click.INT, metavar="N", default=0, help="Another seed is another picture.  [default: 0]")
@cloup.option("--force", is_flag=True, help="Overwrite OUT if it exists.")
@debug_option
def swatches(name: str | None, output: str | None, size: str, seed: int, force: bool) -> None:
    """List or draw the built-in style images.

    Each is drawn at any size, and is at hand as swatch:NAME wherever a style is expected.
    """
    from impasto import swatches as drawn

    if name is None:
        from impasto.cli.terminal import columns

        click.echo(columns((each, drawn.describe(each)) for each in drawn.names()))
        return
    name = name.removeprefix("swatch:")
    drawn.describe(name)
    width, height = _parsed_size(size)
    from impasto.images import check_output, from_array, save_image

    path = Path(output or f"{name}.png")
    check_output(path, force=force)
    picture = from_array(drawn.draw(name, width=width, height=height, seed=seed)).pixels
    with held_back():
        save_image(picture, path, force=force)
    click.echo(f"Wrote {path}")


def _parsed_size(size: str) -> tuple[int, int]:
    """`640x480` or `640` as (width, height)."""
    sides = width_and_height(size)
    if sides is None:
        raise UsageError(f"--size is {size!r}; it must be WIDTHxHEIGHT, such as 640x480, or a long side in pixels.")
    width, height = sides
    return width, round(width * 3 / 4) if height is None else height
