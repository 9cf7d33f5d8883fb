"""Style layers against the weight of content: figure 3 of Gatys, Ecker & Bethge 2015."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from impasto.encoders.download import Progress
from impasto.errors import UsageError
from impasto.presets.preset import FIVE_LAYERS, Preset
from impasto.tasks.figures.bench import nested_in_words, prepare_bench
from impasto.tasks.figures.figure import Experiment, Figure, finished
from impasto.tasks.figures.panel import Curve, Panel, pictures
from impasto.tasks.figures.plate import Heads, Plate, Row
from impasto.tasks.settings import TransferConfig
from impasto.tasks.sources import ImageSource

RATIOS = (0.01, 0.1, 1.0, 10.0)


def prepare_tradeoff(
    content: ImageSource,
    style: ImageSource,
    config: TransferConfig | None = None,
    *,
    ratios: Sequence[float] = RATIOS,
    download: bool = True,
    progress: Progress | None = None,
) -> Figure:
    """Transfers from noise: rows of ever more style layers, columns of an ever larger weight of the content.

    Reference: Gatys, Ecker & Bethge 2015, figure 3, where the columns are alpha/beta = 1e-5, 1e-4, 1e-3, 1e-2.
    Differs: alpha/beta in `ratios` of the preset's own content weight / style weight, as the printed numbers depend on
    how losses are scaled; the steps between columns are the same tenfold ones.

    Raises:
        UsageError: settings that cannot be met.
        ImageError, WeightsError: a picture or the weights cannot be read.
    """
    config = config or TransferConfig()
    if not ratios or not all(0 < ratio < float("inf") for ratio in ratios):
        raise UsageError(f"ratios are {', '.join(f'{r:g}' for r in ratios)}; each must be a number above 0.")
    recipe = replace(config, init="random").recipe()
    bench = prepare_bench([content, style], config, download=download, progress=progress)
    photograph, painting = bench.pictures
    sets = [bench.nearest(FIVE_LAYERS[: number + 1]) for number in range(len(FIVE_LAYERS))]
    experiments = [
        Experiment(bench.run(_weighted(recipe, layers, ratio), photograph, painting, config.asked_layers()))
        for layers in dict.fromkeys(sets)
        for ratio in ratios
    ]
    runs = tuple(experiment.run for experiment in experiments)

    def arrange(items: Sequence[Panel | Curve]) -> Plate:
        panels, columns = pictures(items), len(ratios)
        rows = [panels[i : i + columns] for i in range(0, len(panels), columns)]
        sides = [nested_in_words(list(runs[i].plan.recipe.style_layers)) for i in range(0, len(runs), columns)]
        heading = (
            "content weight / style weight \N{GREEK SMALL LETTER ALPHA}/\N{GREEK SMALL LETTER BETA}, as a multiple of "
            f"{recipe.content_weight:g}/{recipe.style_weight:g}, that of the preset {recipe.name}"
        )
        heads = Heads(tuple(f"\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}{ratio:g}" for ratio in ratios), heading)
        return Plate(
            (heads, *(Row(row, side=side) for row, side in zip(rows, sides, strict=True))),
            columns=columns,
            size=bench.size,
            footnote=f"{bench.in_words()}. Rows: layers that hold the style. Each picture began as noise and took "
            f"{runs[0].plan.evaluations} evaluations. Below it: its content and style errors, without their weights.",
            cell=1.5,
        )

    return Figure("tradeoff", bench, runs, partial(finished, experiments), arrange)


def _weighted(recipe: Preset, layers: Sequence[str], ratio: float) -> Preset:
    """The recipe with these style layers, equally weighted, and its content `ratio` times as heavy."""
    share = sum(recipe.style_layers.values()) / len(layers) if not recipe.relative else 1.0
    return replace(recipe, style_layers=dict.fromkeys(layers, share), content_weight=recipe.content_weight * ratio)
