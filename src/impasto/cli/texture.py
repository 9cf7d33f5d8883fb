"""`impasto texture`."""

from __future__ import annotations

from typing import Any

import cloup

from impasto.cli.options import default_of, flag, flags, picture_options, styles_argument
from impasto.cli.parameters import Size
from impasto.cli.running import make
from impasto.recipe import Recipe
from impasto.tasks.texture import texture_of

_BASE = texture_of(Recipe())
_SIZE = "Width and height of the result in pixels; one number for a square."
_STROKES = "Size of the strokes; 1 is as in the style image, 2 twice as large."
_EXAMPLES = """\b
Examples:
  impasto texture painting.jpg -o out.png --size 1024x768
  impasto texture swatch:marbling --size 512x512 --tileable
"""
_LOOK = (
    flag("size", f"the style image's own, its long side at most {_BASE.usual_size}", type=Size(), help=_SIZE),
    flag("tileable"),
    *flags(_BASE, "style_weights"),
    flag("style_scale", default_of(_BASE, "style_scale"), help=_STROKES),
    flag("init", _BASE.init, metavar="WAY", help="What to begin with: random, gray or style."),
)


@cloup.command(epilog=_EXAMPLES)
@styles_argument
@picture_options(_BASE, "a new STYLE-texture.png here", _LOOK, ("style_layers", "style_loss", "tv_weight"))
def texture(styles: tuple[str, ...], **options: Any) -> int:
    """Make a texture of the picture STYLE, at any size.

    It has the style's colors, strokes and motifs, and nothing of its arrangement. Ctrl-C stops early and saves the
    picture so far.
    """
    return make(options, None, styles, texture_of, kind="texture")
