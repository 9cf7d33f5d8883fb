"""Options that every command which makes a picture takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import cloup

from impasto.cli.parameters import Names, Numbers, Whole, debug_option

Decorator = Callable[[Any], Any]


styles_argument = cloup.argument(
    "styles",
    nargs=-1,
    required=True,
    metavar="STYLE...",
    help="One or more image files, or swatch:NAME to have one drawn.",
)
preset_option = cloup.option(
    "--preset", metavar="NAME", default="default", help="One of `impasto presets`.  [default: default]"
)
content_layers_option = cloup.option(
    "--content-layers", type=Names(), help="Layers that hold the content: relu4_2, or relu4_2=0.5."
)
style_layers_option = cloup.option("--style-layers", type=Names(), help="Layers that hold the style; '*' for all.")
style_loss_option = cloup.option(
    "--style-loss", metavar="NAME", help="gram, gram+mean-std, covariance, wasserstein2 or gram+wasserstein2."
)
style_weights_option = cloup.option(
    "--style-weights", type=Numbers(), help="How much of each style.  [default: equal parts]"
)
device_option = cloup.option(
    "--device", metavar="NAME", default="auto", help="auto, cpu, cuda, mps or xpu.  [default: auto]"
)
levels_option = cloup.option(
    "--levels", type=Whole(), help="The most sizes, coarse to fine; 1 for the full size alone."
)
bits_option = cloup.option(
    "--bits",
    type=click.Choice(["8", "16"]),
    default="8",
    help="Of each channel in OUT; 16 for PNG and TIFF alone.  [default: 8]",
)
force_option = cloup.option("--force", is_flag=True, help="Overwrite OUT if it exists.")
no_metadata_option = cloup.option("--no-metadata", is_flag=True, help="Do not write into OUT how it was made.")
max_pixels_option = cloup.option(
    "--max-pixels", type=Whole(), default=100_000_000, help="Refuse larger image files.  [default: 100000000]"
)
quiet_option = cloup.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
json_option = cloup.option(
    "--json", "as_json", is_flag=True, help="Print one JSON record per evaluation on standard output."
)
dry_run_option = cloup.option("--dry-run", is_flag=True, help="Check everything, print what would be done, and stop.")


def network_options(pooling: str = "max") -> Decorator:
    """--encoder, --weights, --pooling, --padding."""
    return cloup.option_group(
        "Network",
        cloup.option(
            "--encoder",
            metavar="NAME",
            help="compact (built in), vgg19, vgg16, or one of `impasto weights list`.  [default: compact]",
        ),
        cloup.option("--weights", metavar="FILE", help="A weight file of VGG-19 or VGG-16, in any usual layout."),
        cloup.option("--pooling", metavar="KIND", help=f"max, average or l2.  [default: {pooling}]"),
        cloup.option("--padding", metavar="KIND", help="zeros, reflect or replicate.  [default: as trained]"),
    )


def optimisation_options(iterations: int | str, *more: Decorator) -> Decorator:
    """--iterations, --solver, --seed, --device, --dtype, and `more`."""
    return cloup.option_group(
        "Optimisation",
        cloup.option("--iterations", type=Whole(), help=f"Evaluations in all.  [default: {iterations}]"),
        cloup.option(
            "--until",
            metavar="WHEN",
            help="converged: leave a size once 10 evaluations win less than 1 %.  [default: --iterations are done]",
        ),
        *more,
        cloup.option("--solver", metavar="NAME", help="lbfgs, adam or rmsprop.  [default: lbfgs]"),
        cloup.option("--seed", type=Whole(), default=0, help="Of a random beginning.  [default: 0]"),
        device_option,
        cloup.option(
            "--dtype",
            metavar="NAME",
            default="auto",
            help="auto, float32, bfloat16, tf32 or float64.  [default: auto]",
        ),
        cloup.option(
            "--memory",
            metavar="SIZE",
            help="The most to take, as 4GB; large pictures are made in tiles.  [default: what is free]",
        ),
    )


def file_options(default: str, *more: Decorator) -> Decorator:
    """-o and all that concerns files and reports, and `more`; `default` says where the result goes without -o."""
    return cloup.option_group(
        "Files and reports",
        cloup.option(
            "-o",
            "--output",
            metavar="OUT",
            help=f"The result; its ending sets the format.  [default: {default}]",
        ),
        force_option,
        cloup.option(
            "--checkpoint",
            metavar="DIR",
            help="Keep the state in this new folder, for `impasto resume`.  [default: OUT.impasto, if it takes long]",
        ),
        no_metadata_option,
        *more,
        cloup.option("--save-every", type=Whole(1), help="Also save OUT-0050.png, ... every N evaluations."),
        max_pixels_option,
        quiet_option,
        json_option,
        dry_run_option,
        debug_option,
    )
