"""`impasto batch`: many photographs in one style, with networks that are loaded once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from glob import glob, has_magic
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from impasto.cli import interrupts, options
from impasto.cli.completion import picture
from impasto.cli.making import one_texture, texture_options, transfer_options
from impasto.cli.output import Output, requested
from impasto.cli.running import carry_out, encoders_for, prepared, threads
from impasto.cli.terminal import columns, say, told
from impasto.errors import UsageError, WeightsError
from impasto.files import file_hash, missing, output_errors
from impasto.presets import preset
from impasto.quantities import duration
from impasto.recipe import Recipe, from_json
from impasto.settings import shaping
from impasto.torchrun import launched

if TYPE_CHECKING:
    from impasto.loading import Encoders

_ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".heic", ".heif"}
PAINTED, THERE, FAILED, STOPPED, TO_PAINT = "painted", "there already", "failed", "stopped", "to paint"
_FORMATS = click.Choice(["png", "jpg", "webp", "tif", "bmp", "avif"])
_EXAMPLES = """\b
Examples:
  impasto batch photos/ -s painting.jpg -o painted/
  impasto batch 'photos/**/*.jpg' -s swatch:mosaic -o out
"""
_PHOTOS = "Image files, folders of them, or patterns such as 'photos/**/*.jpg'."
_JOBS = "Pictures at a time, which share the processor; on two cores that gains a tenth at most.  [default: 1]"


@dataclass(frozen=True)
class Row:
    """What came of a photograph, after so many seconds: its `result`, or why there is none."""

    photograph: str
    outcome: str
    result: str
    why: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        if self.why:
            return f"{self.outcome}: {self.why}"
        return f"{self.outcome}: {self.result}" + (f"  {duration(self.seconds)}" if self.outcome == PAINTED else "")


@cloup.command(epilog=_EXAMPLES)
@cloup.argument("photos", nargs=-1, required=True, metavar="PHOTO...", help=_PHOTOS, shell_complete=picture)
@transfer_options(
    options.file_options(
        options.output_option("The folder for the results; it is made if need be.", "DIR", required=True),
        cloup.option("--format", "ending", type=_FORMATS, default="png", help="Of the results.  [default: png]"),
        options.bits_option,
        options.no_metadata_option,
        options.exif_option,
        cloup.option("-j", "--jobs", type=click.IntRange(1), default=1, metavar="N", help=_JOBS),
    ),
    options.style_option("A style: an image file, or swatch:NAME; several are blended.", required=True),
    options.instant_option,
    *texture_options,
)
def batch(
    photos: tuple[str, ...], styles: tuple[str, ...], ending: str, jobs: int, texture: tuple[str, ...], **given: Any
) -> int:
    """Paint many photographs in one style.

    Each result is named after its photograph. What is there already, made of the same pictures with the same settings,
    is not made again; a photograph that fails does not end the others. The exit code is 0 if every result is there, 1
    if not.
    """
    began = time.perf_counter()
    fine = one_texture(texture, given)
    recipe, init = options.asked_recipe(given)
    found = list(dict.fromkeys(_files(photos)))
    output = requested(given, [*styles, *filter(None, (fine, init))], ())
    import torch

    from impasto.cli.drawing import print_record

    if launched():
        raise UsageError("batch runs in one process; start it without torchrun, with --jobs.")
    folder = output.path
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file. Name a folder for the results.")
    if folder.is_dir() and any(folder.samefile(Path(photo).parent) for photo in found):
        raise UsageError(f"{folder} holds photographs to paint. Choose another folder for the results.")
    if not output.dry_run:
        with output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
    quiet = output.quiet or output.as_json or jobs > 1
    work = _Work(recipe, styles, fine, init, replace(output, quiet=quiet, as_json=False))
    rows: list[Row] = []
    with suppress(KeyboardInterrupt), threads(max(1, torch.get_num_threads() // jobs)):
        for row in _in_turn(work, _targets(found, folder, ending), jobs):
            rows.append(row)
            if output.as_json:
                print_record("picture", **asdict(row))
            elif not (output.quiet or output.dry_run or row.outcome == THERE or (jobs == 1 and row.outcome == PAINTED)):
                say(f"{len(rows)} of {len(found)}  {row.photograph}  {row}")
    counts = Counter(row.outcome for row in rows)
    if output.as_json:
        print_record("batch", photographs=len(found), **{name.replace(" ", "_"): n for name, n in counts.items()})
    elif not output.quiet:
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        click.echo(columns((row.photograph, str(row)) for row in rows))
        took = duration(time.perf_counter() - began)
        click.echo(f"{len(found)} in all: {outcomes or 'none painted'}, in {took}")
    if interrupts.caught() or counts[STOPPED]:
        return interrupts.status()
    return 1 if counts[FAILED] else 0


def _files(names: Sequence[str]) -> Iterator[str]:
    """The files that `names` mean: a folder means the image files in it, a pattern all that fit it.

    Raises:
        MissingFileError: there is no such file.
        UsageError: a folder or a pattern means none.
    """
    for name in names:
        path = Path(name)
        if path.is_file():
            yield name
            continue
        if path.is_dir():
            found = [str(each) for each in sorted(path.iterdir()) if each.suffix.lower() in _ENDINGS]
        elif has_magic(name):
            found = sorted(glob(name, recursive=True))  # noqa: PTH207 - of any folder, and as shells do
        else:
            raise missing(name)
        files = [each for each in found if Path(each).is_file() and not Path(each).name.startswith(".")]
        if not files:
            raise UsageError(f"{name} holds no image files." if path.is_dir() else f"No file fits {name}.")
        yield from files


def _targets(photographs: Sequence[str], folder: Path, ending: str) -> Iterator[tuple[str, Path, str]]:
    """Each photograph with the path of its result, and the other photograph that has the same one, if any."""
    taken: dict[str, str] = {}
    for photograph in photographs:
        path = folder / f"{Path(photograph).stem}.{ending}"
        other = taken.setdefault(path.name.casefold(), photograph)
        yield photograph, path, "" if other == photograph else other


def _in_turn(work: _Work, targets: Iterator[tuple[str, Path, str]], jobs: int) -> Iterator[Row]:
    """What comes of the photographs, so many at a time; nothing of those that were not begun when it was stopped."""
    if jobs == 1:
        yield from filter(None, starmap(work.paint, targets))
        return
    with ThreadPoolExecutor(jobs) as pool:
        for row in [pool.submit(work.paint, *target) for target in targets]:
            with suppress(KeyboardInterrupt):  # which comes to this thread alone; the others see it, and save
                wait([row])
            if painted := row.result():
                yield painted


@dataclass(frozen=True)
class _Work:
    """What is made of every photograph."""

    recipe: Recipe
    styles: tuple[str, ...]
    texture: str | None
    init: Any
    output: Output

    @cached_property
    def _encoders(self) -> Encoders:
        return encoders_for(self.output)

    @cached_property
    def _inputs(self) -> list[tuple[str, str]]:
        """Each picture beside the photograph: its role, and what it is known by."""
        others = [*(("style", style) for style in self.styles), ("texture", self.texture), ("init", self.init)]
        return [(role, _known(name)) for role, name in others if name]

    def paint(self, photograph: str, path: Path, other: str) -> Row | None:
        """Paint it, unless its result is there or is that of the `other`; whatever goes wrong is told in the row.

        None if it was stopped before the first evaluation.

        Raises:
            WeightsError: no photograph can be painted.
        """
        from impasto.preparation import Pictures, prepare

        if interrupts.caught():
            return None
        began, outcome = time.perf_counter(), PAINTED
        pictures = Pictures(photograph, self.styles, self.init, texture=self.texture)
        try:
            if other:
                raise UsageError(f"{path} is the result of {other}. Paint the two into different folders.")
            if path.exists() and not self.output.destination.force and self._is_finished(path, photograph):
                return Row(photograph, THERE, str(path))
            inputs, force = (photograph, *self.output.destination.inputs), path.exists()
            destination = replace(self.output.destination, path=path, inputs=inputs, force=force)
            output, run = (
                replace(self.output, destination=destination, began=began),
                partial(prepare, self.recipe, pictures),
            )
            if self.output.dry_run:
                prepared(run, output, self._encoders)
                return Row(photograph, TO_PAINT, str(path))
            with output.reserved() as reserved:
                if carry_out(prepared(run, reserved, self._encoders), reserved):
                    outcome = STOPPED
        except WeightsError:
            raise
        except KeyboardInterrupt:
            return None
        except Exception as error:
            return Row(photograph, FAILED, str(path), told(error).removeprefix("Error: "))
        return Row(photograph, outcome, str(path), seconds=time.perf_counter() - began)

    def _is_finished(self, path: Path, photograph: str) -> bool:
        """Whether this very picture is there; where records are left out, any is taken for it.

        Raises:
            UsageError: another picture is there, or one that does not say how it was made.
        """
        from impasto.record import read_record

        remedy = "Choose another folder, or overwrite it with --force."
        try:
            record = read_record(path)
        except UsageError as error:
            if not self.output.destination.metadata or path.suffix == ".bmp":
                return True
            raise UsageError(f"{path} is there and does not say how it was made. {remedy}") from error
        inputs = [(each.role, each.sha256 or each.name) for each in record.inputs]
        known = [("content", _known(photograph)), *self._inputs]
        recipe = from_json(record.task, record.settings, preset)  # in today's terms, if it is of yesterday
        if inputs != known or shaping(recipe.to_json()) != shaping(self.recipe.to_json()):
            raise UsageError(f"{path} was made of other pictures or with other settings. {remedy}")
        return record.result is not None and record.result.evaluations == record.result.of


def _known(name: str) -> str:
    """What a picture is known by: a file by its digest, a swatch by its name."""
    return file_hash(name) if Path(name).is_file() else name
