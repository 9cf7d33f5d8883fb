"""`impasto presets`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import click
import cloup

from impasto.cli.parameters import debug_option

if TYPE_CHECKING:
    from impasto.encoders.preprocessing import Preprocessing
    from impasto.schedule import Pyramid

_GROUPS = {
    "Network": ("encoder", "preprocessing", "pooling", "padding", "normalize"),
    "Content": ("content_layers", "content_loss", "content_weight"),
    "Style": ("style_layers", "style_losses", "style_weight"),
    "Picture": ("relative", "tv_weight", "tv_loss", "range_weight", "range_loss", "resample", "stretch_style"),
    "Optimisation": (
        "init",
        "noise",
        "detail",
        "solver",
        "schedule",
        "iterations",
        "until",
        "size",
        "dtype",
        "milestones",
    ),
}


@cloup.group(invoke_without_command=True)
@debug_option
@click.pass_context
def presets(ctx: click.Context) -> None:
    """List named sets of settings, or show one with its source."""
    if ctx.invoked_subcommand is None:
        from impasto.cli.layout import columns
        from impasto.presets import PRESETS

        click.echo(columns((preset.name, preset.summary) for preset in PRESETS.values()))


@presets.command()
@cloup.argument("name", help="A name from `impasto presets`.")
@debug_option
def show(name: str) -> None:
    """Show every number of a preset, and its source."""
    from impasto.cli.layout import columns
    from impasto.presets import preset

    found = preset(name)
    about = [("preset", found.name), ("summary", found.summary), ("source", found.source)]
    about += [("differs" if i == 0 else "", each) for i, each in enumerate(found.differences)]
    click.echo(columns(about))
    for title, names in _GROUPS.items():
        rows = [(each.replace("_", " "), _setting(found, each)) for each in names if _told(found, each)]
        click.echo(f"\n{title}\n{columns(rows, indent='  ')}")


def _told(preset: Any, name: str) -> bool:
    """Whether a setting has a part in the preset: a term without weight, noise without a random start have none."""
    switches = {
        "tv_loss": preset.tv_weight,
        "range_loss": preset.range_weight,
        "noise": preset.init == "random",
        "milestones": preset.milestones,
        "until": preset.until,
    }
    return bool(switches.get(name, True))


def _setting(preset: Any, name: str) -> str:
    """A setting in words."""
    from impasto.presets import UNLIMITED

    value = getattr(preset, name)
    return "the photograph's own" if name == "size" and value == UNLIMITED else words(value)


def words(value: Any) -> str:
    """A setting as it is best read: functions by name, layers with their weights, solvers with their numbers."""
    from impasto.encoders.preprocessing import Preprocessing
    from impasto.schedule import Pyramid

    if is_dataclass(value):
        formats: dict[type, Callable[[Any], str]] = {Preprocessing: _colors, Pyramid: _sizes}
        return formats.get(type(value), _nested)(value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={weight:.6g}" for name, weight in value.items())
    if isinstance(value, tuple):
        return " + ".join(words(item) for item in value)
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__).replace("_", " ")
    return _plain(value)


def _plain(value: Any) -> str:
    """`as trained` for None, `yes`, `no`, and numbers as people write them."""
    if value is None:
        return "as trained"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _nested(value: Any) -> str:
    """`RMSprop (lr 0.001, rho 0.9), in InUnits (scale 2)`: what is wrapped comes first."""
    parts = {field.name: getattr(value, field.name) for field in fields(value) if field.repr}
    inner = [words(part) for part in parts.values() if is_dataclass(part)]
    numbers = ", ".join(
        f"{name.replace('_', ' ')} {words(part)}" for name, part in parts.items() if not is_dataclass(part)
    )
    own = f"{type(value).__name__} ({numbers})" if numbers else type(value).__name__
    return ", in ".join([*inner, own])


def _colors(preprocessing: Preprocessing) -> str:
    """`(2 b - 1, 2 g - 1, 2 r - 1)`: what the network is given for a color (r, g, b) in [0, 1]."""
    channels = []
    for row, offset in zip(preprocessing.matrix, preprocessing.offset, strict=True):
        terms = [f"{factor:.6g} {color}" for factor, color in zip(row, "rgb", strict=True) if factor]
        channels.append(f"{' + '.join(terms)} {'-' if offset < 0 else '+'} {abs(offset):.6g}")
    return f"({', '.join(channels)}) of r, g, b in [0, 1]"


def _sizes(schedule: Pyramid) -> str:
    """A pyramid in words."""
    if schedule.most == 1:
        return "one size"
    shares = " : ".join(f"{share:g}" for share in schedule.shares)
    most = "" if schedule.most > 8 else f", at most {schedule.most} sizes"
    return (
        f"coarse to fine from {schedule.smallest} pixels or more, {schedule.factor:.6g} times larger each time{most}; "
        f"evaluations as {shares}"
    )
