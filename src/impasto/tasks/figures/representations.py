"""Content and style, layer by layer: figure 1 of Gatys, Ecker & Bethge 2015."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from torch import Tensor

from impasto.encoders.download import Progress
from impasto.errors import named
from impasto.tasks.figures.bench import Bench, in_papers_words, nested_in_words, prepare_bench
from impasto.tasks.figures.figure import LETTERS, Experiment, Figure, finished
from impasto.tasks.figures.measures import psnr, reduction
from impasto.tasks.figures.panel import Curve, Panel, original, pictures
from impasto.tasks.figures.plate import Network, Plate, Row, Stage
from impasto.tasks.reconstruct import ReconstructConfig
from impasto.tasks.run import Run
from impasto.tasks.sources import ImageSource

# The layers of the content reconstructions, by the paper they are those of; those of the styles are the same in both.
CONVENTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "2015": tuple(f"relu{block}_1" for block in range(1, 6)),
        "2016": tuple(f"relu{block}_2" for block in range(1, 6)),
    }
)
STYLE_LAYERS = CONVENTIONS["2015"]


def prepare_representations(
    content: ImageSource,
    style: ImageSource,
    config: ReconstructConfig | None = None,
    *,
    convention: str = "2015",
    download: bool = True,
    progress: Progress | None = None,
) -> Figure:
    """The content of one picture from each of five layers, the style of another from ever more of them.

    Each is a reconstruction from noise of its own.  Layers that the encoder does not have become the nearest it has.

    Reference: Gatys, Ecker & Bethge 2015, figure 1; 2016 has `conv1_2` ... `conv5_2` for the content.
    Differs: the style image keeps its own shape.

    Raises:
        UsageError: settings that cannot be met.
        ImageError, WeightsError: a picture or the weights cannot be read.
    """
    config = config or ReconstructConfig()
    layers = named("convention", convention, CONVENTIONS)
    bench = prepare_bench([content, style], replace(config, layers=layers), download=download, progress=progress)
    contents = [_content(bench, config, number, layer) for number, layer in enumerate(layers)]
    styles = [_style(bench, config, number) for number in range(len(STYLE_LAYERS))]
    experiments = [*styles, *contents]
    runs, seen = tuple(each.run for each in experiments), tuple(each.run for each in contents)
    return Figure("representations", bench, runs, partial(finished, experiments), partial(_plate, bench, seen))


def _content(bench: Bench, config: ReconstructConfig, number: int, layer: str) -> Experiment:
    picture = bench.pictures[0]
    run = bench.run(replace(config, representation="content", layers=(layer,)).recipe(), picture, None)
    (seen,) = run.plan.recipe.content_layers

    def measure(run: Run, image: Tensor) -> dict[str, float]:
        return {"psnr": psnr(image, picture), "reduction": reduction(run, image)}

    return Experiment(run, in_papers_words(seen), f"({LETTERS[number]})", measure)


def _style(bench: Bench, config: ReconstructConfig, number: int) -> Experiment:
    nested = STYLE_LAYERS[: number + 1]
    run = bench.run(replace(config, representation="style", layers=nested).recipe(), None, bench.pictures[1])

    def measure(run: Run, image: Tensor) -> dict[str, float]:
        return {"reduction": reduction(run, image)}

    return Experiment(run, nested_in_words(list(run.plan.recipe.style_layers)), f"({LETTERS[number]})", measure)


def _plate(bench: Bench, contents: Sequence[Run], panels: Sequence[Panel | Curve]) -> Plate:
    made, count = pictures(panels), len(STYLE_LAYERS)
    content, style = bench.pictures
    return Plate(
        (
            Row((original(style, "style image"), *made[:count]), heading="Style reconstructions"),
            Network(tuple(_stage(bench, run) for run in contents)),
            Row((original(content, "content image"), *made[count:]), heading="Content reconstructions"),
        ),
        columns=1 + count,
        size=bench.size,
        footnote=_footnote(bench, contents[0]),
    )


def _stage(bench: Bench, run: Run) -> Stage:
    """The layer that a content reconstruction looks at."""
    (layer,) = run.plan.recipe.content_layers
    info, (height, width) = bench.encoder.layers[layer], bench.pictures[0].shape[-2:]
    return Stage(in_papers_words(layer), info.channels, info.stride, (width // info.stride, height // info.stride))


def _footnote(bench: Bench, run: Run) -> str:
    return (
        f"{bench.in_words()}. Each picture began as white noise (\N{GREEK SMALL LETTER SIGMA} = "
        f"{run.plan.recipe.noise * 255:.3g}/255 around mid-gray) and took {run.plan.evaluations} evaluations. "
        "dB: peak signal-to-noise ratio against the content image; loss: its change from the noise to the picture."
    )
