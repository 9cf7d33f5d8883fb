"""Options of the commands that make pictures.

Those of a recipe's settings are made of the settings themselves: the name, the type, the sentence and the default stand
in `impasto.recipe`, and a command names what it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import Any

import click
import cloup

from impasto.cli.parameters import Names, Numbers, debug_option
from impasto.cli.words import words
from impasto.presets import preset
from impasto.recipe import SETTINGS, Recipe
from impasto.request import asked

Decorator = Callable[[Any], Any]

_TYPES = {each.name: str(each.type).partition(" | ")[0] for each in fields(Recipe)}
_KINDS: Mapping[str, Mapping[str, Any]] = {
    "int": {"type": click.INT, "metavar": "N"},
    "float": {"type": click.FLOAT, "metavar": "X"},
    "bool": {"is_flag": True, "default": None},
    "tuple[float, ...]": {"type": Numbers()},
    "Mapping[str, float]": {"type": Names()},
}
_TEXT = {"type": click.STRING, "metavar": "NAME"}
_LETTERS = {"strength": ["-s"]}
_NETWORK = ("encoder", "weights", "pooling", "padding")
_OPTIMISATION = ("iterations", "until", "levels", "solver", "seed", "device", "dtype", "memory")


# Settings of a recipe -----------------------------------------------------------------------------------------------


def flag(name: str, default: str = "", **other: Any) -> Decorator:
    """The option of a recipe's setting, whose help tells this `default`; `other` arguments of it differ from the usual.

    Its value is None where it is not given: as the preset has it.
    """
    about = SETTINGS[name]
    usual = dict(_KINDS.get(_TYPES[name], _TEXT)) | {"help": about["help"]}
    if about["metavar"]:
        usual["metavar"] = about["metavar"]
    option = usual | other
    if default:
        option["help"] += f"  [default: {default}]"
    return cloup.option(*_LETTERS.get(name, ()), "--" + name.replace("_", "-"), name, **option)


def default_of(base: Recipe, name: str, shown: str = "") -> str:
    """A setting of `base` in words; None as `shown`, else as its field has it."""
    value = getattr(base, name)
    return (shown or SETTINGS[name]["shown"]).format(recipe=base) if value is None else words(value)


def flags(base: Recipe, *names: str, **shown: str) -> list[Decorator]:
    """The options of settings with the defaults of `base`; `shown` says in other words what None is."""
    return [flag(name, default_of(base, name, shown.get(name, ""))) for name in names]


def method_options(*names: str) -> Decorator:
    """--preset, and settings whose defaults are all its own."""
    return cloup.option_group(
        "Method (the preset has what is not given)", preset_option, *[flag(name) for name in names]
    )


def network_options(base: Recipe) -> Decorator:
    """--encoder, --weights, --pooling, --padding."""
    return cloup.option_group("Network", *flags(base, *_NETWORK))


def optimisation_options(base: Recipe, *, without: Collection[str] = (), **shown: str) -> Decorator:
    """--iterations, --until, --levels, --solver, --seed, --device, --dtype, --memory, but those `without`."""
    names = [name for name in _OPTIMISATION if name not in without]
    return cloup.option_group("Optimisation", *flags(base, *names, **shown))


def asked_recipe(options: dict[str, Any], of: Callable[[Recipe], Recipe] = lambda base: base) -> tuple[Recipe, Any]:
    """The recipe that a command's `options` ask for, and the picture to begin with if --init is one.

    --preset, if there is one, and the settings are taken out of `options`; `of` makes a task's recipe of the preset.
    """
    settings = {name: options.pop(name) for name in [*options] if name in SETTINGS}
    return asked(of(preset(options.pop("preset", "default"))), settings)


# Everything else ----------------------------------------------------------------------------------------------------

styles_argument = cloup.argument(
    "styles",
    nargs=-1,
    required=True,
    metavar="STYLE...",
    help="One or more image files, or swatch:NAME to have one drawn.",
)
preset_option = cloup.option(
    "--preset", metavar="NAME", default="default", help="One of `impasto presets`.  [default: default]"
)
bits_option = cloup.option(
    "--bits",
    type=click.Choice(["8", "16"]),
    default="8",
    help="Of each channel in OUT; 16 for PNG and TIFF alone.  [default: 8]",
)
force_option = cloup.option("--force", is_flag=True, help="Overwrite OUT if it exists.")
no_metadata_option = cloup.option("--no-metadata", is_flag=True, help="Do not write into OUT how it was made.")
quiet_option = cloup.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
json_option = cloup.option(
    "--json", "as_json", is_flag=True, help="Print one JSON record per evaluation on standard output."
)
dry_run_option = cloup.option("--dry-run", is_flag=True, help="Check everything, print what would be done, and stop.")


def file_options(default: str, *more: Decorator) -> Decorator:
    """-o and all that concerns files and reports, and `more`; `default` says where the result goes without -o."""
    return cloup.option_group(
        "Files and reports",
        cloup.option(
            "-o", "--output", metavar="OUT", help=f"The result; its ending sets the format.  [default: {default}]"
        ),
        force_option,
        cloup.option(
            "--checkpoint",
            metavar="DIR",
            help="Keep the state in this new folder, for `impasto resume`.  [default: OUT.impasto, if it takes long]",
        ),
        no_metadata_option,
        *more,
        cloup.option(
            "--save-every",
            type=click.IntRange(1),
            metavar="N",
            help="Also save OUT-0050.png, ... every N evaluations.",
        ),
        *flags(Recipe(), "max_pixels"),
        quiet_option,
        json_option,
        dry_run_option,
        debug_option,
    )
