"""Options of the commands, each defined once.

Those of a recipe's settings are made of the settings themselves: the name, the type, the sentence and the default stand
in `impasto.recipe`, and a command names what it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields
from functools import reduce
from typing import Any

import click
import cloup

from impasto.cli.completion import among, picture
from impasto.cli.words import words
from impasto.encoders.vgg import VGG_LAYERS
from impasto.errors import UsageError
from impasto.presets import PRESETS, preset
from impasto.presets.own import INSTANT, STUDY
from impasto.recipe import SETTINGS, Recipe
from impasto.request import asked
from impasto.settings import shaping

Decorator = Callable[[Any], Any]


# Kinds of values ----------------------------------------------------------------------------------------------------


class Listed(click.ParamType[Any]):
    """`a,b,c` as a tuple; each item is converted by `item`, and `rule` is said of what is no such list."""

    def __init__(self, name: str, item: click.ParamType[Any], rule: str):
        self.name, self._item, self._rule = name, item, rule

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Any, ...]:
        """Split at commas; nothing between two commas is an error."""
        try:
            items = [each.strip() for each in value.split(",")]
            if all(items):
                return tuple(self._item.convert(each, param, ctx) for each in items)
        except click.BadParameter:
            pass
        self.fail(f"{value!r}; it must be {self._rule}.", param, ctx)


NUMBERS = Listed("A,B,...", click.FLOAT, "numbers with commas, such as 2,1")
WHOLES = Listed("N,N,...", click.IntRange(1), "whole numbers with commas, such as 512,1024")
NAMES = Listed("L,L,...", click.STRING, "names with commas, such as relu3_1,relu4_1")


class Number(type(click.FLOAT)):  # type: ignore[misc]
    """A number; several of them are said to be the value of another option, if there is one of that name."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse, or say which option was meant."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            others = ctx.command.params if ctx and param and "," in str(value) else []
            several = next((each.opts[-1] for each in others if each.name == f"{param and param.name}s"), None)
            if several is None:
                raise
        self.fail(f"{value!r} are several numbers. Did you mean {several}?", param, ctx)


class OneOrMore(Listed):
    """A number, or several with commas as a tuple."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse; one alone is a number."""
        first, *others = super().convert(value, param, ctx)
        return (first, *others) if others else first


class Size(click.ParamType[Any]):
    """`1024x768` as (width, height); of one number, the height is `ratio` times that.  `words` stay as they are."""

    name = "WxH"

    def __init__(self, ratio: float = 1.0, *words: str):
        self._ratio, self._words = ratio, words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse, or say what is no size."""
        if value in self._words:
            return value
        width, times, height = value.lower().partition("x")
        if not width.isdecimal() or not (height.isdecimal() or (height == "" and not times)):
            raise UsageError(f"--size is {value!r}; it must be WIDTHxHEIGHT in pixels, such as 640x480, or one number.")
        return int(width), int(height) if height else round(int(width) * self._ratio)


# Settings of a recipe -----------------------------------------------------------------------------------------------

_TYPES = {each.name: str(each.type).removesuffix(" | None") for each in fields(Recipe)}
_KINDS: Mapping[str, Mapping[str, Any]] = {
    "int": {"type": click.INT, "metavar": "N"},
    "float": {"type": Number(), "metavar": "X"},
    "bool": {"is_flag": True, "default": None},
    "tuple[float, ...]": {"type": NUMBERS},
    "float | tuple[float, ...]": {"type": OneOrMore("X,...", click.FLOAT, "a number, or several with commas")},
    "Mapping[str, float]": {"type": NAMES},
}
_TEXT = {"type": click.STRING, "metavar": "NAME"}
_CHECKPOINT = "Keep the state in this new folder, for `impasto resume`.  [default: OUT.impasto, if it takes long]"
_BITS = "Of each channel in OUT; 16 for PNG and TIFF alone.  [default: 8]"
_EXIF = (
    "Of the photograph: safe (date, camera, copyright, resolution), all (the place, too) or none.  "
    "[default: safe, or none with --no-metadata]"
)
_SAVE_EVERY = "Also save OUT-0050.png, ... every N evaluations."
_NETWORK = ("encoder", "weights", "pooling", "padding")
OPTIMISATION = ("iterations", "until", "levels", "solver", "seed", "device", "dtype", "memory")


def flag(name: str, default: str = "", **other: Any) -> Decorator:
    """The option of a recipe's setting, whose help tells this `default`; `other` arguments of it differ from the usual.

    Its value is None where it is not given: as the preset has it.
    """
    about = SETTINGS[name]
    usual = _kind(name) | {"help": about["help"]}
    if about["metavar"]:
        usual["metavar"] = about["metavar"]
    option = {"shell_complete": _completed(name)} | usual | other
    if default:
        option["help"] += f"  [default: {default}]"
    return cloup.option("--" + name.replace("_", "-"), name, **option)


def _kind(name: str) -> dict[str, Any]:
    """The arguments of an option that its setting's type says."""
    return dict(_KINDS.get(_TYPES[name], _TEXT))


class Varied(click.ParamType[Any]):
    """`NAME=A,B,...`: a setting of a transfer that shapes the picture, and some values of it."""

    name = "NAME=A,B,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        """The setting's name and its values, each parsed as its option's value is."""
        option, _, values = value.partition("=")
        name = option.strip().replace("-", "_")
        if name not in shaping({each: None for each, about in SETTINGS.items() if about["help"]}) or name == "size":
            self.fail(f"{option!r} is no setting that a sheet can go over; see impasto transfer --help.", param, ctx)
        several = Listed(self.name, _kind(name).get("type", click.BOOL), f"values of {option} with commas")
        return name, several.convert(values, param, ctx)


def _completed(name: str) -> Any:
    """What a shell is offered as the value of a setting."""
    if _TYPES[name] == "Mapping[str, float]":
        return among(lambda: VGG_LAYERS)
    return among(lambda: SETTINGS[name]["choices"]) if any(SETTINGS[name]["choices"]) else None


def default_of(base: Recipe, name: str, shown: str = "") -> str:
    """A setting of `base` in words; None as `shown`, else as its field has it."""
    value = getattr(base, name)
    return (shown or SETTINGS[name]["shown"]).format(recipe=base) if value is None else words(value)


def flags(base: Recipe, *names: str, **shown: str) -> list[Decorator]:
    """The options of settings with the defaults of `base`; `shown` says in other words what None is."""
    return [flag(name, default_of(base, name, shown.get(name, ""))) for name in names]


_OF_THE_OPTIMISER = (
    *("iterations", "until", "levels", "solver", "noise"),
    *("content_layers", "content_weight", "style_layers", "style_loss", "style_weight"),
    *("neighbor_layers", "neighbor_weight", "tv_weight", "calm"),
)


def asked_recipe(options: dict[str, Any], of: Callable[[Recipe], Recipe] = lambda base: base) -> tuple[Recipe, Any]:
    """The recipe that a command's `options` ask for, and the picture to begin with if --init is one.

    --preset, if there is one, and the settings are taken out of `options`; `of` makes a task's recipe of the preset.
    """
    settings = {name: options.pop(name) for name in [*options] if name in SETTINGS}
    name = options.pop("preset", STUDY.name)
    if options.pop("instant", False):
        if name not in (Recipe().name, INSTANT.name):
            raise UsageError(f"--instant is the preset instant, and --preset is {name}. Leave one of them out.")
        for spent in _OF_THE_OPTIMISER:
            if settings.get(spent) is not None:
                raise UsageError(f"--instant paints in one pass, with no --{spent.replace('_', '-')}. Leave that out.")
        name = INSTANT.name
    return asked(of(preset(name)), settings)


# Everything else ----------------------------------------------------------------------------------------------------


def styles_argument(metavar: str = "STYLE", **other: Any) -> Decorator:
    """The styles, as arguments."""
    about = "The style: an image file, or swatch:NAME to have one drawn."
    return cloup.argument("named", nargs=-1, metavar=metavar, help=about, shell_complete=picture, **other)


def style_option(help: str = "A style, as STYLE; once for each where several are blended.", **other: Any) -> Decorator:
    """-s, once for each style."""
    names = "-s", "--style", "styles"
    return cloup.option(*names, multiple=True, metavar="STYLE", help=help, shell_complete=picture, **other)


def preset_option(usual: str, **other: Any) -> Decorator:
    """--preset, which is `usual` if it is not given."""
    about = f"One of `impasto presets`.  [default: {usual}]"
    complete = among(lambda: PRESETS)
    option: dict[str, Any] = {"metavar": "NAME", "default": usual, "help": about, "shell_complete": complete} | other
    return cloup.option("--preset", **option)


instant_option = cloup.option(
    "--instant", is_flag=True, help="A preview in one pass of a small network: --preset instant."
)
force_option = cloup.option("--force", is_flag=True, help="Overwrite OUT if it exists.")
bits_option = cloup.option("--bits", type=click.Choice(["8", "16"]), default="8", help=_BITS)
exif_option = cloup.option("--keep-exif", type=click.Choice(["safe", "all", "none"]), help=_EXIF)
no_metadata_option = cloup.option("--no-metadata", is_flag=True, help="Do not write into OUT how it was made.")
quiet_option = cloup.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
json_option = cloup.option("--json", "as_json", is_flag=True, help="Print JSON records on standard output, one a line.")
dry_run_option = cloup.option("--dry-run", is_flag=True, help="Check everything, print what would be done, and stop.")
debug_option = cloup.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")


def output_option(help: str, metavar: str = "OUT", **other: Any) -> Decorator:
    """-o, where the result goes."""
    return cloup.option("-o", "--output", metavar=metavar, help=help, **other)


def file_options(output: Decorator, *more: Decorator) -> Decorator:
    """All that concerns files and reports: `output`, which is -o, `more`, and what every command has."""
    reports = (*flags(Recipe(), "max_pixels"), quiet_option, json_option, dry_run_option, debug_option)
    return cloup.option_group("Files and reports", output, force_option, *more, *reports)


def method_of(base: Recipe) -> list[str]:
    """The settings that say what is minimised: those that may differ by size and are no network's."""
    of_task = (name for name, about in SETTINGS.items() if about["varies"] and base.task in about["only"])
    return [name for name in of_task if SETTINGS[name]["help"] and name not in _NETWORK]


def stacked(*decorators: Decorator) -> Decorator:
    """All of them, the first outermost."""
    return lambda command: reduce(lambda decorated, each: each(decorated), reversed(decorators), command)


def recipe_options(base: Recipe, *, without: Collection[str] = (), **shown: str) -> Decorator:
    """The network and the optimisation, with the defaults of `base`, but those `without`; `shown` as in `flags`."""
    names = [name for name in OPTIMISATION if name not in without]
    network = cloup.option_group("Network", *flags(base, *_NETWORK))
    return stacked(network, cloup.option_group("Optimisation", *flags(base, *names, **shown))) if names else network


def result_options(default: str) -> Decorator:
    """All that concerns the file of one picture, which without any goes to `default`, and what is said meanwhile."""
    return file_options(
        output_option(f"The result, or - for standard output; its ending sets the format.  [default: {default}]"),
        cloup.option("--checkpoint", metavar="DIR", help=_CHECKPOINT),
        no_metadata_option,
        exif_option,
        bits_option,
        cloup.option("--save-every", type=click.IntRange(1), metavar="N", help=_SAVE_EVERY),
    )


def picture_options(
    base: Recipe, files: Decorator, look: Iterable[Decorator], method: Collection[str] = (), **shown: str
) -> Decorator:
    """The options of a command that makes pictures.

    `base` is the recipe that it has without any, `files` where the pictures go; `look` are the options of its own,
    `method` the settings whose defaults are the preset's.
    """
    methods = cloup.option_group(
        "Method (the preset has what is not given)", preset_option(base.name), *map(flag, method)
    )
    return stacked(cloup.option_group("Look", *look), methods, recipe_options(base, **shown), files)
