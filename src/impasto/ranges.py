"""Ranges of settings: each function here makes a check that gives a value as it is kept, or says what is wrong with it.

A check is called with the setting's name and the value that was given; it may also read other spellings of the value.
"""

from __future__ import annotations

import math
import operator
import os
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from impasto.choices import ORIGINAL
from impasto.encoders.vgg import canonical_layer
from impasto.errors import UnknownNameError, UsageError

Check = Callable[[str, Any], Any]

_LARGEST_SIDE = 1_000_000  # pixels
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}


def number(least: float = 0.0, most: float = math.inf, *, above: float | None = None, rule: str = "") -> Check:
    """A finite number from `least` to `most`, or `above` a bound; `rule` is said of one that is not."""

    def check(name: str, value: Any) -> float:
        number = _as_number(name, value)
        if not (least <= number <= most and number < math.inf and (above is None or number > above)):
            raise UsageError(f"{name} is {number:g}; {rule or f'it must be a number of at least {least:g}.'}")
        return number

    return check


def whole(least: int = 1, most: int | None = None, *, rule: str = "") -> Check:
    """A whole number of at least `least`, and at most `most`."""

    def check(name: str, value: Any) -> int:
        try:
            if isinstance(value, bool):
                raise TypeError
            number = operator.index(value)
        except TypeError:
            example = f"it must be a whole number, such as {max(least, 1)}."
            raise UsageError(f"{name} is {reprlib.repr(value)}; {example}") from None
        if number < least or (most is not None and number > most):
            bound = f"at least {least}" if number < least else f"at most {most}"
            raise UsageError(f"{name} is {reprlib.repr(number)}; {rule or f'it must be {bound}.'}")
        return number

    return check


def one_of(kind: str, names: Iterable[str]) -> Check:
    """One of `names`; `kind` is the word for what is named."""
    choices = tuple(names)

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise UsageError(f"{name} is {value!r}; it must be one of {', '.join(choices)}.")
        if value not in choices:
            raise UnknownNameError(kind, value, choices)
        return value

    return check


def text(name: str, value: Any) -> str:
    """A text, or a path as one."""
    if not isinstance(value, str | os.PathLike):
        raise UsageError(f"{name} is {value!r}; it must be a text.")
    return os.fspath(value)


def named_by_torch(name: str, value: Any) -> str:
    """A text, or what PyTorch calls so: `torch.device("cuda:1")`, `torch.float32`."""
    return text(name, str(value).removeprefix("torch.") if type(value).__module__ == "torch" else value)


def truth(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool) and type(value).__name__ not in ("bool", "bool_"):  # NumPy's are called so
        raise UsageError(f"{name} is {value!r}; it must be True or False.")
    return bool(value)


def sides(name: str, value: Any) -> int | str | tuple[int, int]:
    """A long side in pixels, (width, height), or `original`; `512` and `640x480` are read too."""
    side = whole(1, _LARGEST_SIDE)
    if value == ORIGINAL:
        return ORIGINAL
    if isinstance(value, str):
        if not re.fullmatch(r"\d{1,9}(x\d{1,9})?", value, re.IGNORECASE):
            rule = "it must be pixels, such as 512, or WIDTHxHEIGHT, such as 640x480, or original."
            raise UsageError(f"{name} is {value!r}; {rule}")
        first, *second = map(int, value.lower().split("x"))
        value = (first, *second) if second else first
    if isinstance(value, Sequence):
        if len(value) != 2:
            raise UsageError(f"{name} is {value!r}; it must be (width, height) in pixels, such as (640, 480).")
        if 0 in value:
            raise UsageError(f"{name} is {value[0]}x{value[1]}; both sides must be at least 1 pixel.")
        return side(name, value[0]), side(name, value[1])
    pixels: int = side(name, value)
    return pixels


LARGEST_SHARES = 1e100  # in all; they are multiplied by counts


def shares(name: str, value: Any) -> tuple[float, ...]:
    """Numbers of at least 0, not all 0, in any unit."""
    parts = tuple(_as_number(name, each) for each in _entries(name, value, "numbers, such as (2, 1)"))
    if not parts or not (min(parts) >= 0 and 0 < sum(parts) < LARGEST_SHARES):
        raise UsageError(f"{name} are {', '.join(f'{each:g}' for each in parts)}; none may be below 0, and not all 0.")
    return parts


def three(each: Check) -> Check:
    """A tuple of three values that pass `each`."""

    def check(name: str, value: Any) -> tuple[Any, Any, Any]:
        if not isinstance(value, list | tuple) or len(value) != 3:
            raise UsageError(f"{name} is {value!r}; it must have three entries.")
        first, second, third = (each(name, entry) for entry in value)
        return first, second, third

    return check


def maybe(check: Check) -> Check:
    """None, or what passes `check`."""
    return lambda name, value: None if value is None else check(name, value)


def numbers(name: str, value: Any) -> dict[str, float]:
    """Numbers of at least 0 by their names; they may be infinite, and whole ones stay whole."""
    if not isinstance(value, Mapping):
        raise UsageError(f"{name} is {value!r}; it must be numbers by their names, such as {{'lr': 0.1}}.")
    for key, each in value.items():
        if not _as_number(f"{name}.{key}", each) >= 0 or not isinstance(each, int | float):
            raise UsageError(f"{name}.{key} is {each!r}; it must be a number of at least 0.")
    return dict(value)


def layers(name: str, value: Any) -> dict[str, float]:
    """`relu4_2`, `relu4_2=0.5` or {"relu4_2": 0.5} as {public name: weight}; `conv4_2` and `block4_conv2` are known."""
    if isinstance(value, Mapping):
        pairs = [(str(each), weight) for each, weight in value.items()]
    else:
        entries = _entries(name, value, "names of layers, such as ('relu4_2', 'relu5_1=0.5')")
        parts = [str(item).partition("=") for item in entries]
        pairs = [(layer.strip(), weight or 1) for layer, _, weight in parts]
    return {canonical_layer(layer): _layer_weight(name, layer, weight) for layer, weight in pairs}


def memory_size(name: str, value: Any) -> str:
    """`4GB`, `500 MB` or `1.5GiB`, as it is."""
    size = str(value) if type(value) is int else text(name, value)
    parse_bytes(size)
    return size


def parse_bytes(size: str) -> int:
    """`4GB`, `500 MB` or `1.5GiB` in bytes.

    Raises:
        UsageError: it is none of these.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]I?|)B?\s*", size.upper())
    count = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if match and not match[2] and 0 < count < _UNITS["M"]:
        raise UsageError(f"memory is {size!r}, which are bytes. Did you mean {size.strip()}GB?")
    if not 1 <= count < math.inf:
        raise UsageError(f"memory is {size!r}; it must be a size such as 4GB, 500MB or 1.5GiB.")
    return round(count)


def _entries(name: str, value: Any, rule: str) -> list[Any]:
    """The entries of anything that has some, but a text."""
    try:
        if isinstance(value, str):
            raise TypeError
        return list(value)
    except TypeError:
        raise UsageError(f"{name} is {value!r}; it must be {rule}.") from None


def _as_number(name: str, value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{name} is {reprlib.repr(value)}; it must be a number, such as 0.5.") from None


def _layer_weight(name: str, layer: str, weight: Any) -> float:
    with suppress(TypeError, ValueError, OverflowError):
        value = float(weight)
        if 0 <= value < math.inf:
            return value
    item = f"{layer}={weight}"
    raise UsageError(f"{name} has {item!r}: a layer's weight is a number of at least 0, as in {layer}=0.5.")
