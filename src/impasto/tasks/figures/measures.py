"""Numbers that belong to a finished picture: its distance from another, what became of its losses."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from torch import Tensor

from impasto.devices import products
from impasto.run import Run

Measure = Callable[[Run, Tensor], Mapping[str, float]]
_SPACE = "\N{NO-BREAK SPACE}"


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


def against(reference: Tensor) -> Measure:
    """The ratio to `reference`, and the reduction of the loss."""
    return lambda run, image: {"psnr": psnr(image.cpu(), reference), **reduction(run, image)}


def errors(run: Run, image: Tensor) -> dict[str, float]:
    """The content and the style terms of the picture, each side added up and without its weight."""
    level, recipe = run.plan.levels[-1], run.plan.recipe
    with products(run.plan.number_format):
        sums = summed(run.problem.objective(level).evaluate(image).terms)
    weights = {"content": recipe.content_weight, "style": recipe.style_weight}
    return {kind: sums[kind] / weight for kind, weight in weights.items() if kind in sums}


def summed(terms: Mapping[str, Tensor | float]) -> dict[str, float]:
    """Terms by kind: all layers of `content` added up, all of `style`, and so on."""
    sums: dict[str, float] = {}
    for name, value in terms.items():
        kind = name.split("/")[0]
        sums[kind] = sums.get(kind, 0.0) + float(value)
    return sums


def in_words(measures: Mapping[str, float]) -> str:
    """`71.0 dB, loss -99.99 %`: what is known of a picture, briefly."""
    words = {
        "psnr": lambda value: f"{value:.1f}{_SPACE}dB",
        "reduction": lambda value: f"loss{_SPACE}\N{MINUS SIGN}{math.floor(value * 1e4) / 100:.2f}{_SPACE}%",
    }
    return ", ".join(
        words[name](value) if name in words else f"{name}{_SPACE}{value:.2g}" for name, value in measures.items()
    )
