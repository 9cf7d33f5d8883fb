"""What is asked of the studio: JSON -> a recipe and pictures; a record -> the JSON that asks for its picture again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from impasto import swatches
from impasto.choices import IMAGE, INITS, SWATCH, TRANSFER
from impasto.errors import UnknownNameError, UsageError
from impasto.presets import PRESETS, preset
from impasto.recipe import Recipe
from impasto.request import asked
from impasto.studio.form import OFFERED, short
from impasto.studio.shelf import Shelf

if TYPE_CHECKING:
    from impasto.pictures import Pictures
    from impasto.record import Record
    from impasto.sources import ImageSource

T = TypeVar("T")

MOST = 8  # styles, and regions
_OF_REGIONS = {"region": "mask", "region style": "style", "region style mask": "style_mask"}  # by roles in records
_REGION = "Each of regions is an object with a mask, a style and, if wanted, a style_mask."
_FIELDS = ("content", "styles", "regions", "keep", "texture", "preset", "settings")


@dataclass(frozen=True)
class Asked:
    """A run that is asked for, checked: the JSON as it came, the recipe, and the ids of the pictures that it is of."""

    body: Mapping[str, Any]
    recipe: Recipe
    used: frozenset[str]


def asked_for(body: Any, shelf: Shelf) -> Asked:
    """What the JSON of a request asks for.

        {"content": ID, "styles": [ID or "swatch:NAME"], "regions": [{"mask": ID, "style": ..., "style_mask": ID}],
         "keep": ID, "texture": ID or "swatch:NAME", "preset": NAME, "settings": {a recipe's, by name}}

    Raises:
        UsageError: it is no such thing, or settings that cannot be met; NotThereError: an id that there is not.
    """
    for name in _a(dict, body, "A run is asked for with a JSON object; see docs/studio-api.md."):
        if name not in _FIELDS:
            raise UnknownNameError("field", str(name)[:60], _FIELDS)
    body = {name: value for name, value in body.items() if value not in (None, [], {})}
    regions = _listed(body, "regions")
    for region in regions:
        if not {"mask", "style"} <= _a(dict, region, _REGION).keys() <= {"mask", "style", "style_mask"}:
            raise UsageError(_REGION)
    if "content" not in body:
        raise UsageError("content is missing; it is the id of a picture, which POST /pictures gives.")
    styles = [*_listed(body, "styles"), *(each["style"] for each in regions)]
    styles += [body["texture"]] if "texture" in body else []
    masks = [each[name] for each in regions for name in ("mask", "style_mask") if name in each]
    masks += [body[name] for name in ("content", "keep") if name in body]
    used = {_checked(each, shelf, swatch=True) for each in styles} | {_checked(each, shelf) for each in masks}
    recipe, init = _recipe(body)
    if init is not None:
        used.add(_checked(init, shelf, swatch=True))
    return Asked(body, recipe, frozenset(used - {""}))


def pictures_of(body: Mapping[str, Any], source: Callable[[str], ImageSource]) -> Pictures:
    """The pictures of a request that `asked_for` has checked; `source` is where one is found.

    Raises:
        NotThereError: one has been removed since.
    """
    from impasto.pictures import Pictures
    from impasto.regions import Region

    def of(given: Mapping[str, Any], name: str) -> ImageSource | None:
        return None if given.get(name) is None else source(given[name])

    settings = body.get("settings", {})
    return Pictures(
        source(body["content"]),
        [source(each) for each in body.get("styles", ())],
        None if settings.get("init") in INITS else of(settings, "init"),
        [
            Region(source(each["mask"]), source(each["style"]), of(each, "style_mask"))
            for each in body.get("regions", ())
        ],
        of(body, "keep"),
        of(body, "texture"),
    )


def _a(kind: type[T], given: Any, rule: str) -> T:
    """What is given, which is of a kind.

    Raises:
        UsageError: it is not, which the `rule` says.
    """
    if not isinstance(given, kind):
        raise UsageError(rule)
    return given


def _listed(body: Mapping[str, Any], name: str) -> Sequence[Any]:
    rule = f"{name} must be a list of at most {MOST}."
    given: Sequence[Any] = _a(list, body.get(name, []), rule)
    if len(given) > MOST:
        raise UsageError(rule)
    return given


def _checked(given: Any, shelf: Shelf, *, swatch: bool = False) -> str:
    """The id of a picture that is there; nothing for a swatch.

    Raises:
        UsageError: it is neither.
    """
    rule = "A picture is named by its id, or as swatch:NAME." if swatch else "A picture is named by its id."
    named = _a(str, given, rule)
    if swatch and named.startswith(SWATCH):
        swatches.describe(named.removeprefix(SWATCH).partition(":")[0])
        return ""
    return shelf[named].id


def _recipe(body: Mapping[str, Any]) -> tuple[Recipe, Any]:
    """The recipe, and the picture that it begins with if that is one."""
    rule = "settings must be an object: values of settings by their names; see GET /settings."
    given = _a(dict, body.get("settings", {}), rule)
    for name in given:
        if name not in OFFERED:
            raise UnknownNameError("setting", str(name)[:60], OFFERED)
    base = preset(body.get("preset", "default"))
    init = given.get("init")
    own = {"init": f"{SWATCH}{swatches.names()[0]}"} if init is not None and init not in INITS else {}
    recipe, begins = asked(replace(base, milestones=None), {**given, **own})
    return recipe, init if begins is not None else None


# Asking again -------------------------------------------------------------------------------------------------------


def body_of(record: Record, shelf: Shelf) -> dict[str, Any] | None:
    """The JSON that asks for a picture again whose record this is; None if it is not a transfer's.

    Its files are the pictures with the same digest, if they are here; else they are named under `missing`.
    """
    if record.task != TRANSFER:
        return None
    missing: list[str] = []
    of: dict[str, list[str]] = {}
    regions: list[dict[str, str]] = []
    for each in record.inputs:
        here = each.name if each.name.startswith(SWATCH) else shelf.alike(each.sha256)
        if here is None:
            missing.append(each.name)
        elif each.role in _OF_REGIONS:
            regions += [{}] if each.role == "region" else []
            regions[-1:] = [{**last, _OF_REGIONS[each.role]: here} for last in regions[-1:]]
        else:
            of.setdefault(each.role, []).append(here)
    name = str(record.settings.get("preset"))
    usual = PRESETS[name].to_json() if name in PRESETS else {}
    changed: dict[str, Any] = {
        each: short(value)
        for each, value in record.settings.items()
        if each in OFFERED and value not in (None, usual.get(each))
    }
    if "init" in changed:
        changed["init"] = next(iter(of.get("init", ())), changed["init"])
    body = {
        **{role: each[0] for role, each in of.items() if role in ("content", "keep", "texture")},
        "styles": of.get("style", []),
        "regions": [each for each in regions if {"mask", "style"} <= each.keys()],
        "preset": name if name in PRESETS else "default",
        "settings": {each: value for each, value in changed.items() if value != IMAGE},
        "missing": missing,
    }
    return {each: value for each, value in body.items() if value not in (None, [])}
