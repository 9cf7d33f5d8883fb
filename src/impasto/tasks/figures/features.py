"""Feature maps and Gram matrices of one picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from impasto.encoders.download import Progress
from impasto.presets.preset import FIVE_LAYERS
from impasto.schedule import Level
from impasto.statistics import at_least_float32, moments
from impasto.tasks.figures.bench import Bench, in_papers_words, prepare_bench
from impasto.tasks.figures.figure import Figure
from impasto.tasks.figures.panel import Curve, Panel, original, pictures
from impasto.tasks.figures.plate import Plate, Row
from impasto.tasks.fitting import check_sizes, fitted
from impasto.tasks.reconstruct import ReconstructConfig
from impasto.tasks.sources import ImageSource

MAPS = 6


def prepare_features(
    image: ImageSource,
    config: ReconstructConfig | None = None,
    *,
    download: bool = True,
    progress: Progress | None = None,
) -> Figure:
    """The liveliest maps of each of the config's layers, or of relu1_1 ... relu5_1, and the layers' Gram matrices.

    Raises:
        UsageError: settings that cannot be met.
        ImageError, WeightsError: the picture or the weights cannot be read.
    """
    config = config or ReconstructConfig()
    bench = prepare_bench([image], config, download=download, progress=progress)
    chosen = replace(config, representation="style", layers=config.layers or FIVE_LAYERS)
    recipe, notes = fitted(chosen.recipe(), bench.encoder, config.asked_layers())
    layers, (height, width) = tuple(recipe.style_layers), bench.pictures[0].shape[-2:]
    check_sizes(bench.encoder, recipe, Level(height, width, 1), [], 1.0)
    bench = replace(bench, notes=(*bench.notes, *notes))
    return Figure("features", bench, (), partial(_panels, bench, layers), partial(_plate, bench, layers))


def _panels(bench: Bench, layers: Sequence[str]) -> Iterator[Panel]:
    """Layer by layer, the maps and then the Gram matrix."""
    image = bench.pictures[0]
    for layer, features in bench.encoder(image, layers).items():
        f = at_least_float32(features).cpu()
        for channel in liveliest(f, MAPS):
            pixel = bench.encoder.layers[layer].stride
            yield Panel(shaded(f[:, channel : channel + 1]), caption=str(channel), label=layer, pixel=pixel)
        gram = moments(f).gram[None]
        yield Panel(shaded(gram).sqrt(), "Gram matrix", layer, palette="magma", pixel=image.shape[-2] / gram.shape[-1])


def liveliest(features: Tensor, count: int) -> list[int]:
    """The channels with the greatest variance over positions, at most `count`.  Shape: features (1, C, H, W)."""
    variance = features[0].flatten(1).var(1, correction=0)
    chosen: list[int] = variance.argsort(descending=True, stable=True)[:count].tolist()
    return chosen


def shaded(values: Tensor) -> Tensor:
    """Values of at least 0 as shades: their maximum is 1."""
    return values / torch.clamp(values.max(), min=1e-12)


def _plate(bench: Bench, layers: Sequence[str], items: Sequence[Panel | Curve]) -> Plate:
    panels = pictures(items)
    return Plate(
        (
            Row((original(bench.pictures[0], "image"), *[None] * MAPS)),
            *(_row(bench, layer, [panel for panel in panels if panel.label == layer]) for layer in layers),
        ),
        columns=MAPS + 1,
        size=bench.size,
        footnote=f"{bench.in_words()}. The {MAPS} maps of each layer that vary most, with their channels: "
        "black is 0, white each map's maximum. Gram matrices: roots of the mean products of channels, black is 0.",
    )


def _row(bench: Bench, layer: str, panels: Sequence[Panel]) -> Row:
    info, (height, width) = bench.encoder.layers[layer], bench.pictures[0].shape[-2:]
    heading = (
        f"{in_papers_words(layer)}: {info.channels} channels of "
        f"{width // info.stride}\N{MULTIPLICATION SIGN}{height // info.stride}"
    )
    maps, gram = [replace(panel, label="") for panel in panels[:-1]], replace(panels[-1], label="")
    return Row((*maps, *[None] * (MAPS - len(maps)), gram), heading=heading)
