"""`impasto export`: the network of instant mode as ONNX graphs, for browsers and programs without PyTorch."""

from __future__ import annotations

from pathlib import Path

import click
import cloup

from impasto.cli import options
from impasto.cli.terminal import loading
from impasto.errors import UsageError


@cloup.command(epilog="Example:  impasto export graphs/")
@cloup.argument("folder", help="Where they go; it is made if need be.")
@options.force_option
@options.debug_option
def export(folder: str, force: bool) -> None:
    """Write the network of `--instant` as five ONNX graphs.

    grain.onnx gives a photograph something to make strokes of, see.onnx tells what there is to know of a picture,
    transport.onnx makes maps from a photograph's statistics to a style's, paint.onnx paints, and color.onnx takes the
    colors nearer to the style's. Blends of styles are weighted means of what see.onnx tells. Needs the extra `onnx`.
    """
    with loading(shown=True):
        from impasto.instant import load_instant
        from impasto.instant.export import GRAPHS, written

    there = [path for path in (Path(folder) / f"{name}.onnx" for name in GRAPHS) if path.exists()]
    if there and not force:
        raise UsageError(f"{there[0]} exists already. Choose another folder, or --force to overwrite it.")
    for file in written(load_instant(), Path(folder)):
        click.echo(f"Wrote {file} ({file.stat().st_size / 1e6:.1f} MB)")
