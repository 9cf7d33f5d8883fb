"""Making a recipe fit an encoder and pictures: which layers there are, which sizes are large enough."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from impasto.encoders.base import resolve_layers
from impasto.encoders.chain import ChainEncoder
from impasto.errors import UnknownNameError, UsageError
from impasto.images import size_for
from impasto.presets import Preset
from impasto.schedule import Level

ALL_LAYERS = "*"


def fitted(recipe: Preset, encoder: ChainEncoder, asked: Collection[str] = ()) -> tuple[Preset, tuple[str, ...]]:
    """The recipe with layers this encoder has, and notes of what had to give way.

    `*` is spelled out. A layer that only the preset wants and that is missing becomes the nearest there is; one that is
    in `asked` must be there.

    Raises:
        UnknownNameError: a layer that was asked for is missing.
    """
    resolve_layers(encoder, asked)
    style, content = _present(recipe.style_layers, encoder), _present(recipe.content_layers, encoder)
    wanted = {**recipe.style_layers, **recipe.content_layers}
    missing = [name for name in wanted if name != ALL_LAYERS and name not in encoder.layers]
    notes = [f"{encoder.name} has no {name}; {nearest_layer(name, encoder)} takes its place." for name in missing]
    if recipe.stretch_style:
        notes.append(f"The style image is stretched to the content's shape, as the source of {recipe.name} does.")
    return replace(recipe, style_layers=style, content_layers=content), tuple(notes)


def nearest_layer(name: str, encoder: ChainEncoder) -> str:
    """The layer of `encoder` in the same block as `name` or, failing that, the block closest to it, and closest there.

    Raises:
        UnknownNameError: `name` is no name of a layer at all.
    """
    place = _place(name)
    candidates = [layer for layer in encoder.layers if layer.startswith("relu")]
    if place is None or not candidates:
        raise UnknownNameError("layer", name, encoder.layers, of=encoder.name)
    return min(candidates, key=lambda layer: _distance(_place(layer) or (0, 0), place))


def _place(layer: str) -> tuple[int, int] | None:
    """(block, index) of `relu{block}_{index}`; None for other names."""
    match = re.fullmatch(r"relu(\d)_(\d)", layer)
    return (int(match[1]), int(match[2])) if match else None


def _distance(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return abs(a[0] - b[0]), abs(a[1] - b[1])


def _present(layers: Mapping[str, float], encoder: ChainEncoder) -> dict[str, float]:
    """Layers there are, with their weights; two that fall on one layer add up."""
    if ALL_LAYERS in layers:
        return {name: layers[ALL_LAYERS] for name in encoder.layers if name.startswith("relu")}
    present: dict[str, float] = {}
    for name, weight in layers.items():
        layer = name if name in encoder.layers else nearest_layer(name, encoder)
        present[layer] = present.get(layer, 0.0) + weight
    return present


def levels_that_fit(
    recipe: Preset, encoder: ChainEncoder, height: int, width: int, styles: Sequence[Tensor] = (), scale: float = 1.0
) -> tuple[Level, ...]:
    """The schedule's levels, without the coarse ones at which a picture is too small for the encoder.

    `styles` are looked at with a long side of `scale` times the level's, unless the recipe stretches them.
    """
    needed = _needed(encoder, recipe)

    def fits(level: Level) -> bool:
        sides = [(level.height, level.width)]
        if not recipe.stretch_style:
            sides += [style_sides(style, level, scale) for style in styles]
        return min(min(each) for each in sides) >= needed

    levels = recipe.schedule.levels(height, width, recipe.iterations)
    schedule = replace(recipe.schedule, most=max(1, sum(map(fits, levels))))
    return schedule.levels(height, width, recipe.iterations)


def grown(recipe: Preset, size: int, asked: int | None) -> Preset:
    """The recipe with evaluations for the levels that pictures larger than its own `size` have more.

    As it is if so many evaluations were `asked` for.
    """
    iterations = recipe.schedule.iterations_at(recipe.iterations, recipe.size, size)
    return recipe if asked else replace(recipe, iterations=iterations)


def _needed(encoder: ChainEncoder, recipe: Preset) -> int:
    """The fewest pixels per side that every layer in use can work with."""
    return max((encoder.smallest_side(layer) for layer in (*recipe.content_layers, *recipe.style_layers)), default=1)


def check_sizes(
    encoder: ChainEncoder, recipe: Preset, level: Level, styles: Sequence[Tensor], style_scale: float
) -> None:
    """Raise while nothing has been computed if a picture is too small for the encoder."""
    needed = _needed(encoder, recipe)
    _check_side("content", level.height, level.width, needed, encoder.name)
    for style in styles if not recipe.stretch_style else ():
        _check_side("style", *style_sides(style, level, style_scale), needed, encoder.name)


def _check_side(what: str, height: int, width: int, needed: int, encoder: str) -> None:
    if min(height, width) < needed:
        remedy = "choose a larger --size" if what == "content" else "choose a larger --size or --style-scale"
        raise UsageError(
            f"The {what} image would be {width}x{height} pixels, but {encoder} needs at least {needed} per side: "
            f"{remedy}, or crop the image to a less extreme shape."
        )


def style_sides(style: Tensor, level: Level, scale: float) -> tuple[int, int]:
    """Height and width of a style image at a level: its long side is `scale` times the level's."""
    return scaled(style, max(1, round(level.size * scale)))


def scaled(image: Tensor, size: int) -> tuple[int, int]:
    """Height and width of `image` with a long side of `size`."""
    height, width = image.shape[-2:]
    return size_for(height, width, size)
