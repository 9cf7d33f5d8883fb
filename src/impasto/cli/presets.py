"""`impasto presets`."""

from __future__ import annotations

from collections.abc import Iterator

import click
import cloup

from impasto.choices import UNLIMITED
from impasto.cli.options import debug_option
from impasto.cli.terminal import columns
from impasto.cli.words import words
from impasto.presets import PRESETS, preset
from impasto.recipe import Recipe

_GROUPS = {
    "Network": ("encoder", "preprocessing", "pooling", "padding", "normalize"),
    "Content": ("content_layers", "content_loss", "content_weight"),
    "Style": ("style_layers", "style_loss", "style_weight"),
    "Picture": ("relative", "tv_weight", "tv_loss", "range_weight", "resample", "stretch_style"),
    "Optimisation": ("init", "noise", "detail", "solver", "schedule", "iterations", "size", "dtype", "milestones"),
}


@cloup.group(invoke_without_command=True)
@debug_option
@click.pass_context
def presets(ctx: click.Context) -> None:
    """List named sets of settings, or show one with its source."""
    if ctx.invoked_subcommand is None:
        click.echo(columns((each.name, each.summary) for each in PRESETS.values()))


@presets.command()
@cloup.argument("name", help="A name from `impasto presets`.")
@debug_option
def show(name: str) -> None:
    """Show every number of a preset, and its source."""
    found = preset(name)
    about = [("preset", found.name), ("summary", found.summary), ("source", found.source)]
    about += [("differs" if i == 0 else "", each) for i, each in enumerate(found.differences)]
    click.echo(columns(about))
    for title, names in _GROUPS.items():
        click.echo(f"\n{title}\n{columns(_rows(found, names), indent='  ')}")


def _rows(found: Recipe, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Settings in words, but those that have no part: a term without weight, noise without a random start."""
    from impasto.solvers import solver_of

    switches = {"tv_loss": found.tv_weight, "noise": found.init == "random", "milestones": found.milestones}
    special = {
        "solver": words(solver_of(found.solver)),
        "iterations": words(found.pyramid.evaluations),
        "size": "the photograph's own" if found.usual_size == UNLIMITED else words(found.usual_size),
    }
    for name in names:
        if switches.get(name, True):
            value = getattr(found, name)
            yield name.replace("_", " "), special.get(name) or ("as trained" if value is None else words(value))
