"""What is said of a picture: its layers in the papers' words, and numbers: its distance from another, its losses."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from torch import Tensor

from impasto.devices import products
from impasto.encoders.vgg import canonical_layer
from impasto.run import Run
from impasto.targets import content_factor, style_factor

Measure = Callable[[Run, Tensor], Mapping[str, float]]
_SPACE = "\N{NO-BREAK SPACE}"


# Numbers ------------------------------------------------------------------------------------------------------------


def psnr(image: Tensor, reference: Tensor) -> float:
    """Peak signal-to-noise ratio in decibels of `image`, brought into [0, 1], against `reference`.  Shape: the same."""
    error = float((image.clamp(0, 1) - reference).square().mean())
    return math.inf if error == 0 else -10 * math.log10(error)


def reduction(run: Run, image: Tensor) -> dict[str, float]:
    """The share of its loss that the run took away from its start, at the size of the result."""
    level = run.plan.levels[-1]
    with products(run.plan.number_format):
        objective = run.problem.objective(level)
        first, last = (float(objective.evaluate(each).loss) for each in (run.problem.initial(level), image))
    return {"reduction": 1 - last / first}


def errors(run: Run, image: Tensor) -> dict[str, float]:
    """The content and the style terms of the picture, each added up; weights and strength do not count."""
    level, recipe = run.plan.levels[-1], run.plan.recipe
    with products(run.plan.number_format):
        sums = summed(run.problem.objective(level).evaluate(image).terms)
    factors = {"content": content_factor(recipe), "style": style_factor(recipe)}
    return {kind: sums[kind] / factor for kind, factor in factors.items() if kind in sums}


def summed(terms: Mapping[str, Tensor | float]) -> dict[str, float]:
    """Terms by kind: all layers of `content` added up, all of `style`, and so on."""
    sums: dict[str, float] = {}
    for name, value in terms.items():
        kind = name.split("/")[0]
        sums[kind] = sums.get(kind, 0.0) + float(value)
    return sums


# Words --------------------------------------------------------------------------------------------------------------


def in_words(measures: Mapping[str, float]) -> str:
    """`71.0 dB, loss -99.99 %`: what is known of a picture, briefly."""
    words = {name: f"{name}{_SPACE}{value:.2g}" for name, value in measures.items()}
    if "psnr" in words:
        words["psnr"] = f"{measures['psnr']:.1f}{_SPACE}dB"
    if "reduction" in words:
        percent = math.floor(measures["reduction"] * 1e4) / 100
        sign = "+" if percent < 0 else "\N{MINUS SIGN}"
        words["reduction"] = f"loss{_SPACE}{sign}{abs(percent):.2f}{_SPACE}%"
    return ", ".join(words.values())


def in_papers_words(layer: str) -> str:
    """`conv4_2` for `relu4_2`: the papers name a layer after its convolution, and mean the features after the ReLU."""
    return canonical_layer(layer).replace("relu", "conv")


def content_in_words(run: Run) -> str:
    """`conv4_2`, or all content layers of a run with commas."""
    return ", ".join(map(in_papers_words, run.plan.recipe.content_layers))


def style_in_words(run: Run) -> str:
    """`conv1_1`, then `conv1_1, 2_1`, then `conv1_1 ... 5_1`: the style layers of a run, shallow to deep."""
    first, *others = map(in_papers_words, run.plan.recipe.style_layers)
    if not others:
        return first
    return first + (", " if len(others) == 1 else " \N{HORIZONTAL ELLIPSIS} ") + others[-1].removeprefix("conv")
