"""What comes from elsewhere: JSON that is checked value by value, and names and text that can do no harm."""

from __future__ import annotations

import json
import math
import os
import re
import reprlib
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, is_dataclass
from functools import cache
from pathlib import PureWindowsPath
from types import UnionType
from typing import Annotated, Any, Final, Literal, NoReturn, TypeAlias, Union, get_args, get_origin, get_type_hints

from impasto.errors import UsageError

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

LONGEST: Final = 4096  # characters of a string
_DEEPEST: Final = 16  # plain values in plain values
_LARGEST: Final = 2**64  # of whole numbers; seeds have 64 bits
_LONGEST_NAME: Final = 255  # bytes, of a file
_UNSEEN: Final = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")  # control, direction and format, private, surrogates, separators


@dataclass(frozen=True)
class Untrusted:
    """A JSON value, and `where` it stands.  Each method returns it as what its name says.

    Raises:
        UsageError: it is something else; the message says where, what, and what it must be
    """

    value: object
    where: str = ""

    def refuse(self, rule: str) -> NoReturn:
        """Say that it must be what `rule` says."""
        shown = "missing" if self.value is None else printable(reprlib.repr(self.value))
        raise unusable(f"is damaged: {printable(self.where[-120:]) or 'it'} is {shown}; it must be {rule}")

    def __getitem__(self, name: str) -> Untrusted:
        """The field of that name, None if it is missing."""
        if not isinstance(self.value, dict):
            self.refuse("an object with fields")
        return Untrusted(self.value.get(name), f"{self.where}.{name}".lstrip("."))

    def entries(self, least: int, most: int) -> tuple[Untrusted, ...]:
        """The values of a list of so many."""
        if not isinstance(self.value, list) or not least <= len(self.value) <= most:
            self.refuse(f"a list of at {f'least {least}' if self.value == [] else f'most {most}'}")
        return tuple(Untrusted(each, f"{self.where}[{index}]") for index, each in enumerate(self.value))

    def fields(self, most: int) -> dict[str, Untrusted]:
        """The values of an object of at most `most` by their names."""
        if not isinstance(self.value, dict) or len(self.value) > most:
            self.refuse(f"an object of at most {most} fields")
        return {Untrusted(name, f"a name in {self.where}").text(): self[name] for name in self.value}

    def read(self, kind: Any) -> Any:
        """What `kind` describes: `Annotated` with its reader, literals, a dataclass, a named tuple; None beside one.

        A dataclass raises ValueError, with the rule, for fields that do not fit each other.
        """
        if get_origin(kind) in (Union, UnionType):
            return None if self.value is None else self.read(get_args(kind)[0])
        if get_origin(kind) is Annotated:
            return kind.__metadata__[0](self)
        if get_origin(kind) is Literal:
            return self.value if self.value in get_args(kind) else self.refuse(" or ".join(get_args(kind)))
        kinds = _kinds(kind)
        if is_dataclass(kind):
            parts = tuple(self[name] for name in kinds)
        elif isinstance(self.value, list) and len(self.value) == len(kinds):
            parts = self.entries(0, len(kinds))
        else:
            *others, last = kinds
            self.refuse(f"{', '.join(others)} and {last}")
        values = {name: part.read(kinds[name]) for name, part in zip(kinds, parts, strict=True)}
        try:
            return kind(**values)
        except ValueError as rule:
            self.refuse(str(rule))

    def text(self) -> str:
        """A string."""
        if not isinstance(self.value, str) or len(self.value) > LONGEST:
            self.refuse(f"a text of at most {LONGEST:,} characters")
        return self.value

    def flag(self) -> bool:
        """True or false."""
        return self.value if isinstance(self.value, bool) else self.refuse("true or false")

    def whole(self, least: int, most: int) -> int:
        """A whole number in a range."""
        if type(self.value) is not int or not least <= self.value <= most:
            self.refuse(f"a whole number from {least:,} to {most:,}")
        return self.value

    def number(self) -> float:
        """A finite number."""
        if isinstance(self.value, int | float) and not isinstance(self.value, bool):
            with suppress(OverflowError):  # a whole number beyond all floating-point numbers
                if math.isfinite(self.value):
                    return float(self.value)
        self.refuse("a finite number")

    def sha256(self) -> str:
        """A digest in hexadecimal digits."""
        if not re.fullmatch("[0-9a-f]{64}", self.text()):
            self.refuse("a sha256, of 64 hexadecimal digits")
        return self.text()

    def plain(self, depth: int = _DEEPEST) -> JSON:
        """Any value made of finite numbers, strings, lists and objects."""
        if isinstance(self.value, list) and depth:
            return [each.plain(depth - 1) for each in self.entries(0, LONGEST)]
        if isinstance(self.value, dict) and depth:
            return {name: each.plain(depth - 1) for name, each in self.fields(LONGEST).items()}
        if isinstance(self.value, str):
            return self.text()
        if self.value is None or isinstance(self.value, bool):
            return self.value
        if isinstance(self.value, int):
            return self.whole(-_LARGEST, _LARGEST)
        if isinstance(self.value, float):
            return self.number()
        self.refuse(f"finite numbers and texts, at most {_DEEPEST} deep")


def parsed(text: str) -> Any:
    """JSON as Python has it.

    Raises:
        ValueError: it is none, or is nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def unusable(problem: str) -> UsageError:
    """The error of a record with a `problem`."""
    return UsageError(f"The record of how the picture was made {problem}. Use a file as impasto wrote it.")


Reader: TypeAlias = Callable[[Untrusted], Any]


def whole(least: int, most: int) -> Reader:
    """Reads a whole number in a range."""
    return lambda value: value.whole(least, most)


def listed(kind: Any, least: int, most: int) -> Reader:
    """Reads a list of so many of a kind."""
    return lambda value: tuple(each.read(kind) for each in value.entries(least, most))


def named(kind: Any, most: int) -> Reader:
    """Reads an object whose values, at most so many, are of a kind."""
    return lambda value: {name: each.read(kind) for name, each in value.fields(most).items()}


@cache
def _kinds(kind: Any) -> dict[str, Any]:
    """The annotations of a class by the names of its fields."""
    return get_type_hints(kind, include_extras=True)


def safe_name(name: str) -> str | None:
    """The relative path under which a file that a record names may be looked for: nowhere but in a given folder.

    `name` itself if it stays within the folder, by the rules of any system; else its last component; None if that is
    no name of a file.
    """
    last = PureWindowsPath(name).name
    return next(filter(_stays_inside, (name, last, PureWindowsPath(last).name)), None)


def _stays_inside(name: str) -> bool:
    """Whether `name`, with `/` or `\\` between its parts, is a file's in a folder, or in one of that folder's."""
    path = PureWindowsPath(name)  # it knows drives, and takes both separators
    return not path.anchor and bool(path.parts) and all(map(_is_part, path.parts))


def _is_part(part: str) -> bool:
    """Whether a part of a path is a name: not `..`, which may end in dots and spaces."""
    try:
        long = len(os.fsencode(part)) > _LONGEST_NAME
    except UnicodeEncodeError:
        return False
    return not long and bool(part.strip(". ")) and not any(unicodedata.category(each) == "Cc" for each in part)


def printable(text: str) -> str:
    """`text` as a terminal may show it: control and escape characters, and what changes the direction, as `\\x1b`."""
    return "".join(_escaped(each) if unicodedata.category(each) in _UNSEEN else each for each in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
