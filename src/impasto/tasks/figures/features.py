"""Feature maps and Gram matrices of one picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from impasto.devices import format_name, products
from impasto.fitting import levels_that_fit, with_layers_of
from impasto.loading import Encoders
from impasto.recipe import Recipe
from impasto.sources import ImageSource
from impasto.statistics import at_least_float32, moments
from impasto.tasks.figures.figure import Event, Figure
from impasto.tasks.figures.materials import Materials, in_papers_words, prepare_materials
from impasto.tasks.figures.panel import Panel
from impasto.tasks.figures.plate import Plate
from impasto.tasks.figures.row import Row
from impasto.tasks.reconstruct import reconstruction_of

MAPS = 6


def prepare_features(image: ImageSource, recipe: Recipe | None = None, encoders: Encoders | None = None) -> Figure:
    """The liveliest maps of each of the recipe's style layers, or of relu1_1 ... relu5_1, and their Gram matrices.

    Raises: as `prepare_materials`.
    """
    recipe = recipe or reconstruction_of(Recipe(), "style")
    materials = prepare_materials([image], recipe, encoders)
    recipe, notes = with_layers_of(materials.encoder, recipe)
    layers, (height, width) = tuple(recipe.style_layers), materials.pictures[0].shape[-2:]
    levels_that_fit(recipe, materials.encoder, (height, width))
    materials = replace(materials, notes=(*materials.notes, *notes))
    return Figure(
        "features", materials, (), partial(_panels, materials, layers, recipe.dtype), partial(_plate, materials, layers)
    )


def _panels(materials: Materials, layers: Sequence[str], dtype: str) -> Iterator[Event]:
    """Layer by layer, the maps and then the Gram matrix."""
    image = materials.pictures[0]
    with products(format_name(dtype, materials.encoder.dtype)):
        seen = materials.encoder(image, layers)
    for layer, features in seen.items():
        f = at_least_float32(features).cpu()
        stride = materials.encoder.layers[layer].stride
        for channel in liveliest(f, MAPS):
            yield Event(panel=Panel(shaded(f[:, channel : channel + 1]), str(channel), layer, pixel=stride))
        gram = shaded(moments(f).gram[None]).sqrt()
        pixel = image.shape[-2] / gram.shape[-1]
        yield Event(panel=Panel(gram, "Gram matrix", layer, palette="magma", pixel=pixel))


def liveliest(features: Tensor, count: int) -> list[int]:
    """The channels with the greatest variance over positions, at most `count`.  Shape: features (1, C, H, W)."""
    variance = features[0].flatten(1).var(1, correction=0)
    chosen: list[int] = variance.argsort(descending=True, stable=True)[:count].tolist()
    return chosen


def shaded(values: Tensor) -> Tensor:
    """Values of at least 0 as shades: their maximum is 1."""
    return values / torch.clamp(values.max(), min=1e-12)


def _plate(materials: Materials, layers: Sequence[str], panels: Sequence[Panel]) -> Plate:
    rows = (
        Row(tuple(replace(panel, label="") for panel in panels if panel.label == layer), _heading(materials, layer))
        for layer in layers
    )
    footnote = (
        f"{materials.in_words()}. The {MAPS} maps of each layer that vary most, with their channels: "
        "black is 0, white each map's maximum. Gram matrices: roots of the mean products of channels, black is 0."
    )
    return Plate((Row((Panel(materials.pictures[0], "image"),)), *rows), MAPS + 1, footnote)


def _heading(materials: Materials, layer: str) -> str:
    info, (height, width) = materials.encoder.layers[layer], materials.pictures[0].shape[-2:]
    size = f"{width // info.stride}\N{MULTIPLICATION SIGN}{height // info.stride}"
    return f"{in_papers_words(layer)}: {info.channels} channels of {size}"
