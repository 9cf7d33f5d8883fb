"""What can go wrong, as a tree.

An error's message states the value, the rule and the remedy.  The command line exits with 2 for a UsageError and what
is one, with 1 for every other ImpastoError.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

T = TypeVar("T")


class ImpastoError(Exception):
    """Base of everything impasto raises on purpose."""


class UsageError(ImpastoError, ValueError):
    """The request itself cannot be met; also a ValueError."""


class UnknownNameError(UsageError):
    """A name that is in no list.  The message names the closest match and all the choices.

    `kind` is the word for what is named, such as `layer`; `of`, if given, says where the choices come from.
    """

    def __init__(self, kind: str, name: str, choices: Iterable[str], of: str = ""):
        self.name = name
        self.choices = tuple(choices)
        where = f" for {of}" if of else ""
        hint = closest(name, self.choices)
        super().__init__(f"Unknown {kind} {name!r}{where}{hint}. {_plural(kind)}: {', '.join(self.choices)}.")


class MissingFileError(UsageError):
    """An input path that is not there, or an output folder that is not."""


class ImageError(ImpastoError):
    """A file that is no readable image, or an image that is too large or too small.

    `detail` is what a decoder said, if the message has that in parentheses.
    """

    def __init__(self, message: str, detail: str = ""):
        self.detail = detail
        super().__init__(message)


class WeightsError(ImpastoError):
    """A weight file that cannot be had or used."""


class NotDownloadedError(WeightsError):
    """Weights that are not on this computer, where nothing may be downloaded."""


class OutputError(ImpastoError):
    """A result that cannot be written."""


class CheckpointError(ImpastoError):
    """A checkpoint that cannot be written, read or used."""


class TeamError(ImpastoError):
    """Another process of the same run that does not answer, or cannot do its part."""


class PartError(ImpastoError):
    """What this process of a run cannot do, while others before it can."""


class DivergedError(ImpastoError):
    """The optimisation left the finite numbers."""


def named(kind: str, name: str, choices: Mapping[str, T]) -> T:
    """What is called `name` among `choices`.

    Raises:
        UnknownNameError: nothing is.
    """
    if name not in choices:
        raise UnknownNameError(kind, name, choices)
    return choices[name]


def closest(name: str, choices: Iterable[str]) -> str:
    """`; the closest is 'relu4_4'`, or nothing if none of `choices` is close to `name`."""
    close = get_close_matches(name.lower(), list(choices), n=1, cutoff=0.5)
    return f"; the closest is {close[0]!r}" if close else ""


def _plural(word: str) -> str:
    """`Layers` for `layer`, `Swatches` for `swatch`."""
    if word.endswith("y"):
        return word[:-1].capitalize() + "ies"
    return word.capitalize() + ("es" if word.endswith(("s", "ch", "x")) else "s")
