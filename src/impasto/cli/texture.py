"""`impasto texture`."""

from __future__ import annotations

from functools import partial
from typing import Any

import cloup

from impasto.cli.options import (
    asked_recipe,
    default_of,
    file_options,
    flag,
    flags,
    method_options,
    network_options,
    optimisation_options,
    styles_argument,
)
from impasto.cli.output import requested
from impasto.cli.parameters import Size
from impasto.cli.running import execute
from impasto.recipe import Recipe
from impasto.tasks.texture import texture_of

_BASE = texture_of(Recipe())
_EXAMPLES = """\b
Examples:
  impasto texture painting.jpg -o out.png --size 1024x768
  impasto texture swatch:marbling --size 512x512 --tileable
"""


@cloup.command(epilog=_EXAMPLES)
@styles_argument
@cloup.option_group(
    "Look",
    flag(
        "size",
        f"the style image's own, its long side at most {_BASE.usual_size}",
        type=Size(),
        metavar="WxH",
        help="Width and height of the result in pixels; one number for a square.",
    ),
    flag("tileable"),
    *flags(_BASE, "style_weights"),
    flag(
        "style_scale",
        default_of(_BASE, "style_scale"),
        help="Size of the strokes; 1 is as in the style image, 2 twice as large.",
    ),
    flag("init", _BASE.init, metavar="WAY", help="What to begin with: random, gray or style."),
)
@method_options("style_layers", "style_loss", "tv_weight")
@network_options(_BASE)
@optimisation_options(_BASE)
@file_options("a new STYLE-texture.png here")
def texture(styles: tuple[str, ...], **options: Any) -> int:
    """Make a texture of the picture STYLE, at any size.

    It has the style's colors, strokes and motifs, and nothing of its arrangement. Ctrl-C stops early and saves the
    picture so far.
    """
    recipe, _ = asked_recipe(options, texture_of)
    output = requested(options, styles, (styles[0], "texture"))
    from impasto.preparation import Pictures, prepare

    return execute(partial(prepare, recipe, Pictures(styles=styles)), output)
