"""Inputs of nodes, as the settings of a recipe describe themselves: their defaults, their choices, their sentences."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from impasto import PRESETS, Recipe
from impasto.recipe import SETTINGS

INSTANT = "instant"  # the preset that paints in one pass, in versions that have it
_KINDS = {int: io.Int, float: io.Float, bool: io.Boolean, str: io.String}


def setting(name: str, **bounds: Any) -> Any:
    """The input of a setting of `Recipe`; `bounds` are its widget's, and what the recipe does not say of it."""
    about = SETTINGS[name]
    default = bounds.pop("default", getattr(Recipe(), name))
    told = {"default": default, "tooltip": bounds.pop("tooltip", about["help"])}
    names = [each for each in about["choices"] if each]
    if default in names:
        return io.Combo.Input(name, options=names, **told, **bounds)
    return _KINDS[type(default)].Input(name, **told, **bounds)


def preset() -> Any:
    """The input of a preset's name; those that paint in one pass have a node of their own."""
    names = [name for name in PRESETS if name != INSTANT]
    told = "; ".join(f"{name}: {PRESETS[name].summary}" for name in names[:3])
    return io.Combo.Input("preset", options=names, default=Recipe().name, tooltip=f"A published or own method. {told}")
