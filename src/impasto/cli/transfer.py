"""`impasto transfer`."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import cloup

from impasto.cli.options import (
    bits_option,
    content_layers_option,
    file_options,
    levels_option,
    network_options,
    optimisation_options,
    preset_option,
    style_layers_option,
    style_loss_option,
    style_weights_option,
    styles_argument,
)
from impasto.cli.parameters import Number, Whole
from impasto.cli.pipes import execute_piped, from_pipe, unpiped
from impasto.cli.running import loading, requested

_EXAMPLES = """\b
Examples:
  impasto transfer photo.jpg painting.jpg -o out.png
  impasto transfer photo.jpg swatch:mosaic --strength 0.7 --size 1024
  impasto transfer photo.jpg a.jpg b.jpg --style-weights 2,1
"""


@cloup.command(epilog=_EXAMPLES)
@cloup.argument("content", help="The photograph: an image file, or - for standard input.")
@styles_argument
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
    style_weights_option,
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
    preset_option,
    content_layers_option,
    style_layers_option,
    style_loss_option,
    cloup.option("--content-weight", type=Number(), help="Factor of the content terms."),
    cloup.option("--style-weight", type=Number(), help="Factor of the style terms."),
    cloup.option("--tv-weight", type=Number(), help="Factor of the smoothness term."),
)
@network_options()
@optimisation_options("90, or 210 from noise", levels_option)
@file_options("a new CONTENT-STYLE.png here", bits_option)
def transfer(content: str, styles: tuple[str, ...], **settings: Any) -> int:
    """Paint the photograph CONTENT in the style of the picture STYLE.

    Ctrl-C stops early and saves the picture so far.
    """
    began = time.perf_counter()
    with loading(shown=not (settings["quiet"] or settings["as_json"])):
        from impasto.tasks.transfer import TransferConfig, prepare
    request = requested(settings, (content, *styles), (unpiped(content), unpiped(styles[0])), began)
    config = TransferConfig(**settings)
    config.recipe()
    photo, *paintings = from_pipe((content, *styles))
    return execute_piped(partial(prepare, photo, paintings, config), request)
