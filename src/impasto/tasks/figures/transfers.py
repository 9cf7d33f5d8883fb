"""Transfers from noise, side by side: over content layers, and over style layers and the weight of content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Unpack

from impasto.errors import UsageError
from impasto.presets.preset import FIVE_LAYERS, Preset
from impasto.tasks.figures.figure import LABELS, Experiment, Figure, compared
from impasto.tasks.figures.materials import Loading, Materials, in_papers_words, nested_in_words, prepare_materials
from impasto.tasks.figures.panel import Panel
from impasto.tasks.figures.plate import Plate
from impasto.tasks.figures.row import Heads, Row
from impasto.tasks.run import Run
from impasto.tasks.settings import TransferConfig, parse_layers
from impasto.tasks.sources import ImageSource

LOW_AND_HIGH = ("relu2_2", "relu4_2")
RATIOS = (0.01, 0.1, 1.0, 10.0)


def prepare_layers(
    content: ImageSource, style: ImageSource, config: TransferConfig | None = None, **loading: Unpack[Loading]
) -> Figure:
    """The same transfer from noise for each of the config's content layers, or for `LOW_AND_HIGH`.

    A low layer keeps the photograph's pixels under the style's colors; a high one keeps what it shows, and lets edges
    and colors follow the style.

    Raises: as `prepare_materials`.
    Reference: Gatys, Ecker & Bethge 2016, figure 5.
    """
    config = replace(config or TransferConfig(), init="random")
    recipe, materials = config.recipe(), prepare_materials([content, style], config, **loading)
    layers = parse_layers(config.content_layers or LOW_AND_HIGH)
    recipes = [replace(recipe, content_layers={layer: weight}) for layer, weight in layers.items()]
    runs = _runs(materials, recipes, config)
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
    config: TransferConfig | None = None,
    *,
    ratios: Sequence[float] = RATIOS,
    **loading: Unpack[Loading],
) -> Figure:
    """Transfers from noise: rows of ever more style layers, columns of an ever larger weight of the content.

    Raises: UsageError for a ratio that is not above 0, and as `prepare_materials`.
    Reference: Gatys, Ecker & Bethge 2015, figure 3, where the columns are alpha/beta = 1e-5, 1e-4, 1e-3, 1e-2.
    Differs: alpha/beta in `ratios` of the preset's own content weight / style weight, as the printed numbers depend on
    how losses are scaled; the steps between columns are the same tenfold ones.
    """
    if not ratios or not all(0 < ratio < float("inf") for ratio in ratios):
        raise UsageError(f"ratios are {', '.join(f'{r:g}' for r in ratios)}; each must be a number above 0.")
    config = replace(config or TransferConfig(), init="random")
    recipe, materials = config.recipe(), prepare_materials([content, style], config, **loading)
    sets = dict.fromkeys(materials.nearest(FIVE_LAYERS[: number + 1]) for number in range(len(FIVE_LAYERS)))
    runs = _runs(materials, [_weighted(recipe, layers, ratio) for layers in sets for ratio in ratios], config)
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


def _runs(materials: Materials, recipes: Sequence[Preset], config: TransferConfig) -> list[Run]:
    photograph, painting = materials.pictures
    return [materials.run(recipe, photograph, painting, config.asked_layers()) for recipe in recipes]


def _weighted(recipe: Preset, layers: Sequence[str], ratio: float) -> Preset:
    """The recipe with these style layers, equally weighted, and its content `ratio` times as heavy."""
    share = sum(recipe.style_layers.values()) / len(layers) if not recipe.relative else 1.0
    return replace(recipe, style_layers=dict.fromkeys(layers, share), content_weight=recipe.content_weight * ratio)


def _footnote(materials: Materials, run: Run, rows: str = "") -> str:
    return (
        f"{materials.in_words()}. {rows}Each picture began as noise and took {run.plan.evaluations} evaluations. "
        "Below it: its content and style errors, without their weights."
    )
