"""`impasto swatches`."""

from __future__ import annotations

from pathlib import Path

import click
import cloup

from impasto.cli.parameters import debug_option


@cloup.command()
@cloup.argument("name", required=False, help="The swatch to draw; none lists them.")
@cloup.option("-o", "--output", metavar="OUT", help="Where to draw it.  [default: NAME.png]")
@cloup.option("--size", metavar="WxH|N", default="1024x768", help="In pixels; one number is the long side of 4:3.")
@cloup.option("--seed", type=int, default=0, help="Another seed is another picture.")
@cloup.option("--force", is_flag=True, help="Overwrite OUT if it exists.")
@debug_option
def swatches(name: str | None, output: str | None, size: str, seed: int, force: bool) -> None:
    """Built-in style images, drawn at any size: usable as swatch:NAME wherever a style is expected."""
    from impasto import swatches as drawn

    if name is None:
        width = max(map(len, drawn.names()))
        for each in drawn.names():
            click.echo(f"{each:<{width}}  {drawn.describe(each)}")
        return
    drawn.describe(name)
    width, height = _parsed_size(size)
    from impasto.images import check_output, from_array, save_image

    path = Path(output or f"{name}.png")
    check_output(path, force=force)
    save_image(from_array(drawn.draw(name, width=width, height=height, seed=seed)).pixels, path, force=force)
    click.echo(f"Wrote {path}")


def _parsed_size(size: str) -> tuple[int, int]:
    """`640x480` or `640` as (width, height)."""
    width, _, height = size.lower().partition("x")
    if not width.isdecimal() or not (height.isdecimal() or height == ""):
        raise click.BadParameter(f"{size!r} is not WIDTHxHEIGHT or a long side in pixels.", param_hint="--size")
    return int(width), int(height) if height else round(int(width) * 3 / 4)
