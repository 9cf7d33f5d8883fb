"""How the picture moves.

Every solver makes exactly one evaluation per step, at the image it is given, and answers with the next image to look
at; `result` is the image to keep. A solver holds no state of its own: what it remembers is in the state it returns.
Solvers are frozen dataclasses, states too; one that wraps another has it in its field `solver`.

    base.py         Solver: what all have in common
    first_order.py  Adam, RMSprop, SGD
    lbfgs.py        LBFGS
    wrappers.py     Averaged, InUnits, Clamped; `changed`, which reaches what they wrap
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from impasto.choices import SolverSpec
from impasto.errors import UsageError, named
from impasto.solvers.base import Solver, ValueAndGrad
from impasto.solvers.first_order import SGD, Adam, FirstOrderState, RMSprop
from impasto.solvers.lbfgs import LBFGS, LBFGSState, dot, two_loop
from impasto.solvers.wrappers import (
    Averaged,
    AveragedState,
    Clamped,
    InUnits,
    cautious,
    changed,
    history,
    with_history,
)

__all__ = [
    "LBFGS",
    "METHODS",
    "SGD",
    "STATES",
    "Adam",
    "Averaged",
    "AveragedState",
    "Clamped",
    "FirstOrderState",
    "InUnits",
    "LBFGSState",
    "RMSprop",
    "Solver",
    "ValueAndGrad",
    "cautious",
    "changed",
    "dot",
    "history",
    "solver_of",
    "two_loop",
    "with_history",
]

METHODS: Mapping[str, Callable[..., Solver]] = MappingProxyType(
    {"lbfgs": LBFGS, "adam": Adam, "rmsprop": RMSprop, "sgd": SGD}
)


def solver_of(spec: SolverSpec) -> Solver:
    """The solver that a recipe asks for.

    Raises:
        UsageError: no such method, or no such number of it.
    """
    method = named("solver", spec.method, METHODS)
    defaults = {name: value for name, value in vars(method()).items() if isinstance(value, int | float)}
    for name, value in spec.numbers.items():
        if isinstance(named("number", name, defaults), int) and (value < 1 or not isinstance(value, int)):
            raise UsageError(f"{name} of {spec.method} is {value}; it must be a whole number of at least 1.")
    solver = method(**spec.numbers)
    if spec.clamped:
        solver = Clamped(solver)
    if spec.averaged is not None:
        solver = Averaged(solver, spec.averaged)
    return solver if spec.units == 1 else InUnits(solver, spec.units)


STATES = (FirstOrderState, LBFGSState, AveragedState)
