"""What recipes can choose by name, and the small plain data that they hold: no network and no arithmetic here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

COLORS = ("style", "content", "luminance", "histogram", "match")
INITS = ("matched", "content", "instant", "random", "gray", "style")
INSTANT = "instant"  # an init that a network paints
BLANK = ("random", "gray")  # those that show nothing yet
WITHOUT_CONTENT = (*BLANK, "style")  # those that need no photograph
IMAGE = "image"  # an init that is a picture of its own
STYLE_LOSSES = ("gram", "gram+mean-std", "covariance", "wasserstein2", "gram+wasserstein2")
CONTENT_LOSSES = ("relative squared error", "mean squared error", "half squared sum", "squared sum")
SMOOTHNESS = ("total variation", "summed total variation", "keras total variation", "nine point variation")
RESAMPLERS = ("bicubic", "nearest", "opencv")
POOLINGS, PADDINGS = ("max", "average", "l2"), ("zeros", "reflect", "replicate", "circular")
WRAPS = ("x",)
DEVICES = ("auto", "cpu", "cuda", "mps", "xpu")
DTYPES = ("auto", "float32", "bfloat16", "tf32", "float64")
STOPS = ("converged",)
ALL_LAYERS = "*"
PATIENCE = 5  # times the usual evaluations, until a level has converged
MOST_LEVELS = 64
MOST_STYLES = 64  # with those of regions
MOST_EVALUATIONS = 10_000_000  # of a level
ORIGINAL = "original"  # a size: that of the picture itself
UNLIMITED = 10**9  # a usual size: that of the photograph, as no result is larger unless it is asked for
SWATCH = "swatch:"  # how the name of a picture begins that is drawn
VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".webm")  # files of clips that have text of any name
TRANSFER, TEXTURE, RECONSTRUCT = TASKS = ("transfer", "texture", "reconstruct")


@dataclass(frozen=True)
class SolverSpec:
    """A solver as plain data: `method` is lbfgs, adam, rmsprop or sgd, `numbers` those of it that are not its defaults.

    `units`: it sees the picture times this, as 255 for an 8-bit program. `clamped`: to [0, 1] after every step.
    `averaged`: the result is the moving average of its pictures, with this decay.
    """

    method: str = "lbfgs"
    numbers: Mapping[str, float] = field(default_factory=dict)
    units: float = 1.0
    clamped: bool = False
    averaged: float | None = None


SOLVERS: Mapping[str, SolverSpec] = MappingProxyType(
    {
        "lbfgs": SolverSpec(),
        "adam": SolverSpec("adam", clamped=True, averaged=0.95),
        "rmsprop": SolverSpec("rmsprop", {"lr": 5e-3}),
    }
)


@dataclass(frozen=True)
class Above:
    """What a recipe has otherwise at levels whose long side is above `size` pixels: `settings` by their names."""

    size: int
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Milestones:
    """What a program says and saves every `every` evaluations: `line` and `file` are formats of `done` and `loss`."""

    every: int
    line: str
    file: str
