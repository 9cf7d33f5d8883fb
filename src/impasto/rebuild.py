"""A run rebuilt from the record of how a picture was made: the same again, or with changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto.choices import SWATCH
from impasto.devices import available_devices
from impasto.engine import Step
from impasto.errors import MissingFileError, UsageError
from impasto.loading import Encoders
from impasto.pictures import KEEP, REGION, STYLE_MASK, WITH_TEXTURE, Pictures
from impasto.preparation import prepare
from impasto.presets import preset
from impasto.recipe import Recipe, from_json
from impasto.record import FORMAT, Input, Record, printable
from impasto.regions import Region
from impasto.run import Run
from impasto.sources import is_recorded

PathOf = Callable[[str], str | None]


@dataclass(frozen=True)
class Found:
    """A file that a record names: where it is now, whether it is the same as then, and its name for another record.

    `same` is None where no file can be compared: a swatch is drawn anew.
    """

    role: str
    source: str
    same: bool | None = None
    name: str = ""


@dataclass(frozen=True)
class Origin:
    """A record with its pictures as they were found; `start` is that of the run whose picture it began with, if any."""

    record: Record
    inputs: tuple[Found, ...]
    start: Origin | None = None

    def all_inputs(self) -> tuple[Found, ...]:
        """The pictures of this run and of those before it."""
        return (*self.inputs, *(self.start.all_inputs() if self.start else ()))

    def recipe(self, **changes: Any) -> Recipe:
        """The recipe of the record, on a device that there is here, with `changes`.

        Raises:
            UsageError: a setting that the task does not have, or that cannot be met.
        """
        recipe = from_json(self.record.task, self.record.settings, preset)
        if recipe.device.partition(":")[0] not in ("auto", *available_devices()):
            recipe = replace(recipe, device="auto")
        weights = next((each.source for each in self.inputs if each.role == "weights"), None)
        return replace(recipe, weights=weights).override(**changes)

    def pictures(self) -> Pictures:
        """Those that were found, by their roles."""
        of = {
            role: [each.source for each in self.inputs if each.role == role]
            for role in ("content", "style", "init", KEEP, WITH_TEXTURE)
        }
        regions: list[Region] = []
        for mask, style, *more in zip(self.inputs, self.inputs[1:], (*self.inputs[2:], None), strict=False):
            if mask.role == REGION:
                inside = more[0].source if more[0] and more[0].role == STYLE_MASK else None
                regions.append(Region(mask.source, style.source, inside))
        content, init, keep, texture = (next(iter(of[role]), None) for role in ("content", "init", KEEP, WITH_TEXTURE))
        return Pictures(content, of["style"], init, regions, keep, texture)


# Finding what there was ---------------------------------------------------------------------------------------------


def find_origin(record: Record, folders: Sequence[Path], path_of: PathOf, given: Sequence[str] = ()) -> Origin:
    """`record` with its pictures, looked for in `folders`; `given` files take the places of its files, in order.

    `path_of` says under which path a recorded name may be looked for, if under any.

    Raises:
        MissingFileError: a picture is in none of the folders.
        UsageError: the record is of an older impasto, or there are more files in `given` than it has.
    """
    others = iter(given)
    origin = _origin(record, folders, path_of, others)
    if left := list(others):
        raise UsageError(f"The picture was not made of so many files; leave out {', '.join(left)}.")
    return origin


def _origin(record: Record, folders: Sequence[Path], path_of: PathOf, given: Iterator[str]) -> Origin:
    if record.format != FORMAT:
        raise UsageError(
            f"The record has format {record.format}, whose settings had other names; this one makes those of format "
            f"{FORMAT} again. Use the one that made it ({printable(record.made.impasto)})."
        )
    inputs = tuple(_found(each, folders, path_of, given) for each in (*record.inputs, *_weight_files(record)))
    return Origin(record, inputs, _origin(record.start, folders, path_of, given) if record.start else None)


def _weight_files(record: Record) -> list[Input]:
    """The weight file that was given, as an input is recorded."""
    name = record.settings.get("weights")
    return [Input("weights", str(name), sha256=record.encoders[0].sha256)] if name else []


def _found(entry: Input, folders: Sequence[Path], path_of: PathOf, given: Iterator[str]) -> Found:
    if entry.name.startswith(SWATCH):
        return Found(entry.role, entry.name, name=entry.name)
    if path := next(given, None):
        return Found(entry.role, path, is_recorded(entry, path), path)
    return _in_folders(entry, folders, path_of)


def _in_folders(entry: Input, folders: Sequence[Path], path_of: PathOf) -> Found:
    """The file of that name in one of `folders`, with its own folder or without; the very same if there is one."""
    kind, name = printable(_words(entry.role)), path_of(entry.name)
    if not name:
        raise MissingFileError(f"The {kind} was no file, and cannot be found again. Name the file that has it now.")
    places = [folder / each for each in dict.fromkeys((name, os.path.basename(name))) for folder in folders]  # noqa: PTH119
    there = [os.fspath(place) for place in dict.fromkeys(places) if os.path.isfile(place)]  # noqa: PTH113
    if not there:
        where = " or ".join("this folder" if each == Path() else str(each) for each in dict.fromkeys(folders))
        raise MissingFileError(f"The {kind} {printable(name)} is not in {where}. Put it there as it was.")
    same = next((place for place in there if is_recorded(entry, place)), None)
    return Found(entry.role, same or there[0], bool(same), entry.name)


def _words(role: str) -> str:
    return "weight file" if role == "weights" else f"{role} image"


# Making it again ----------------------------------------------------------------------------------------------------


def same_run(origin: Origin, encoders: Encoders | None = None, *, dtype: str | None = None) -> Run:
    """The run that `origin` describes, with its very plan; `dtype` takes the place of that setting.

    Raises:
        UsageError: a setting that cannot be met.
        ImageError, WeightsError: a picture or the weights cannot be read.
    """
    run = prepare(origin.recipe(dtype=dtype), origin.pictures(), encoders, as_planned=origin.record.plan)
    asked = from_json(origin.record.task, origin.record.settings, preset)
    return replace(run, recipe=asked, inputs=origin.record.inputs, origin=origin.record.start)


def changed_run(origin: Origin, changes: Mapping[str, Any], encoders: Encoders | None = None) -> Run:
    """A new run, planned afresh, whose settings are those of `origin` with `changes`.

    Raises:
        UsageError: a setting that the task does not have, or that cannot be met.
        ImageError, WeightsError: a picture or the weights cannot be read.
    """
    run = prepare(origin.recipe(**changes), origin.pictures(), encoders)
    names = {each.source: each.name for each in origin.inputs}  # not where they were found
    inputs = tuple(replace(each, name=names.get(each.name, each.name)) for each in run.inputs)
    weights = run.recipe.weights and names.get(run.recipe.weights, run.recipe.weights)
    return replace(run, inputs=inputs, recipe=replace(run.recipe, weights=weights))


def at_its_start(run: Run, origin: Origin, encoders: Encoders | None = None) -> Run:
    """`run` with its beginning: if that is another run's picture, it is made again."""
    if origin.start is None:
        return run
    before = at_its_start(same_run(origin.start, encoders), origin.start, encoders)
    return run.beginning_with(kept_again(before, origin.start.record)[0])


def kept_again(run: Run, record: Record) -> tuple[Tensor, dict[str, Any]]:
    """The picture of `record` made again by `run`, as far as it was, and the record of its step (see `Step.record`).

    That is the picture which followed the step, or the best that was evaluated until then.

    Raises:
        NotFiniteError: the numbers break before that.
    """
    assert record.result is not None, "the record is that of a picture"
    step: Step | None = None
    for step in run:
        if step.done == record.result.evaluations:
            break
    assert step is not None, "a run has at least one step"
    if record.result.kept == "best" and (best := step.snapshot.best):
        return best.image, step.record() | {"best": True}
    return step.image, step.record()


def continuing(run: Run, record: Record, image: Tensor) -> Run:
    """`run` going on from `image`, the result of the run of `record`.

    The levels that are smaller than the picture are left out, and all evaluations split over the others.
    """
    plan, size = run.plan, max(image.shape[-2:])
    levels = [level for level in plan.levels if level.size >= size] or [plan.levels[-1]]
    counts = plan.recipe.pyramid.counts(plan.evaluations, len(levels))
    split = tuple(replace(level, iterations=count) for level, count in zip(levels, counts, strict=True))
    return replace(run, plan=replace(plan, levels=split, estimate=None), origin=record).beginning_with(image)
