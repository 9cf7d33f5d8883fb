"""Figures that compare runs: content and style layer by layer, transfers over layers and over weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import cycle
from string import ascii_lowercase
from typing import Final

from torch import Tensor

from impasto.errors import UsageError, named
from impasto.fitting import with_layers_of
from impasto.loading import Encoders
from impasto.preparation import Pictures, prepare
from impasto.presets.own import STUDY
from impasto.presets.published import FIVE_LAYERS
from impasto.ranges import layers as parsed_layers
from impasto.recipe import Recipe
from impasto.run import Run
from impasto.sources import ImageSource
from impasto.tasks.figures.bands import Heads, Network, Row, stage_of
from impasto.tasks.figures.captions import Measure, content_in_words, errors, psnr, reduction, style_in_words
from impasto.tasks.figures.figure import Event, Figure, Materials, prepare_materials
from impasto.tasks.figures.plate import Panel, Plate
from impasto.tasks.reconstruct import reconstruction_of

# The layers of the content reconstructions, by the paper they are those of; those of the styles are the same in both.
CONVENTIONS: Final = {"2015": FIVE_LAYERS, "2016": tuple(f"relu{block}_2" for block in range(1, 6))}
NESTED: Final = tuple(FIVE_LAYERS[: number + 1] for number in range(len(FIVE_LAYERS)))
LOW_AND_HIGH = ("relu2_2", "relu4_2")
RATIOS = (0.01, 0.1, 1.0, 10.0)
_NOISE = (
    "Each picture began as white noise (\N{GREEK SMALL LETTER SIGMA} = {sigma:.3g}/255 around mid-gray) and took "
    "{count} evaluations. dB: peak signal-to-noise ratio against the content image; loss: its change from the noise to "
    "the picture."
)
_TIMES = "\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}"
_ALPHA_OVER_BETA = "\N{GREEK SMALL LETTER ALPHA}/\N{GREEK SMALL LETTER BETA}"


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
    recipe, layers = recipe or reconstruction_of(STUDY), named("convention", convention, CONVENTIONS)
    materials = prepare_materials([content, style], recipe, encoders)
    photograph, painting = materials.pictures
    of_style, of_content = replace(recipe, content_layers={}), replace(recipe, style_layers={})
    sets = (replace(of_style, style_layers=dict.fromkeys(names, 1.0)) for names in NESTED)
    styles = [materials.run(each, None, painting) for each in sets]
    contents = [materials.run(replace(of_content, content_layers={name: 1.0}), photograph) for name in layers]

    def arrange(panels: Sequence[Panel]) -> Plate:
        content_image, style_image = materials.panels()
        seen = (layer for run in contents for layer in run.plan.recipe.content_layers)
        stages = tuple(stage_of(materials.encoder, layer, photograph) for layer in seen)
        bands = (
            Row((style_image, *panels[: len(styles)]), "Style reconstructions"),
            Network(stages),
            Row((content_image, *panels[len(styles) :]), "Content reconstructions"),
        )
        text = _NOISE.format(sigma=recipe.noise * 255, count=contents[0].plan.evaluations)
        return Plate(bands, 1 + len(contents), materials.footnote(text))

    def caption(run: Run) -> str:
        return content_in_words(run) if run.plan.recipe.content_layers else style_in_words(run)

    def measure(run: Run, image: Tensor) -> dict[str, float]:
        near = {"psnr": psnr(image.cpu(), photograph.pixels)} if run.plan.recipe.content_layers else {}
        return near | reduction(run, image)

    return _compared("representations", materials, (*styles, *contents), arrange, caption, measure, letters="abcde")


def prepare_layers(
    content: ImageSource,
    style: ImageSource,
    recipe: Recipe | None = None,
    encoders: Encoders | None = None,
    *,
    layers: Sequence[str] | None = None,
) -> Figure:
    """The same transfer from noise for each of `layers`, which must be there, or for `LOW_AND_HIGH`.

    A low layer keeps the photograph's pixels under the style's colors; a high one keeps what it shows, and lets edges
    and colors follow the style.

    Raises: as `prepare_materials`.
    Reference: Gatys, Ecker & Bethge 2016, figure 5.
    """
    recipe = replace(recipe or STUDY, init="random")
    materials = prepare_materials([content, style], recipe, encoders)
    chosen = parsed_layers("layers", layers or LOW_AND_HIGH)
    recipe = replace(recipe, required_layers=(*recipe.required_layers, *(chosen if layers else ())))
    recipes = (replace(recipe, content_layers={layer: weight}) for layer, weight in chosen.items())
    runs = [materials.run(each, *materials.pictures) for each in recipes]

    def arrange(panels: Sequence[Panel]) -> Plate:
        row = Row((*materials.panels(), *panels))
        return Plate((row,), 2 + len(runs), _footnote(materials, runs[0]), cell=1.7)

    def caption(run: Run) -> str:
        return f"content from {content_in_words(run)}"

    return _compared("layers", materials, runs, arrange, caption, letters=ascii_lowercase)


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
    recipe = replace(recipe or STUDY, init="random")
    materials = prepare_materials([content, style], recipe, encoders)
    nested = (
        with_layers_of(materials.encoder, replace(recipe, style_layers=dict.fromkeys(each, 1.0))) for each in NESTED
    )
    sets = dict.fromkeys(tuple(there.style_layers) for there, _ in nested)
    recipes = (_weighted(recipe, layers, ratio) for layers in sets for ratio in ratios)
    runs = [materials.run(each, *materials.pictures) for each in recipes]

    def arrange(panels: Sequence[Panel]) -> Plate:
        heading = (
            f"content weight / style weight {_ALPHA_OVER_BETA}, as a multiple of {recipe.content_weight:g}/"
            f"{recipe.style_weight:g}, that of the preset {recipe.name}"
        )
        heads = Heads(tuple(f"{_TIMES}{ratio:g}" for ratio in ratios), heading)
        starts = range(0, len(panels), len(ratios))
        rows = (Row(tuple(panels[i : i + len(ratios)]), side=style_in_words(runs[i])) for i in starts)
        footnote = _footnote(materials, runs[0], "Rows: layers that hold the style. ")
        return Plate((heads, *rows), len(ratios), footnote, cell=1.5, side=0.75)

    return _compared("tradeoff", materials, runs, arrange)


def prepare_sheet(
    content: ImageSource,
    styles: Sequence[ImageSource],
    recipes: Mapping[str, Recipe],
    encoders: Encoders | None = None,
) -> Figure:
    """Transfers side by side: a row for each of `styles`, a column for each of `recipes` under its name.

    Each is what a transfer at this size makes: it looks at the pictures themselves, not at the materials, which are as
    small as the panels.

    Raises: as `prepare_materials`.
    """
    materials = prepare_materials([content, *styles], next(iter(recipes.values())), encoders)
    at_size = [replace(recipe, size=materials.size) for recipe in recipes.values()]
    pairs = [(style, recipe) for style in styles for recipe in at_size]
    runs = [prepare(recipe, Pictures(content, [style]), materials.encoders) for style, recipe in pairs]

    def arrange(panels: Sequence[Panel]) -> Plate:
        starts = range(0, len(panels), len(recipes))
        made = [tuple(panels[start : start + len(recipes)]) for start in starts]
        rows = (Row((Panel(style.pixels), *row)) for style, row in zip(materials.pictures[1:], made, strict=True))
        footnote = f"{materials.size} px. Below each picture: its content and style errors, without their weights."
        return Plate((Heads(("style", *recipes), ""), *rows), 1 + len(recipes), footnote, cell=1.5)

    return _compared("sheet", materials, runs, arrange)


def _compared(
    name: str,
    materials: Materials,
    runs: Sequence[Run],
    arrange: Callable[[Sequence[Panel]], Plate],
    caption: Callable[[Run], str] = lambda run: "",
    measure: Measure = errors,
    letters: str = "",
) -> Figure:
    """The figure of runs that are carried out one after another; the result of each is a panel."""

    def events() -> Iterator[Event]:
        for run, label in zip(runs, cycle([f"({letter})" for letter in letters] or [""]), strict=False):
            for step in run:
                yield Event(step)
            image = run.full_size(step.image)
            yield Event(panel=Panel(image, caption(run), label, measure(run, image)))

    return Figure(name, materials, tuple(runs), events, arrange)


def _weighted(recipe: Recipe, layers: Sequence[str], ratio: float) -> Recipe:
    """The recipe with these style layers, equally weighted, and its content `ratio` times as heavy."""
    share = sum(recipe.style_layers.values()) / len(layers) if not recipe.relative else 1.0
    return replace(recipe, style_layers=dict.fromkeys(layers, share), content_weight=recipe.content_weight * ratio)


def _footnote(materials: Materials, run: Run, rows: str = "") -> str:
    return materials.footnote(
        f"{rows}Each picture began as noise and took {run.plan.evaluations} evaluations. "
        "Below it: its content and style errors, without their weights."
    )
