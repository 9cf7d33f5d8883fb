"""`impasto reconstruct`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import cloup

from impasto.cli.options import (
    Decorator,
    asked_recipe,
    file_options,
    flag,
    flags,
    network_options,
    optimisation_options,
    preset_option,
)
from impasto.cli.output import requested
from impasto.cli.parameters import Names, debug_option
from impasto.cli.running import execute
from impasto.cli.terminal import columns
from impasto.recipe import Recipe
from impasto.tasks.reconstruct import LAYERS, reconstruction_of

_BASE = reconstruction_of(Recipe())
_SIZE = "{recipe.usual_size}, or the image's own if that is less"


@cloup.group()
@debug_option
def reconstruct() -> None:
    """Show what layers know of a picture, from noise.

    A picture is made that has the content, or the style, which the layers see. This is how the papers show that deep
    layers hold a picture's content, and that Gram matrices hold its style.
    """


def _look_options(representation: str) -> Decorator:
    layers = f"Names, or name=weight.  [default: {','.join(LAYERS[representation])}]"
    return cloup.option_group(
        "Look",
        cloup.option("--layers", "--layer", type=Names(), help=layers),
        *flags(_BASE, "size", size=_SIZE),
        flag("noise", f"1/{1 / _BASE.noise:.0f}"),
        preset_option,
    )


@reconstruct.command(epilog="Example:  impasto reconstruct content photo.jpg --layer relu4_2 -o out.png")
@cloup.argument("image", help="The picture to look at: an image file, or swatch:NAME.")
@_look_options("content")
@network_options(_BASE)
@optimisation_options(_BASE)
@file_options("a new IMAGE-content.png here")
def content(image: str, **options: Any) -> int:
    """Bring the features of layers back into a picture.

    Beginning with noise, the squared error between its features and those of IMAGE is minimised.
    """
    return _reconstruct("content", image, options)


@reconstruct.command(epilog="Example:  impasto reconstruct style painting.jpg --layers relu1_1,relu2_1 -o out.png")
@cloup.argument("image", help="The picture to look at: an image file, or swatch:NAME.")
@_look_options("style")
@flag("style_loss", _BASE.style_loss)
@network_options(_BASE)
@optimisation_options(_BASE)
@file_options("a new IMAGE-style.png here")
def style(image: str, **options: Any) -> int:
    """Bring the Gram matrices of layers back into a picture.

    Beginning with noise, the squared error between its Gram matrices and those of IMAGE is minimised.
    """
    return _reconstruct("style", image, options)


def _reconstruct(representation: str, image: str, options: dict[str, Any]) -> int:
    layers = options.pop("layers")
    recipe, _ = asked_recipe(options, partial(reconstruction_of, representation=representation, layers=layers))
    output = replace(requested(options, (image,), (image, representation)), closing=reductions)
    from impasto.preparation import Pictures, prepare

    pictures = Pictures(image) if representation == "content" else Pictures(styles=[image])
    return execute(partial(prepare, recipe, pictures), output)


def reductions(first: Mapping[str, float], last: Mapping[str, float]) -> str:
    """How far each term has come, as `content/relu4_2  0.597 -> 0.007  -98.8 %`."""
    both = [(name, first[name], value) for name, value in last.items() if first[name] > 0]
    return columns((name, f"{old:.4g} -> {new:.4g}  {100 * (new - old) / old:+.2f} %") for name, old, new in both)
