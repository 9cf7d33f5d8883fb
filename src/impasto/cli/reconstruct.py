"""`impasto reconstruct`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import cloup

from impasto.cli.options import Decorator, debug_option, flag, flags, picture_options
from impasto.cli.parameters import NAMES
from impasto.cli.running import make
from impasto.cli.terminal import columns
from impasto.recipe import Recipe
from impasto.tasks.reconstruct import LAYERS, reconstruction_of

_BASE = reconstruction_of(Recipe())
_SIZE = "{recipe.usual_size}, or the image's own if that is less"
_image = cloup.argument("image", help="The picture to look at: an image file, or swatch:NAME.")


@cloup.group()
@debug_option
def reconstruct() -> None:
    """Show what layers know of a picture, from noise.

    A picture is made that has the content, or the style, which the layers see. This is how the papers show that deep
    layers hold a picture's content, and that Gram matrices hold its style.
    """


def _options(representation: str, *more: Decorator) -> Decorator:
    layers = f"Names, or name=weight.  [default: {','.join(LAYERS[representation])}]"
    look = [
        cloup.option("--layers", "--layer", type=NAMES, help=layers),
        *flags(_BASE, "size", size=_SIZE),
        flag("noise", f"1/{1 / _BASE.noise:.0f}"),
        *more,
    ]
    return picture_options(_BASE, f"a new IMAGE-{representation}.png here", look)


@reconstruct.command(epilog="Example:  impasto reconstruct content photo.jpg --layer relu4_2 -o out.png")
@_image
@_options("content")
def content(image: str, layers: tuple[str, ...] | None, **options: Any) -> int:
    """Bring the features of layers back into a picture.

    Beginning with noise, the squared error between its features and those of IMAGE is minimised.
    """
    of = partial(reconstruction_of, representation="content", layers=layers)
    return make(options, image, (), of, kind="content", closing=reductions)


@reconstruct.command(epilog="Example:  impasto reconstruct style painting.jpg --layers relu1_1,relu2_1 -o out.png")
@_image
@_options("style", flag("style_loss", _BASE.style_loss))
def style(image: str, layers: tuple[str, ...] | None, **options: Any) -> int:
    """Bring the Gram matrices of layers back into a picture.

    Beginning with noise, the squared error between its Gram matrices and those of IMAGE is minimised.
    """
    of = partial(reconstruction_of, representation="style", layers=layers)
    return make(options, None, (image,), of, kind="style", closing=reductions)


def reductions(first: Mapping[str, float], last: Mapping[str, float]) -> str:
    """How far each term has come, as `content/relu4_2  0.597 -> 0.007  -98.8 %`."""
    both = [(name, first[name], value) for name, value in last.items() if first[name] > 0]
    return columns((name, f"{old:.4g} -> {new:.4g}  {100 * (new - old) / old:+.2f} %") for name, old, new in both)
