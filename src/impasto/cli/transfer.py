"""`impasto transfer`."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import cloup

from impasto.cli.options import bits_option, file_options, levels_option, network_options, optimisation_options
from impasto.cli.parameters import Names, Number, Numbers, Whole
from impasto.cli.pipes import execute_piped, from_pipe, unpiped
from impasto.cli.running import Request, loading

_EXAMPLES = """\b
Examples:
  impasto transfer photo.jpg painting.jpg -o out.png
  impasto transfer photo.jpg swatch:mosaic --strength 0.7 --size 1024
  impasto transfer photo.jpg a.jpg b.jpg --style-weights 2,1
"""


@cloup.command(epilog=_EXAMPLES)
@cloup.argument("content", help="The photograph: an image file, or - for standard input.")
@cloup.argument(
    "styles",
    nargs=-1,
    required=True,
    metavar="STYLE...",
    help="One or more image files, or swatch:NAME to have one drawn.",
)
@cloup.option_group(
    "Look",
    cloup.option(
        "-s",
        "--strength",
        type=Number(),
        default=0.5,
        help="From 0, the content as it is, to 1, the style alone.  [default: 0.5]",
    ),
    cloup.option(
        "--size",
        type=Whole(),
        help="Long side of the result in pixels.  [default: 512, or the photograph's own if that is less]",
    ),
    cloup.option("--style-weights", type=Numbers(), help="How much of each style.  [default: equal parts]"),
    cloup.option(
        "--style-scale",
        type=Number(),
        default=1.0,
        help="Size of the style's strokes; 2 is twice as large.  [default: 1]",
    ),
    cloup.option(
        "--init",
        metavar="WAY|FILE",
        help="What to begin with: matched (the content in the style's colors), content, random, gray, style, "
        "or an image file.  [default: matched]",
    ),
)
@cloup.option_group(
    "Method (the preset has what is not given)",
    cloup.option("--preset", metavar="NAME", default="default", help="One of `impasto presets`.  [default: default]"),
    cloup.option("--content-layers", type=Names(), help="Layers that hold the content: relu4_2, or relu4_2=0.5."),
    cloup.option("--style-layers", type=Names(), help="Layers that hold the style; '*' for all."),
    cloup.option(
        "--style-loss", metavar="NAME", help="gram, gram+mean-std, covariance, wasserstein2 or gram+wasserstein2."
    ),
    cloup.option("--content-weight", type=Number(), help="Factor of the content terms."),
    cloup.option("--style-weight", type=Number(), help="Factor of the style terms."),
    cloup.option("--tv-weight", type=Number(), help="Factor of the smoothness term."),
)
@network_options()
@optimisation_options(210, levels_option)
@file_options("a new CONTENT-STYLE.png here", bits_option)
def transfer(
    content: str,
    styles: tuple[str, ...],
    output: str | None,
    force: bool,
    checkpoint: str | None,
    no_metadata: bool,
    bits: str,
    save_every: int | None,
    quiet: bool,
    as_json: bool,
    dry_run: bool,
    **settings: Any,
) -> int:
    """Paint the photograph CONTENT in the style of the picture STYLE.

    Ctrl-C stops early and saves the picture so far.
    """
    began = time.perf_counter()
    with loading(shown=not (quiet or as_json)):
        from impasto.cli.saving import new_path
        from impasto.tasks.transfer import TransferConfig, prepare
    config = TransferConfig(**settings)
    config.recipe()
    path = Path(output) if output else new_path(unpiped(content), unpiped(styles[0]))
    request = Request(
        path,
        (content, *styles),
        force,
        save_every,
        quiet,
        as_json,
        dry_run,
        began,
        fresh=output is None,
        checkpoint=checkpoint,
        metadata=not no_metadata,
        bits=int(bits),
    )
    photo, *paintings = from_pipe((content, *styles))
    return execute_piped(partial(prepare, photo, paintings, config), request)
