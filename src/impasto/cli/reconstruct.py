"""`impasto reconstruct`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import cloup

from impasto.cli.layout import columns
from impasto.cli.options import (
    Decorator,
    file_options,
    levels_option,
    network_options,
    optimisation_options,
    preset_option,
    style_loss_option,
)
from impasto.cli.parameters import Names, Number, Whole, debug_option
from impasto.cli.running import execute, loading, requested


@cloup.group()
@debug_option
def reconstruct() -> None:
    """Show what layers know of a picture, from noise.

    A picture is made that has the content, or the style, which the layers see. This is how the papers show that deep
    layers hold a picture's content, and that Gram matrices hold its style.
    """


def _look_options(layers: str) -> Decorator:
    return cloup.option_group(
        "Look",
        cloup.option(
            "--layers", "--layer", type=Names(), metavar="L,L,...", help=f"Names, or name=weight.  [default: {layers}]"
        ),
        cloup.option(
            "--size",
            type=Whole(),
            help="Long side of the result in pixels.  [default: 512, or the image's own if that is less]",
        ),
        cloup.option(
            "--noise",
            type=Number(),
            default=1 / 255,
            help="Standard deviation of the noise it begins with; 0.25 can be seen plainly.  [default: 1/255]",
        ),
        preset_option,
    )


@reconstruct.command(epilog="Example:  impasto reconstruct content photo.jpg --layer relu4_2 -o out.png")
@cloup.argument("image", help="The picture to look at: an image file, or swatch:NAME.")
@_look_options("relu4_2")
@network_options()
@optimisation_options(300, levels_option)
@file_options("a new IMAGE-content.png here")
def content(image: str, **settings: Any) -> int:
    """Bring the features of layers back into a picture.

    Beginning with noise, the squared error between its features and those of IMAGE is minimised.
    """
    return _reconstruct("content", image, **settings)


@reconstruct.command(epilog="Example:  impasto reconstruct style painting.jpg --layers relu1_1,relu2_1 -o out.png")
@cloup.argument("image", help="The picture to look at: an image file, or swatch:NAME.")
@_look_options("relu1_1,relu2_1,relu3_1,relu4_1,relu5_1")
@style_loss_option
@network_options()
@optimisation_options(300, levels_option)
@file_options("a new IMAGE-style.png here")
def style(image: str, **settings: Any) -> int:
    """Bring the Gram matrices of layers back into a picture.

    Beginning with noise, the squared error between its Gram matrices and those of IMAGE is minimised.
    """
    return _reconstruct("style", image, **settings)


def _reconstruct(representation: str, image: str, **settings: Any) -> int:
    began = time.perf_counter()
    with loading(shown=not (settings["quiet"] or settings["as_json"])):
        from impasto.tasks.reconstruct import ReconstructConfig, prepare_reconstruction
    request = replace(requested(settings, (image,), (image, representation), began), closing=reductions)
    config = ReconstructConfig(representation=representation, **settings)  # type: ignore[arg-type]
    config.recipe()
    return execute(partial(prepare_reconstruction, image, config), request)


def reductions(begun: Mapping[str, float], ended: Mapping[str, float]) -> str:
    """How far each term has come, as `content/relu4_2  0.597 -> 0.007  -98.8 %`."""
    told = [(name, begun[name], value) for name, value in ended.items() if begun[name] > 0]
    return columns((name, f"{old:.4g} -> {new:.4g}  {100 * (new - old) / old:+.2f} %") for name, old, new in told)
