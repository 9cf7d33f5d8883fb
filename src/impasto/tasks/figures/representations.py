"""Content and style, layer by layer: figure 1 of Gatys, Ecker & Bethge 2015."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from torch import Tensor

from impasto.errors import named
from impasto.loading import Encoders
from impasto.presets.published import FIVE_LAYERS
from impasto.recipe import Recipe
from impasto.run import Run
from impasto.sources import ImageSource
from impasto.tasks.figures.figure import LABELS, Experiment, Figure, compared
from impasto.tasks.figures.materials import Materials, in_papers_words, nested_in_words, prepare_materials
from impasto.tasks.figures.measures import psnr, reduction
from impasto.tasks.figures.network import Network, Stage
from impasto.tasks.figures.panel import Panel
from impasto.tasks.figures.plate import Plate
from impasto.tasks.figures.row import Row
from impasto.tasks.reconstruct import reconstruction_of

# The layers of the content reconstructions, by the paper they are those of; those of the styles are the same in both.
CONVENTIONS: Final = {"2015": FIVE_LAYERS, "2016": tuple(f"relu{block}_2" for block in range(1, 6))}


def prepare_representations(
    content: ImageSource,
    style: ImageSource,
    recipe: Recipe | None = None,
    encoders: Encoders | None = None,
    *,
    convention: str = "2015",
) -> Figure:
    """The content of one picture from each of five layers, the style of another from ever more of them.

    Each is a reconstruction from noise of its own.  Layers that the encoder does not have become the nearest it has.

    Reference: Gatys, Ecker & Bethge 2015, figure 1; 2016 has `conv1_2` ... `conv5_2` for the content.
    Differs: the style image keeps its own shape.

    Raises: as `prepare_materials`.
    """
    recipe = recipe or reconstruction_of(Recipe())
    layers = named("convention", convention, CONVENTIONS)
    materials = prepare_materials([content, style], recipe, encoders)
    nested = (FIVE_LAYERS[: number + 1] for number in range(len(FIVE_LAYERS)))
    styles = [_style(materials, recipe, *each) for each in zip(LABELS, nested, strict=False)]
    contents = [_content(materials, recipe, *each) for each in zip(LABELS, layers, strict=False)]
    arrange = partial(_plate, materials, [content.run for content in contents])
    return compared("representations", materials, [*styles, *contents], arrange)


def _content(materials: Materials, recipe: Recipe, label: str, layer: str) -> Experiment:
    picture = materials.pictures[0]
    run = materials.run(replace(recipe, content_layers={layer: 1.0}, style_layers={}), picture, None)
    (seen,) = run.plan.recipe.content_layers

    def measure(run: Run, image: Tensor) -> dict[str, float]:
        return {"psnr": psnr(image, picture), "reduction": reduction(run, image)}

    return Experiment(run, in_papers_words(seen), label, measure)


def _style(materials: Materials, recipe: Recipe, label: str, layers: Sequence[str]) -> Experiment:
    recipe = replace(recipe, content_layers={}, style_layers=dict.fromkeys(layers, 1.0))
    run = materials.run(recipe, None, materials.pictures[1])
    seen = nested_in_words(list(run.plan.recipe.style_layers))
    return Experiment(run, seen, label, lambda run, image: {"reduction": reduction(run, image)})


def _plate(materials: Materials, contents: Sequence[Run], panels: Sequence[Panel]) -> Plate:
    content, style = materials.pictures
    count, recipe = len(FIVE_LAYERS), contents[0].plan.recipe
    footnote = (
        f"{materials.in_words()}. Each picture began as white noise (\N{GREEK SMALL LETTER SIGMA} = "
        f"{recipe.noise * 255:.3g}/255 around mid-gray) and took {contents[0].plan.evaluations} evaluations. "
        "dB: peak signal-to-noise ratio against the content image; loss: its change from the noise to the picture."
    )
    bands = (
        Row((Panel(style, "style image"), *panels[:count]), "Style reconstructions"),
        Network(tuple(_stage(materials, run) for run in contents)),
        Row((Panel(content, "content image"), *panels[count:]), "Content reconstructions"),
    )
    return Plate(bands, 1 + count, footnote)


def _stage(materials: Materials, run: Run) -> Stage:
    """The layer that a content reconstruction looks at."""
    (layer,) = run.plan.recipe.content_layers
    info, (height, width) = materials.encoder.layers[layer], materials.pictures[0].shape[-2:]
    return Stage(in_papers_words(layer), info.channels, info.stride, (width // info.stride, height // info.stride))
