"""`impasto texture`."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import cloup

from impasto.cli.options import (
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
from impasto.cli.parameters import Number, Size
from impasto.cli.running import execute, loading, requested

_EXAMPLES = """\b
Examples:
  impasto texture painting.jpg -o out.png --size 1024x768
  impasto texture swatch:marbling --size 512x512 --tileable
"""


@cloup.command(epilog=_EXAMPLES)
@styles_argument
@cloup.option_group(
    "Look",
    cloup.option(
        "--size",
        type=Size(),
        help="Width and height of the result in pixels; one number for a square.  [default: the style image's own, its "
        "long side at most 512]",
    ),
    cloup.option("--tileable", is_flag=True, help="Let opposite borders fit each other, so that the result repeats."),
    style_weights_option,
    cloup.option(
        "--style-scale",
        type=Number(),
        default=1.0,
        help="Size of the strokes; 1 is as in the style image, 2 twice as large.  [default: 1]",
    ),
    cloup.option(
        "--init", metavar="WAY", default="random", help="What to begin with: random, gray or style.  [default: random]"
    ),
)
@cloup.option_group(
    "Method (the preset has what is not given)",
    preset_option,
    style_layers_option,
    style_loss_option,
    cloup.option("--tv-weight", type=Number(), help="Factor of the smoothness term."),
)
@network_options()
@optimisation_options(210, levels_option)
@file_options("a new STYLE-texture.png here")
def texture(styles: tuple[str, ...], **settings: Any) -> int:
    """Make a texture of the picture STYLE, at any size.

    It has the style's colors, strokes and motifs, and nothing of its arrangement. Ctrl-C stops early and saves the
    picture so far.
    """
    began = time.perf_counter()
    with loading(shown=not (settings["quiet"] or settings["as_json"])):
        from impasto.tasks.texture import TextureConfig, prepare_texture
    request = requested(settings, styles, (styles[0], "texture"), began)
    config = TextureConfig(**settings)
    config.recipe()
    return execute(partial(prepare_texture, styles, config), request)
