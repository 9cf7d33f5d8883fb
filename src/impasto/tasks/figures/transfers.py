"""Transfers from noise, side by side: over content layers, and over style layers and the weight of content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from impasto.errors import UsageError
from impasto.loading import Encoders
from impasto.presets.published import FIVE_LAYERS
from impasto.ranges import layers as parsed_layers
from impasto.recipe import Recipe
from impasto.run import Run
from impasto.sources import ImageSource
from impasto.tasks.figures.figure import LABELS, Experiment, Figure, compared
from impasto.tasks.figures.materials import Materials, in_papers_words, nested_in_words, prepare_materials
from impasto.tasks.figures.panel import Panel
from impasto.tasks.figures.plate import Plate
from impasto.tasks.figures.row import Heads, Row

LOW_AND_HIGH = ("relu2_2", "relu4_2")
RATIOS = (0.01, 0.1, 1.0, 10.0)


def prepare_layers(
    content: ImageSource,
    style: ImageSource,
    recipe: Recipe | None = None,
    encoders: Encoders | None = None,
    *,
    layers: Sequence[str] = (),
) -> Figure:
    """The same transfer from noise for each of `layers`, which must be there, or for `LOW_AND_HIGH`.

    A low layer keeps the photograph's pixels under the style's colors; a high one keeps what it shows, and lets edges
    and colors follow the style.

    Raises: as `prepare_materials`.
    Reference: Gatys, Ecker & Bethge 2016, figure 5.
    """
    recipe = replace(recipe or Recipe(), init="random")
    materials = prepare_materials([content, style], recipe, encoders)
    chosen = parsed_layers("layers", layers or LOW_AND_HIGH)
    required = (*recipe.required_layers, *(chosen if layers else ()))
    recipe = replace(recipe, required_layers=required)
    runs = _runs(materials, [replace(recipe, content_layers={layer: weight}) for layer, weight in chosen.items()])
    seen = (", ".join(map(in_papers_words, run.plan.recipe.content_layers)) for run in runs)
    experiments = [
        Experiment(run, f"content from {layer}", label) for run, layer, label in zip(runs, seen, LABELS, strict=False)
    ]

    def arrange(panels: Sequence[Panel]) -> Plate:
        given = map(Panel, materials.pictures, ("content image", "style image"))
        return Plate((Row((*given, *panels)),), 2 + len(runs), _footnote(materials, runs[0]), cell=1.7)

    return compared("layers", materials, experiments, arrange)


def prepare_tradeoff(
    content: ImageSource,
    style: ImageSource,
    recipe: Recipe | None = None,
    encoders: Encoders | None = None,
    *,
    ratios: Sequence[float] = RATIOS,
) -> Figure:
    """Transfers from noise: rows of ever more style layers, columns of an ever larger weight of the content.

    Raises: UsageError for a ratio that is not above 0, and as `prepare_materials`.
    Reference: Gatys, Ecker & Bethge 2015, figure 3, where the columns are alpha/beta = 1e-5, 1e-4, 1e-3, 1e-2.
    Differs: alpha/beta in `ratios` of the preset's own content weight / style weight, as the printed numbers depend on
    how losses are scaled; the steps between columns are the same tenfold ones.
    """
    if not ratios or not all(0 < ratio < float("inf") for ratio in ratios):
        raise UsageError(f"ratios are {', '.join(f'{r:g}' for r in ratios)}; each must be a number above 0.")
    recipe = replace(recipe or Recipe(), init="random")
    materials = prepare_materials([content, style], recipe, encoders)
    sets = dict.fromkeys(materials.nearest(FIVE_LAYERS[: number + 1]) for number in range(len(FIVE_LAYERS)))
    runs = _runs(materials, [_weighted(recipe, layers, ratio) for layers in sets for ratio in ratios])
    columns, weights = len(ratios), f"{recipe.content_weight:g}/{recipe.style_weight:g}"

    def arrange(panels: Sequence[Panel]) -> Plate:
        heading = (
            "content weight / style weight \N{GREEK SMALL LETTER ALPHA}/\N{GREEK SMALL LETTER BETA}, as a multiple of "
            f"{weights}, that of the preset {recipe.name}"
        )
        heads = Heads(tuple(f"\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}{ratio:g}" for ratio in ratios), heading)
        rows = (
            Row(tuple(panels[i : i + columns]), side=nested_in_words(list(runs[i].plan.recipe.style_layers)))
            for i in range(0, len(panels), columns)
        )
        footnote = _footnote(materials, runs[0], "Rows: layers that hold the style. ")
        return Plate((heads, *rows), columns, footnote, cell=1.5, side=0.75)

    return compared("tradeoff", materials, [Experiment(run) for run in runs], arrange)


def _runs(materials: Materials, recipes: Sequence[Recipe]) -> list[Run]:
    photograph, painting = materials.pictures
    return [materials.run(recipe, photograph, painting) for recipe in recipes]


def _weighted(recipe: Recipe, layers: Sequence[str], ratio: float) -> Recipe:
    """The recipe with these style layers, equally weighted, and its content `ratio` times as heavy."""
    share = sum(recipe.style_layers.values()) / len(layers) if not recipe.relative else 1.0
    return replace(recipe, style_layers=dict.fromkeys(layers, share), content_weight=recipe.content_weight * ratio)


def _footnote(materials: Materials, run: Run, rows: str = "") -> str:
    return (
        f"{materials.in_words()}. {rows}Each picture began as noise and took {run.plan.evaluations} evaluations. "
        "Below it: its content and style errors, without their weights."
    )
