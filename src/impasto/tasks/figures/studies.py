"""Figures of one picture: feature maps and Gram matrices; the picture as it grows, with its loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from impasto.devices import format_name, products
from impasto.fitting import Views, levels_that_fit, with_layers_of
from impasto.loading import Encoders
from impasto.presets.own import STUDY
from impasto.recipe import Recipe
from impasto.run import Run
from impasto.schedule import Pyramid
from impasto.sources import ImageSource
from impasto.statistics import at_least_float32, moments
from impasto.tasks.figures.bands import Curve, Row, stage_of
from impasto.tasks.figures.captions import summed
from impasto.tasks.figures.figure import Event, Figure, Materials, prepare_materials
from impasto.tasks.figures.plate import Panel, Plate
from impasto.tasks.reconstruct import reconstruction_of

# Features -----------------------------------------------------------------------------------------------------------

MAPS = 6
_LOOK = (
    f"The {MAPS} maps of each layer that vary most, with their channels: black is 0, white each map's maximum. "
    "Gram matrices: roots of the mean products of channels, black is 0."
)


def prepare_features(image: ImageSource, recipe: Recipe | None = None, encoders: Encoders | None = None) -> Figure:
    """The liveliest maps of each of the recipe's style layers, or of relu1_1 ... relu5_1, and their Gram matrices.

    Raises: as `prepare_materials`.
    """
    recipe = recipe or reconstruction_of(STUDY, "style")
    materials = prepare_materials([image], recipe, encoders)
    recipe, notes = with_layers_of(materials.encoder, recipe)
    (picture,), layers = materials.pictures, tuple(recipe.style_layers)
    height, width = picture.pixels.shape[-2:]
    levels_that_fit(recipe, Views(recipe, lambda _: materials.encoder), (height, width))

    def arrange(panels: Sequence[Panel]) -> Plate:
        rows = [Row((Panel(picture.pixels, "image"),))]
        for layer in layers:
            stage = stage_of(materials.encoder, layer, picture)
            shown = (replace(panel, label="") for panel in panels if panel.label == layer)
            rows.append(Row(tuple(shown), f"{stage.name}: {stage.features}"))
        return Plate(tuple(rows), MAPS + 1, materials.footnote(_LOOK))

    events = partial(_panels, materials, layers, recipe.dtype)
    return Figure("features", replace(materials, notes=(*materials.notes, *notes)), (), events, arrange)


def _panels(materials: Materials, layers: Sequence[str], dtype: str) -> Iterator[Event]:
    """Layer by layer, the maps and then the Gram matrix."""
    encoder, image = materials.encoder, materials.pictures[0].pixels
    with products(format_name(dtype, encoder.dtype)):
        seen = encoder(image.to(encoder.device), layers)
    for layer, features in seen.items():
        f = at_least_float32(features).cpu()
        for channel in liveliest(f, MAPS):
            shades = shaded(f[:, channel : channel + 1])
            yield Event(panel=Panel(shades, str(channel), layer, pixel=encoder.layers[layer].stride))
        gram = shaded(moments(f).gram[None]).sqrt()
        yield Event(panel=Panel(gram, "Gram matrix", layer, palette="magma", pixel=image.shape[-2] / gram.shape[-1]))


def liveliest(features: Tensor, count: int) -> list[int]:
    """The channels with the greatest variance over positions, at most `count`.  Shape: features (1, C, H, W)."""
    variance = features[0].flatten(1).var(1, correction=0)
    chosen: list[int] = variance.argsort(descending=True, stable=True)[:count].tolist()
    return chosen


def shaded(values: Tensor) -> Tensor:
    """Values of at least 0 as shades: their maximum is 1."""
    return values / torch.clamp(values.max(), min=1e-12)


# Progress -----------------------------------------------------------------------------------------------------------

ONE_SIZE = Pyramid(most=1, evaluations=500)
COLUMNS = 6


def prepare_progress(
    content: ImageSource, style: ImageSource, recipe: Recipe | None = None, encoders: Encoders | None = None
) -> Figure:
    """A transfer at one size, beginning as the recipe says or with noise, seen after 0, 1, 2, 5, ... evaluations.

    Raises: as `prepare_materials`.
    """
    recipe = replace(recipe or replace(STUDY, init="random"), schedule=ONE_SIZE, blank_schedule=None)
    materials = prepare_materials([content, style], recipe, encoders)
    run = materials.run(recipe, *materials.pictures)

    def arrange(panels: Sequence[Panel]) -> Plate:
        shown = (*materials.panels(), *panels)
        rows = tuple(Row(shown[i : i + COLUMNS]) for i in range(0, len(shown), COLUMNS))
        text = f"The picture begins with: {recipe.init}. Losses are weighted, and of the best picture so far."
        return Plate(rows, COLUMNS, materials.footnote(text))

    return Figure("progress", materials, (run,), partial(watched, run), arrange)


def marks(evaluations: int) -> tuple[int, ...]:
    """0, 1, 2, 5, 10, 20, 50, ... up to `evaluations`, and `evaluations` itself."""
    series = (factor * 10**power for power in range(len(str(evaluations))) for factor in (1, 2, 5))
    return (0, *(mark for mark in series if mark < evaluations), evaluations)


def watched(run: Run) -> Iterator[Event]:
    """The steps of a run, a panel of the picture after each of `marks`, and at the end the curve of its losses."""
    wanted = marks(run.plan.evaluations)
    yield Event(panel=Panel(run.problem.initial(run.plan.levels[0]), "0 evaluations"))
    history: list[dict[str, float]] = []
    for step in run:
        yield Event(step)
        sums = {"total": step.loss, **summed(step.terms)}
        history.append(min([*history[-1:], sums], key=lambda each: each["total"]))
        if step.done in wanted:
            yield Event(panel=Panel(step.image, str(step.done), measures={"loss": history[-1]["total"]}))
    plotted = [name for name in history[0] if any(sums[name] > 1e-3 * sums["total"] for sums in history)]
    yield Event(curve=Curve({name: [sums[name] for sums in history] for name in plotted}, wanted))
