"""The settings that a page can offer, as the fields of a Recipe describe themselves: a new one needs nothing here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from impasto import swatches
from impasto.choices import TRANSFER, UNLIMITED
from impasto.presets import PRESETS
from impasto.recipe import SETTINGS, Recipe

# What opens or writes files, or lifts a limit, is not for whoever asks over HTTP; and no clips are painted here.
WITHHELD = (
    "weights",
    "max_pixels",
    "extra_terms",
    "milestones",
    "temporal_weight",
    "frame_iterations",
    "keyframe_interval",
)
_KINDS = {
    "int": "whole",
    "float": "number",
    "bool": "switch",
    "tuple[float, ...]": "numbers",
    "float | tuple[float, ...]": "numbers",
    "Mapping[str, float]": "layers",
    "str": "text",
    "SolverSpec": "text",
}
# The first setting of each group, in the order of a recipe's fields.
_GROUPS = {"size": "picture", "content_layers": "method", "encoder": "network", "solver": "way", "device": "machine"}
_NAMED = (*SETTINGS, "preset", "texture", "keep", "region")
_OPTION = re.compile(rf"(?<![\w-])--({'|'.join(_NAMED).replace('_', '-')})(?![\w-])")


def without_dashes(text: str) -> str:
    """A sentence that speaks of the command's options, `--style-scale`, with the settings' names: `style_scale`."""
    return _OPTION.sub(lambda found: found[1].replace("-", "_"), text)


def settings(kind: type[Recipe] = Recipe) -> list[dict[str, Any]]:
    """Each setting of a recipe that is offered: its name, kind, sentence, group, and what it can be."""
    group, found = "", list[dict[str, Any]]()
    for each in fields(kind):
        about, words = each.metadata, str(each.type).removesuffix(" | None")
        group = _GROUPS.get(each.name, group)
        if about.get("help") and TRANSFER in about["only"] and each.name not in WITHHELD:
            names, read = [name for name in about["choices"] if name], _KINDS.get(words, "text")
            free = read == "text" and "int" in words  # a size is a number or a word
            shown = "choice" if names and read == "text" else read
            found.append({"name": each.name, "kind": shown, "group": group, "free": free})
            found[-1] |= {"help": without_dashes(about["help"]), "choices": names}
            found[-1] |= {"picture": "FILE" in str(about["metavar"])}  # so that an id may be said
    return found


OFFERED = tuple(each["name"] for each in settings())


def presets() -> list[dict[str, Any]]:
    """Each preset: what it is, and its settings as far as they are offered."""
    return [
        {"name": each.name, "summary": each.summary, "source": each.source, "settings": dict(_shown(each))}
        for each in PRESETS.values()
    ]


def _shown(recipe: Recipe) -> Iterator[tuple[str, Any]]:
    """The settings of a recipe; what is None in it as it will be."""
    values = recipe.to_json()
    own = {"size": None if recipe.usual_size == UNLIMITED else recipe.usual_size}
    own |= {"iterations": recipe.pyramid.evaluations}
    for name in OFFERED:
        value = values.get(name)
        value = own.get(name) if value is None else value
        yield name, short(value)


def short(value: Any) -> Any:
    """A setting's value as it is said: a solver by its method."""
    return value["method"] if isinstance(value, Mapping) and "method" in value else value


def drawn() -> list[dict[str, str]]:
    """Each swatch: its name, and what it looks like."""
    return [{"name": name, "about": swatches.describe(name)} for name in swatches.names()]
