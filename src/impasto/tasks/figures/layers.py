"""Content in a low layer against content in a high one: figure 5 of Gatys, Ecker & Bethge 2016."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from impasto.encoders.download import Progress
from impasto.tasks.figures.bench import in_papers_words, prepare_bench
from impasto.tasks.figures.figure import LETTERS, Experiment, Figure, finished
from impasto.tasks.figures.panel import Curve, Panel, original, pictures
from impasto.tasks.figures.plate import Plate, Row
from impasto.tasks.settings import TransferConfig, parse_layers
from impasto.tasks.sources import ImageSource

LOW_AND_HIGH = ("relu2_2", "relu4_2")


def prepare_layers(
    content: ImageSource,
    style: ImageSource,
    config: TransferConfig | None = None,
    *,
    download: bool = True,
    progress: Progress | None = None,
) -> Figure:
    """The same transfer from noise for each of the config's content layers, or for `LOW_AND_HIGH`.

    A low layer keeps the photograph's pixels under the style's colors; a high one keeps what it shows, and lets edges
    and colors follow the style.

    Reference: Gatys, Ecker & Bethge 2016, figure 5.

    Raises:
        UsageError: settings that cannot be met.
        ImageError, WeightsError: a picture or the weights cannot be read.
    """
    config = config or TransferConfig()
    recipe = replace(config, init="random").recipe()
    bench = prepare_bench([content, style], config, download=download, progress=progress)
    photograph, painting = bench.pictures
    layers = list(parse_layers(config.content_layers or LOW_AND_HIGH).items())
    runs = tuple(
        bench.run(replace(recipe, content_layers=dict([layer])), photograph, painting, config.asked_layers())
        for layer in layers
    )
    seen = [", ".join(in_papers_words(layer) for layer in run.plan.recipe.content_layers) for run in runs]
    experiments = [
        Experiment(run, f"content from {layer}", f"({letter})")
        for run, layer, letter in zip(runs, seen, LETTERS, strict=False)
    ]

    def arrange(items: Sequence[Panel | Curve]) -> Plate:
        given = original(photograph, "content image"), original(painting, "style image")
        return Plate(
            (Row((*given, *pictures(items))),),
            columns=2 + len(runs),
            size=bench.size,
            footnote=f"{bench.in_words()}. Each picture began as noise, with {runs[0].plan.evaluations} evaluations. "
            "Below it: its content and style errors, without their weights.",
            cell=1.7,
        )

    return Figure("layers", bench, runs, partial(finished, experiments), arrange)
