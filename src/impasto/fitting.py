"""Making a recipe fit an encoder and pictures: which layers there are, which sizes are large enough."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from impasto.choices import ALL_LAYERS
from impasto.encoders.base import resolve_layers
from impasto.encoders.chain import ChainEncoder
from impasto.errors import UnknownNameError, UsageError
from impasto.images import size_for
from impasto.recipe import Recipe
from impasto.schedule import Level

Shape = tuple[int, int]  # height, width

ENLARGED = 2  # times: what is enlarged further has no fine paint left


@dataclass(frozen=True)
class View:
    """How pictures are seen at levels above `size` pixels.

    `recipe` is as it is there, with the layers of `encoder`, which looks at the picture and the content, while
    `style_encoder` looks at the styles. `notes` say which layers had to give way.
    """

    size: int
    recipe: Recipe
    encoder: ChainEncoder
    style_encoder: ChainEncoder
    notes: tuple[str, ...] = ()


class Views:
    """How pictures are seen at each size: `load` gives the encoder of a recipe, and is asked when that is needed."""

    def __init__(self, recipe: Recipe, load: Callable[[Recipe], ChainEncoder]):
        self._recipe, self._load = recipe, load
        self._made: dict[int, View] = {}

    def at(self, size: int) -> View:
        """While the picture's long side is `size` pixels.

        Raises:
            WeightsError: the weights cannot be had, or are not usable.
            UnknownNameError: a required layer is missing.
        """
        bound = self._recipe.bound(size)
        if bound not in self._made:
            self._made[bound] = self._view(bound, self._recipe.at(size))
        return self._made[bound]

    @property
    def smallest(self) -> View:
        """At the smallest sizes."""
        return self.at(1)

    def _view(self, bound: int, recipe: Recipe) -> View:
        encoder = self._load(recipe)
        fitted, notes = with_layers_of(encoder, recipe)
        # A picture whose borders fit each other is seen so; the styles are not.
        seen_so = encoder.repeating(recipe.repeats) if recipe.repeats else encoder
        return View(bound, fitted, seen_so, encoder, notes)


def with_layers_of(encoder: ChainEncoder, recipe: Recipe) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe with layers this encoder has, and notes of what had to give way.

    `*` is spelled out. A layer that is missing becomes the nearest there is, unless the recipe requires it.

    Raises:
        UnknownNameError: a required layer is missing.
    """
    resolve_layers(encoder, recipe.required_layers)
    fields = ("style_layers", "content_layers", *(["neighbor_layers"] if recipe.neighbor_weight else []))
    present: dict[str, Any] = {name: _present(getattr(recipe, name), encoder) for name in fields}
    wanted = dict.fromkeys(name for each in fields for name in getattr(recipe, each))
    missing = [name for name in wanted if name != ALL_LAYERS and name not in encoder.layers]
    notes = [f"{encoder.name} has no {name}; {nearest_layer(name, encoder)} takes its place." for name in missing]
    if recipe.stretch_style:
        notes.append(f"The style image is stretched to the content's shape, as the source of {recipe.name} does.")
    return replace(recipe, **present), tuple(notes)


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


def style_scales(recipe: Recipe, count: int) -> tuple[float, ...]:
    """The `style_scale` of each of so many styles.

    Raises:
        UsageError: it has another number of entries.
    """
    asked = recipe.style_scale
    scales = asked if isinstance(asked, tuple) else (asked,) * count
    check_entries("style_scale", scales, count)
    return scales


def check_entries(name: str, entries: Sequence[float], styles: int) -> None:
    """Raise UsageError unless the setting has an entry for each style, those of regions and textures included."""
    if len(entries) != styles:
        one = "1 entry" if len(entries) == 1 else f"{len(entries)} entries"
        there_are = "there is 1 style image" if styles == 1 else f"there are {styles} style images"
        raise UsageError(f"{name} has {one} but {there_are}; give one for each.")


def levels_that_fit(
    recipe: Recipe, views: Views, shape: Shape, styles: Sequence[Shape] = (), scales: Sequence[float] = ()
) -> tuple[Level, ...]:
    """The levels to a result of `shape`, without the coarse ones at which a picture is too small for the encoder.

    `styles` are looked at with long sides of `scales` times the level's, unless the recipe stretches them.

    Raises:
        UsageError: a picture is too small even at the full size, or there are fewer evaluations than levels.
    """

    scaled = list(zip(styles, scales, strict=True))

    def fits(level: Level) -> bool:
        sides = [(level.height, level.width)]
        if not recipe.stretch_style:
            sides += [style_shape(style, level, scale, recipe.style_enlarged_up_to) for style, scale in scaled]
        return min(min(each) for each in sides) >= _needed(views.at(level.size))

    iterations, pyramid = recipe.evaluations(max(shape)), recipe.pyramid
    tried = max(iterations, len(pyramid.sizes(max(shape))))  # of which there may be too many for so few
    possible = sum(map(fits, pyramid.levels(*shape, tried)))
    levels = replace(pyramid, most=max(1, possible)).levels(*shape, iterations)
    first = views.at(levels[0].size)
    _check_side("picture", levels[0].height, levels[0].width, first)
    for style, scale in scaled if not recipe.stretch_style else ():
        _check_side("style image", *style_shape(style, levels[0], scale, recipe.style_enlarged_up_to), first)
    return levels


def _needed(view: View) -> int:
    """The fewest pixels per side that every layer in use can work with."""
    layers = (*view.recipe.content_layers, *view.recipe.style_layers, *view.recipe.matched_layers)
    both = view.encoder, view.style_encoder
    return max((each.smallest_side(layer) for layer in layers for each in both), default=1)


def _check_side(what: str, height: int, width: int, view: View) -> None:
    needed = _needed(view)
    if min(height, width) < needed:
        remedy = "choose a larger --size" if what == "picture" else "choose a larger --size or --style-scale"
        crop = ", or crop the image to a less extreme shape" if max(height, width) >= needed else ""
        raise UsageError(
            f"The {what} would be {width}x{height} pixels, but {view.encoder.name} needs at least {needed} per "
            f"side: {remedy}{crop}."
        )


def style_shape(style: Shape, level: Level, scale: float, style_enlarged_up_to: int) -> Shape:
    """Height and width of a style image at a level: its long side is `scale` times the level's.

    A level larger than `style_enlarged_up_to` and than `ENLARGED` times the style's own pixels counts as the larger of
    both.
    """
    most = max(style_enlarged_up_to, ENLARGED * max(style))
    return size_for(*style, max(1, round(min(level.size, most) * scale)))


def repeating_levels(levels: Sequence[Level], stride: int, axes: str) -> tuple[Level, ...]:
    """The levels with sides that a picture can repeat at along `axes`: multiples of `stride`.

    Raises:
        UsageError: the last level is none, and would not have the size that was asked for.
    """
    rounded = [
        replace(
            level,
            height=_multiple(level.height, stride) if "y" in axes else level.height,
            width=_multiple(level.width, stride) if "x" in axes else level.width,
        )
        for level in levels
    ]
    asked, possible = levels[-1], rounded[-1]
    if (asked.height, asked.width) != (possible.height, possible.width):
        raise UsageError(
            f"The result would have {asked.width}x{asked.height} pixels, but sides whose ends fit each other must be "
            f"multiples of {stride}: {possible.width}x{possible.height} would do. Choose another --size."
        )
    return tuple(rounded)


def _multiple(side: int, stride: int) -> int:
    return max(1, round(side / stride)) * stride
