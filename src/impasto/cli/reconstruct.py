"""`impasto reconstruct`."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloup

from impasto.cli.layout import columns
from impasto.cli.options import Decorator, file_options, levels_option, network_options, optimisation_options
from impasto.cli.parameters import Names, Number, Whole, debug_option
from impasto.cli.running import Request, execute, loading

if TYPE_CHECKING:
    from impasto.engine import Step


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
        cloup.option(
            "--preset", metavar="NAME", default="default", help="One of `impasto presets`.  [default: default]"
        ),
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
@cloup.option(
    "--style-loss", metavar="NAME", help="gram, gram+mean-std, covariance, wasserstein2 or gram+wasserstein2."
)
@network_options()
@optimisation_options(300, levels_option)
@file_options("a new IMAGE-style.png here")
def style(image: str, **settings: Any) -> int:
    """Bring the Gram matrices of layers back into a picture.

    Beginning with noise, the squared error between its Gram matrices and those of IMAGE is minimised.
    """
    return _reconstruct("style", image, **settings)


def _reconstruct(
    representation: str,
    image: str,
    output: str | None,
    force: bool,
    checkpoint: str | None,
    no_metadata: bool,
    save_every: int | None,
    quiet: bool,
    as_json: bool,
    dry_run: bool,
    **settings: Any,
) -> int:
    began = time.perf_counter()
    with loading(shown=not (quiet or as_json)):
        from impasto.cli.saving import new_path
        from impasto.tasks.reconstruct import ReconstructConfig, prepare_reconstruction
    config = ReconstructConfig(representation=representation, **settings)  # type: ignore[arg-type]
    config.recipe()
    path = Path(output) if output else new_path(image, representation)
    request = Request(
        path,
        (image,),
        force,
        save_every,
        quiet,
        as_json,
        dry_run,
        began,
        reductions,
        fresh=output is None,
        checkpoint=checkpoint,
        metadata=not no_metadata,
    )
    return execute(partial(prepare_reconstruction, image, config), request)


def reductions(first: Step, last: Step) -> str:
    """How far each term has come, as `content/relu4_2  0.597 -> 0.007  -98.8 %`."""
    begun = first.terms
    told = [(name, begun[name], value) for name, value in last.terms.items() if begun[name] > 0]
    return columns((name, f"{old:.4g} -> {new:.4g}  {100 * (new - old) / old:+.2f} %") for name, old, new in told)
