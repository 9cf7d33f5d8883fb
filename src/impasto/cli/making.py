"""`impasto transfer`, `impasto texture`, `impasto reconstruct`: what each makes, and how its options look."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import cloup

from impasto.cli import options
from impasto.cli.running import make
from impasto.cli.terminal import columns
from impasto.presets.own import STUDY
from impasto.recipe import Recipe
from impasto.tasks.reconstruct import LAYERS, reconstruction_of
from impasto.tasks.texture import texture_of

# Transfer -----------------------------------------------------------------------------------------------------------

_TRANSFER = Recipe()
_PHOTOGRAPHS = "{recipe.usual_size}, or the photograph's own if that is less"
_TRANSFERS = """\b
Examples:
  impasto transfer photo.jpg painting.jpg -o out.png
  impasto transfer photo.jpg swatch:mosaic --strength 0.7 --size 1024
  impasto transfer photo.jpg a.jpg b.jpg --style-weights 2,1
"""


@cloup.command(epilog=_TRANSFERS)
@cloup.argument("content", help="The photograph: an image file, or - for standard input.")
@options.styles_argument
@options.picture_options(
    _TRANSFER,
    "a new CONTENT-STYLE.png here",
    options.flags(_TRANSFER, "strength", "size", "colors", "style_weights", "style_scale", "init", size=_PHOTOGRAPHS),
    options.method_of(_TRANSFER),
    iterations="{recipe.schedule.evaluations}, or {recipe.blank_schedule.evaluations} from noise",
)
def transfer(content: str, styles: tuple[str, ...], **given: Any) -> int:
    """Paint the photograph CONTENT in the style of the picture STYLE.

    Ctrl-C stops early and saves the picture so far.
    """
    return make(given, content, styles)


# Texture ------------------------------------------------------------------------------------------------------------

_TEXTURE = texture_of(Recipe())
_OWN_SIZE = f"the style image's own, its long side at most {_TEXTURE.usual_size}"
_SIDES = "Width and height of the result in pixels; one number for a square."
_STROKES = "Size of the strokes; 1 is as in the style image, 2 twice as large."
_TEXTURES = """\b
Examples:
  impasto texture painting.jpg -o out.png --size 1024x768
  impasto texture swatch:marbling --size 512x512 --tileable
"""


@cloup.command(epilog=_TEXTURES)
@options.styles_argument
@options.picture_options(
    _TEXTURE,
    "a new STYLE-texture.png here",
    [
        options.flag("size", _OWN_SIZE, type=options.Size(), metavar="WxH", help=_SIDES),
        options.flag("tileable"),
        *options.flags(_TEXTURE, "style_weights"),
        options.flag("style_scale", options.default_of(_TEXTURE, "style_scale"), help=_STROKES),
        options.flag("init", _TEXTURE.init, metavar="WAY", help="What to begin with: random, gray or style."),
    ],
    options.method_of(_TEXTURE),
)
def texture(styles: tuple[str, ...], **given: Any) -> int:
    """Make a texture of the picture STYLE, at any size.

    It has the style's colors, strokes and motifs, and nothing of its arrangement. Ctrl-C stops early and saves the
    picture so far.
    """
    return make(given, None, styles, texture_of, kind="texture")


# Reconstruction -----------------------------------------------------------------------------------------------------

_RECONSTRUCTION = reconstruction_of(STUDY)
_IMAGES = "{recipe.usual_size}, or the image's own if that is less"


@cloup.group()
@options.debug_option
def reconstruct() -> None:
    """Show what layers know of a picture, from noise.

    A picture is made that has the content, or the style, which the layers see. This is how the papers show that deep
    layers hold a picture's content, and that Gram matrices hold its style.
    """


def _reconstruction(representation: str, *more: options.Decorator) -> options.Decorator:
    layers = f"Names, or name=weight.  [default: {','.join(LAYERS[representation])}]"
    look = [
        cloup.option("--layers", "--layer", type=options.NAMES, help=layers),
        *options.flags(_RECONSTRUCTION, "size", size=_IMAGES),
        options.flag("noise", f"1/{1 / _RECONSTRUCTION.noise:.0f}"),
        *more,
    ]
    image = cloup.argument("image", help="The picture to look at: an image file, or swatch:NAME.")
    default = f"a new IMAGE-{representation}.png here"
    return options.stacked(image, options.picture_options(_RECONSTRUCTION, default, look))


@reconstruct.command(epilog="Example:  impasto reconstruct content photo.jpg --layer relu4_2 -o out.png")
@_reconstruction("content")
def content(image: str, layers: tuple[str, ...] | None, **given: Any) -> int:
    """Bring the features of layers back into a picture.

    Beginning with noise, the squared error between its features and those of IMAGE is minimised.
    """
    of = partial(reconstruction_of, representation="content", layers=layers)
    return make(given, image, (), of, kind="content", closing=reductions)


@reconstruct.command(epilog="Example:  impasto reconstruct style painting.jpg --layers relu1_1,relu2_1 -o out.png")
@_reconstruction("style", options.flag("style_loss", _RECONSTRUCTION.style_loss))
def style(image: str, layers: tuple[str, ...] | None, **given: Any) -> int:
    """Bring the Gram matrices of layers back into a picture.

    Beginning with noise, the squared error between its Gram matrices and those of IMAGE is minimised.
    """
    of = partial(reconstruction_of, representation="style", layers=layers)
    return make(given, None, (image,), of, kind="style", closing=reductions)


def reductions(first: Mapping[str, float], last: Mapping[str, float]) -> str:
    """How far each term has come, as `content/relu4_2  0.597 -> 0.007  -98.8 %`."""
    both = [(name, first[name], value) for name, value in last.items() if first[name] > 0]
    return columns((name, f"{old:.4g} -> {new:.4g}  {100 * (new - old) / old:+.2f} %") for name, old, new in both)
