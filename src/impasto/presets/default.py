"""Our own preset, and what can be asked for by name in place of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from impasto.losses import (
    MomentLoss,
    covariance_error,
    gram_error,
    mean_std_error,
    relative_squared_error,
    wasserstein2,
)
from impasto.presets.preset import Preset
from impasto.schedule import Converged, Pyramid
from impasto.solvers import LBFGS, Adam, Averaged, Clamped, RMSprop, Solver

# Style losses by the name they have on the command line: which moment losses are added up.
STYLE_LOSSES: Mapping[str, tuple[MomentLoss, ...]] = MappingProxyType(
    {
        "gram": (gram_error,),
        "gram+mean-std": (gram_error, mean_std_error),
        "covariance": (covariance_error,),
        "wasserstein2": (wasserstein2,),
        "gram+wasserstein2": (gram_error, wasserstein2),
    }
)
SOLVERS: Mapping[str, Solver] = MappingProxyType(
    {
        "lbfgs": LBFGS(),
        "adam": Averaged(Clamped(Adam()), decay=0.95),
        "rmsprop": RMSprop(lr=5e-3),
    }
)

# When a level is done before its evaluations are.
STOPS: Mapping[str, Converged] = MappingProxyType({"converged": Converged()})

DEFAULT = Preset(
    name="default",
    summary="A good picture in seconds: all layers of the built-in encoder, Gram, mean and std, coarse to fine.",
    source="chosen by measurement, see docs/decisions/0004-default-objective.md",
    encoder="compact",
    content_layers={"relu4_2": 1.0},
    content_loss=relative_squared_error,
    style_layers={"*": 1.0},
    style_losses=(gram_error, mean_std_error),
    style_weight=8.0,
    relative=True,
    range_weight=100.0,
    init="matched",
    detail=1.0,
    solver=LBFGS(history=10),
    schedule=Pyramid(smallest=128, factor=2.0, shares=(3, 3, 4, 3)),
    iterations=90,
    dtype="auto",
)
# Large forms that no content gives have to be found while the picture is small.
DEFAULT_FROM_NOISE = replace(DEFAULT, schedule=replace(DEFAULT.schedule, shares=(10, 7, 4, 2)), iterations=210)
