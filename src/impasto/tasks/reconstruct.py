"""Reconstruction: what a layer, or a set of layers, knows of a picture (Gatys, Ecker & Bethge 2015, figure 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from impasto.choices import ALL_LAYERS, RECONSTRUCT
from impasto.presets.published import FIVE_LAYERS
from impasto.ranges import layers as parsed_layers
from impasto.recipe import Recipe
from impasto.schedule import Pyramid

LAYERS = {"content": ("relu4_2",), "style": FIVE_LAYERS}
ONE_SIZE = Pyramid(most=1, evaluations=300)
AUTHORS_NOISE = 1 / 255  # it can hardly be seen


def reconstruction_of(
    base: Recipe, representation: str = "content", layers: Sequence[str] | Mapping[str, float] | None = None
) -> Recipe:
    """`base` with one side of its terms only: `layers`' features, or their Gram matrices, from faint noise.

    Layers that are named must be there; without, they are relu4_2 for content, relu1_1 ... relu5_1 for style. There is
    one level, the full size, unless `levels` says otherwise.
    """
    chosen = parsed_layers("layers", layers or LAYERS[representation])
    style = representation == "style"
    return replace(
        base,
        task=RECONSTRUCT,
        content_layers={} if style else chosen,
        style_layers=chosen if style else {},
        style_loss="gram",
        required_layers=tuple(name for name in chosen if name != ALL_LAYERS) if layers else (),
        schedule=ONE_SIZE,
        blank_schedule=None,
        by_size=(),
        iterations=None,
        dtype="float32",
        init="random",
        noise=AUTHORS_NOISE,
        tv_weight=0.0,
        stretch_style=False,
    )
