"""A run made again from the record of how a picture was made."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto.devices import available_devices
from impasto.encoders.download import Progress
from impasto.engine import NotFiniteError, Snapshot
from impasto.errors import MissingFileError, UsageError, named
from impasto.footprint import with_history
from impasto.images import resize
from impasto.schedule import Level
from impasto.tasks.provenance import FORMAT, file_hash
from impasto.tasks.reconstruct import ReconstructConfig, prepare_reconstruction
from impasto.tasks.run import Run
from impasto.tasks.settings import MethodConfig
from impasto.tasks.sources import SWATCH
from impasto.tasks.texture import TextureConfig, prepare_texture
from impasto.tasks.transfer import TransferConfig, prepare

CONFIGS: Mapping[str, type[MethodConfig]] = {
    "transfer": TransferConfig,
    "texture": TextureConfig,
    "reconstruct": ReconstructConfig,
}

_SETTINGS = ("init", "weights")  # inputs that are settings of a task, not its pictures


@dataclass(frozen=True)
class Input:
    """A file that a record names: where it is now, and whether it is the same as then.

    `same` is None where no file can be compared: a swatch is drawn anew.
    """

    role: str
    source: str
    same: bool | None = None


@dataclass(frozen=True)
class Origin:
    """A record with its pictures as they were found; `start` is that of the run whose picture it began with, if any."""

    record: Mapping[str, Any]
    inputs: tuple[Input, ...]
    start: Origin | None = None

    def all_inputs(self) -> tuple[Input, ...]:
        """The pictures of this run and of those before it."""
        return (*self.inputs, *(self.start.all_inputs() if self.start else ()))


# Finding what there was ---------------------------------------------------------------------------------------------


def find_origin(record: Mapping[str, Any], folders: Sequence[Path], given: Sequence[str] = ()) -> Origin:
    """`record` with its pictures, looked for in `folders`; `given` files take the places of its files, in order.

    Raises:
        MissingFileError: a picture is in none of the folders.
        UsageError: the record is of another impasto, or there are more files in `given` than it has.
    """
    others = iter(given)
    origin = _origin(record, folders, others)
    if left := list(others):
        raise UsageError(f"The picture was not made of so many files; leave out {', '.join(left)}.")
    return origin


def _origin(record: Mapping[str, Any], folders: Sequence[Path], given: Iterator[str]) -> Origin:
    if record.get("format") != FORMAT:
        raise UsageError(f"The record has format {record.get('format')!r}, not {FORMAT}; use another impasto.")
    named("task", str(record.get("task")), CONFIGS)
    inputs = tuple(_found(each, folders, given) for each in (*record["inputs"], *_weight_files(record)))
    return Origin(record, inputs, _origin(record["start"], folders, given) if "start" in record else None)


def _weight_files(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The weight file that was given, as an input is described."""
    name = record["settings"]["weights"]
    return [{"role": "weights", "name": name, "sha256": record["encoder"]["sha256"]}] if name else []


def _found(entry: Mapping[str, Any], folders: Sequence[Path], given: Iterator[str]) -> Input:
    role, name = entry["role"], entry["name"]
    if name.startswith(SWATCH):
        return Input(role, name)
    path = next(given, None) or _in_folders(role, name, folders)
    return Input(role, path, file_hash(path) == entry["sha256"] if "sha256" in entry else None)


def _words(role: str) -> str:
    return "weight file" if role == "weights" else "image" if role == "image" else f"{role} image"


def _in_folders(role: str, name: str, folders: Sequence[Path]) -> str:
    """The file of that name in the first of `folders` that has it; else one that lies there without its own folder."""
    names = dict.fromkeys((name, os.path.basename(name)) if name else ())  # noqa: PTH119 - of an empty name, too
    places = [folder / each for each in names for folder in folders]
    found = next((place for place in places if place.is_file()), None)
    if not name:
        raise MissingFileError(
            f"The {_words(role)} was no file, and cannot be found again. Name the file that has it now."
        )
    if found is None:
        raise MissingFileError(
            f"The {_words(role)} {name} is not in {' or '.join(map(str, folders))}. Put it there as it was."
        )
    return os.fspath(found)


# Making it again ----------------------------------------------------------------------------------------------------


def remade(origin: Origin, *, dtype: str | None = None, download: bool = True, progress: Progress | None = None) -> Run:
    """The run that `origin` describes, with its very plan; `dtype` takes the place of that setting.

    Raises:
        UsageError: a setting that cannot be met.
        ImageError, WeightsError: a picture or the weights cannot be read.
    """
    run = changed(origin, {"dtype": dtype} if dtype else {}, download=download, progress=progress)
    record, planned = origin.record, origin.record["plan"]
    levels = tuple(Level(height, width, count, tile) for width, height, count, tile in planned["levels"])
    plan = replace(run.plan, levels=levels, solver=with_history(run.plan.recipe.solver, planned["history"]))
    asked = {**run.record, "settings": record["settings"], "inputs": record["inputs"]}
    return replace(run, plan=plan, record={**asked, "start": record["start"]} if origin.start else asked)


def changed(
    origin: Origin, changes: Mapping[str, Any], *, download: bool = True, progress: Progress | None = None
) -> Run:
    """A new run, planned afresh, whose settings are those of `origin` with `changes`.

    Raises:
        UsageError: a setting that the task does not have, or that cannot be met.
        ImageError, WeightsError: a picture or the weights cannot be read.
    """
    task, config = str(origin.record["task"]), _config(origin, changes)
    sources = [each.source for each in origin.inputs if each.role not in _SETTINGS]
    if task == "transfer":
        return prepare(sources[0], sources[1:], config, download=download, progress=progress)
    if task == "texture":
        return prepare_texture(sources, config, download=download, progress=progress)
    return prepare_reconstruction(sources[0], config, download=download, progress=progress)


def begun(run: Run, origin: Origin) -> Run:
    """`run` at its start: if that is another run's picture, it is made again."""
    if origin.start is None:
        return run
    before = begun(remade(origin.start), origin.start)
    return starting(run, step_again(before, origin.start.record)[0])


def step_again(run: Run, record: Mapping[str, Any]) -> tuple[Tensor, dict[str, Any]]:
    """The picture of `record` made again by `run`, as far as it was, and the record of its step.

    Where the numbers break before that, it is the best picture until then, as it was when it was made.
    """
    image, told = None, {}
    try:
        for step in run:
            image, told = step.image, step.record()
            if step.done == record["result"]["evaluations"]:
                break
    except NotFiniteError as error:
        if image is None:
            raise
        image = error.best.image
    assert image is not None
    return image, told


def continued(run: Run, record: Mapping[str, Any], image: Tensor) -> Run:
    """`run` going on from `image`, the result of the run of `record`.

    The levels that are smaller than the picture are left out, and all evaluations split over the others.
    """
    plan, size = run.plan, max(image.shape[-2:])
    levels = [level for level in plan.levels if level.size >= size] or [plan.levels[-1]]
    counts = plan.recipe.schedule.counts(plan.evaluations, len(levels))
    split = tuple(replace(level, iterations=count) for level, count in zip(levels, counts, strict=True))
    run = replace(run, plan=replace(plan, levels=split), record={**run.record, "start": record})
    return starting(run, image)


def full_size(run: Run, image: Tensor) -> Tensor:
    """`image` at the size of the run's result, even if it is of a coarser level."""
    last = run.plan.levels[-1]
    return resize(image, last.height, last.width)


def starting(run: Run, image: Tensor) -> Run:
    """`run` beginning with `image`, at the size of its first level."""
    first = run.plan.levels[0]
    return replace(run, start=Snapshot(1, 0, resize(image.to(run.home), first.height, first.width)))


def _config(origin: Origin, changes: Mapping[str, Any]) -> Any:
    task = str(origin.record["task"])
    settings = {name: _tuples(value) for name, value in origin.record["settings"].items()} | dict(changes)
    if unknown := [name for name in settings if name not in CONFIGS[task].__dataclass_fields__]:
        raise UsageError(f"The run is a {task}, which has no {', '.join(unknown)}; leave that out.")
    if settings["device"].partition(":")[0] not in ("auto", *available_devices()):
        settings["device"] = "auto"
    settings |= {each.role: each.source for each in origin.inputs if each.role in _SETTINGS}
    return CONFIGS[task](**settings)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
