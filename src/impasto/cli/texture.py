"""`impasto texture`."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import cloup

from impasto.cli.options import file_options, levels_option, network_options, optimisation_options
from impasto.cli.parameters import Names, Number, Numbers, Size
from impasto.cli.running import Request, execute, loading

_EXAMPLES = """\b
Examples:
  impasto texture painting.jpg -o out.png --size 1024x768
  impasto texture swatch:marbling --size 512x512 --tileable
"""


@cloup.command(epilog=_EXAMPLES)
@cloup.argument(
    "styles",
    nargs=-1,
    required=True,
    metavar="STYLE...",
    help="One or more image files, or swatch:NAME to have one drawn.",
)
@cloup.option_group(
    "Look",
    cloup.option(
        "--size",
        type=Size(),
        help="Width and height of the result in pixels; one number for a square.  [default: the style image's own, its "
        "long side at most 512]",
    ),
    cloup.option("--tileable", is_flag=True, help="Let opposite borders fit each other, so that the result repeats."),
    cloup.option("--style-weights", type=Numbers(), help="How much of each style.  [default: equal parts]"),
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
    cloup.option("--preset", metavar="NAME", default="default", help="One of `impasto presets`.  [default: default]"),
    cloup.option("--style-layers", type=Names(), help="Layers that hold the style; '*' for all."),
    cloup.option(
        "--style-loss", metavar="NAME", help="gram, gram+mean-std, covariance, wasserstein2 or gram+wasserstein2."
    ),
    cloup.option("--tv-weight", type=Number(), help="Factor of the smoothness term."),
)
@network_options()
@optimisation_options(210, levels_option)
@file_options("a new STYLE-texture.png here")
def texture(
    styles: tuple[str, ...],
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
    """Make a texture of the picture STYLE, at any size.

    It has the style's colors, strokes and motifs, and nothing of its arrangement. Ctrl-C stops early and saves the
    picture so far.
    """
    began = time.perf_counter()
    with loading(shown=not (quiet or as_json)):
        from impasto.cli.saving import new_path
        from impasto.tasks.texture import TextureConfig, prepare_texture
    config = TextureConfig(**settings)
    config.recipe()
    path = Path(output) if output else new_path(styles[0], "texture")
    request = Request(
        path,
        styles,
        force,
        save_every,
        quiet,
        as_json,
        dry_run,
        began,
        fresh=output is None,
        checkpoint=checkpoint,
        metadata=not no_metadata,
    )
    return execute(partial(prepare_texture, styles, config), request)
