"""`impasto transfer`."""

from __future__ import annotations

from typing import Any

import cloup

from impasto.cli.options import flags, picture_options, styles_argument
from impasto.cli.running import make
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
@picture_options(
    _BASE,
    "a new CONTENT-STYLE.png here",
    flags(_BASE, "strength", "size", "style_weights", "style_scale", "init", size=_SIZE),
    ("content_layers", "style_layers", "style_loss", "content_weight", "style_weight", "tv_weight"),
    iterations=_ITERATIONS,
)
def transfer(content: str, styles: tuple[str, ...], **options: Any) -> int:
    """Paint the photograph CONTENT in the style of the picture STYLE.

    Ctrl-C stops early and saves the picture so far.
    """
    return make(options, content, styles)
