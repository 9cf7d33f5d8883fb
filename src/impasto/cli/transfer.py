"""`impasto transfer`."""

from __future__ import annotations

from functools import partial
from typing import Any

import cloup

from impasto.cli.options import (
    asked_recipe,
    bits_option,
    file_options,
    flags,
    method_options,
    network_options,
    optimisation_options,
    styles_argument,
)
from impasto.cli.output import requested
from impasto.cli.pipes import execute_piped, from_pipe, unpiped
from impasto.recipe import Recipe

_BASE = Recipe()
_SIZE = "{recipe.usual_size}, or the photograph's own if that is less"
_ITERATIONS = "{recipe.schedule.evaluations}, or {recipe.blank_schedule.evaluations} from noise"
_EXAMPLES = """\b
Examples:
  impasto transfer photo.jpg painting.jpg -o out.png
  impasto transfer photo.jpg swatch:mosaic --strength 0.7 --size 1024
  impasto transfer photo.jpg a.jpg b.jpg --style-weights 2,1
"""


@cloup.command(epilog=_EXAMPLES)
@cloup.argument("content", help="The photograph: an image file, or - for standard input.")
@styles_argument
@cloup.option_group("Look", *flags(_BASE, "strength", "size", "style_weights", "style_scale", "init", size=_SIZE))
@method_options(
    "content_layers",
    "style_layers",
    "style_loss",
    "content_weight",
    "style_weight",
    "neighbor_layers",
    "neighbor_weight",
    "calm",
    "tv_weight",
)
@network_options(_BASE)
@optimisation_options(_BASE, iterations=_ITERATIONS)
@file_options("a new CONTENT-STYLE.png here", bits_option)
def transfer(content: str, styles: tuple[str, ...], **options: Any) -> int:
    """Paint the photograph CONTENT in the style of the picture STYLE.

    Ctrl-C stops early and saves the picture so far.
    """
    recipe, init = asked_recipe(options)
    output = requested(options, (content, *styles), (unpiped(content), unpiped(styles[0])))
    from impasto.preparation import Pictures, prepare

    photo, *paintings = from_pipe((content, *styles))
    return execute_piped(partial(prepare, recipe, Pictures(photo, paintings, init)), output)
