"""Texture synthesis: a style alone, at any size (Gatys, Ecker & Bethge 2015, "Texture Synthesis Using CNNs")."""

from __future__ import annotations

from dataclasses import replace

from impasto.choices import TEXTURE
from impasto.recipe import Recipe


def texture_of(base: Recipe) -> Recipe:
    """`base` without content, from noise."""
    return replace(base, task=TEXTURE, content_layers={}, init="random", stretch_style=False)
