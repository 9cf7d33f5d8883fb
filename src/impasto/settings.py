"""What makes a field of a recipe a setting: its default, its check, and the sentence that help has for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, field, is_dataclass
from typing import Any

from impasto import ranges
from impasto.choices import MOST_EVALUATIONS, MOST_LEVELS, SOLVERS, TASKS, Above, Milestones, SolverSpec
from impasto.encoders.preprocessing import Preprocessing
from impasto.errors import UsageError, named
from impasto.schedule import Pyramid

# How many evaluations there are, told of a recipe.
EVALUATIONS = "{recipe.pyramid.evaluations} up to {recipe.usual_size} px, more beyond"


def setting(
    default: Any,
    check: ranges.Check,
    help: str = "",
    *,
    only: Sequence[str] = TASKS,
    shown: str = "",
    metavar: str = "",
    varies: bool = False,
    choices: Iterable[str] = (),
) -> Any:
    """A field with its default, the check that its values pass, and a sentence for people.

    None passes where the field's type has it, and help tells it as `shown`, which may name fields of the `recipe`.
    `only` says which tasks have the setting, `metavar` what help calls its values, `varies` that it may be another at
    another size. `choices` are names that it can have, which the sentence may list as `{choices}`.
    """
    *most, last = names = tuple(choices) or ("",)
    help = help.replace("{choices}", f"{', '.join(most)} or {last}")
    about = {"check": check, "help": help, "only": only, "shown": shown, "metavar": metavar, "varies": varies}
    about["choices"] = names
    if isinstance(default, Mapping):
        return field(default_factory=lambda: dict(default), metadata=about)
    return field(default=default, metadata=about)


def dataclass_of(kind: type, **parts: ranges.Check) -> ranges.Check:
    """A check for a small dataclass of `parts`, which may be given as the mapping that JSON made of it."""

    def check(name: str, value: Any) -> Any:
        given = vars(value) if isinstance(value, kind) else value
        if not isinstance(given, Mapping):
            raise UsageError(f"{name} is {value!r}; it must be a {kind.__name__}.")
        checked = {part: named(f"field of {name}", part, parts)(f"{name}.{part}", given[part]) for part in given}
        try:
            return kind(**checked)
        except TypeError as missing:
            raise UsageError(f"{name} cannot be made of {value!r}: {missing}.") from missing

    return check


preprocessing = dataclass_of(
    Preprocessing, matrix=ranges.three(ranges.three(ranges.number(-1e9))), offset=ranges.three(ranges.number(-1e9))
)
pyramid = dataclass_of(
    Pyramid,
    smallest=ranges.whole(),
    factor=ranges.number(1.01, 1000, rule="it must be from 1.01 to 1000."),
    shares=ranges.shares,
    most=ranges.whole(1, MOST_LEVELS),
    evaluations=ranges.whole(1, MOST_EVALUATIONS),
    fewest=ranges.whole(1, MOST_LEVELS),
)


def varying(every: Callable[[], Mapping[str, Mapping[str, Any]]]) -> ranges.Check:
    """A check for settings that vary, by their names, as `every` setting says of itself."""

    def check(part: str, given: Any) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            raise UsageError(f"{part} is {given!r}; it must tell settings by their names.")
        checks = {name: about["check"] for name, about in every().items() if about["varies"]}
        known = {name: named(f"setting of {part.partition('.')[0]}", name, checks) for name in given}
        return {name: None if given[name] is None else check(name, given[name]) for name, check in known.items()}

    return check


def by_size(every: Callable[[], Mapping[str, Mapping[str, Any]]]) -> ranges.Check:
    """A check for what differs above sizes that rise: settings that vary, as `every` setting says of itself."""

    entry = dataclass_of(Above, size=ranges.whole(), settings=varying(every))

    def check(name: str, value: Any) -> tuple[Above, ...]:
        if not isinstance(value, list | tuple):
            raise UsageError(f"{name} is {value!r}; it must be a list of Above(size, settings).")
        entries = tuple(entry(name, each) for each in value)
        sizes = [each.size for each in entries]
        if sizes != sorted(set(sizes)):
            raise UsageError(f"{name} has the sizes {sizes}; each must be larger than the one before.")
        return entries

    return check


milestones = dataclass_of(Milestones, every=ranges.whole(), line=ranges.text, file=ranges.text)
spec = dataclass_of(
    SolverSpec,
    method=ranges.text,
    numbers=ranges.numbers,
    units=ranges.number(above=0),
    clamped=ranges.truth,
    averaged=ranges.maybe(ranges.number(0, 1)),
)


def solver(name: str, value: Any) -> Any:
    """The check for a solver, which may be given by its name."""
    return SOLVERS[ranges.one_of("solver", SOLVERS)(name, value)] if isinstance(value, str) else spec(name, value)


def terms(name: str, value: Any) -> tuple[Any, ...]:
    """The check for terms of a caller's own."""
    try:
        given = tuple(value)
    except TypeError:
        raise UsageError(f"{name} is {value!r}; it must be a list of terms.") from None
    for term in given:
        if not all(hasattr(term, part) for part in ("name", "weight", "needs", "value")):
            raise UsageError(f"{name} has {term!r}, which is no term; see impasto.PixelTerm and impasto.FeatureTerm.")
        ranges.number(-math.inf)(f"the weight of {term.name}", term.weight)
    return given


weight = ranges.number()


def without(entries: Sequence[Above], changes: Mapping[str, Any]) -> tuple[Above, ...]:
    """`entries` without what `changes` say of every size."""
    left = (Above(each.size, unsaid(each.settings, changes)) for each in entries)
    return tuple(each for each in left if each.settings)


def unsaid(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`values` without those in `changes`; whoever names a network means it always."""
    named = any(name in changes for name in ("encoder", "weights"))
    return {} if named else {name: value for name, value in values.items() if name not in changes}


OF_THE_MACHINE = ("device", "memory", "max_pixels")  # settings that do not shape a picture


def shaping(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that tell one picture from another, of a recipe as JSON has it."""
    return {name: value for name, value in values.items() if name not in OF_THE_MACHINE}


# As JSON ------------------------------------------------------------------------------------------------------------


def to_json(value: Any) -> Any:
    """A setting's value as plain JSON values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: to_json(each) for name, each in asdict(value).items()}
    if isinstance(value, Mapping):
        return {name: to_json(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def from_json(value: Any) -> Any:
    """What `to_json` gave, as a setting's check takes it."""
    if isinstance(value, list):
        return tuple(from_json(each) for each in value)
    if isinstance(value, Mapping):
        return {name: from_json(each) for name, each in value.items()}
    return float(value) if value in ("inf", "-inf") else value
