"""Where a run's pictures go: the result, those that it saves on its way, and a place of last resort."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto.engine import NotFiniteError, Step
from impasto.errors import UsageError
from impasto.files import check_beside, output_errors, reserved, reserved_new, unused
from impasto.images import check_encoding, check_output, kept_exif, save_image
from impasto.painting import result_of
from impasto.plan import Plan
from impasto.record import KEYWORD
from impasto.run import Run
from impasto.sources import source_name

_LONGEST_NAME = 200  # bytes of a name that is made; systems allow 255, and files beside it have longer ones


@dataclass(frozen=True)
class Result:
    """A picture, (1, 3, H, W), and the record of the step it was made at (see `Step.record`)."""

    image: Tensor
    step: Mapping[str, Any]


def kept_at(step: Step, error: BaseException | None = None) -> Result:
    """The picture of the latest `step`; where its numbers broke, the best one of its level."""
    match error:
        case NotFiniteError(record=dict(record)):
            return Result(error.best.image, record)
    return Result(step.image, step.record())


@dataclass(frozen=True)
class Destination:
    """The file that a run writes, and those beside it.

    * `path` is never one of `inputs`, and is no file that exists unless `force` is set.
    * `fresh` is a name that nobody asked for, which gives way to NAME-2.png, NAME-3.png, ...; `base` is it unnumbered.
    * `save_every` so many evaluations a picture is saved as NAME-0050.png, NAME-0100.png, ...
    * `checkpoint` is the folder to keep the state in; without, that of a long run is kept beside `path`.
    * `metadata` is whether the pictures tell how they were made, `bits` how many a channel of the result has,
      `exif` what they keep of the photograph's (see `kept_exif`).
    """

    path: Path
    inputs: tuple[str, ...] = ()
    force: bool = False
    fresh: bool = False
    base: Path | None = None
    save_every: int | None = None
    checkpoint: str | None = None
    metadata: bool = True
    bits: int = 8
    exif: str = "safe"

    def check(self) -> None:
        """Make sure that the result can be written, before any work starts.

        Raises:
            UsageError, OutputError: it cannot, or not without overwriting what is there.
        """
        check_output(self.path, force=True)
        if self.checkpoint and os.path.abspath(self.checkpoint) == os.path.abspath(self.path):  # noqa: PTH100
            raise UsageError(f"{self.path} cannot be both the result and the folder of --checkpoint. Name another.")
        self.check_overwritten()
        check_encoding(self.path.suffix, bits=self.bits)
        check_beside(Path(os.path.realpath(self.path)))

    def check_size(self, width: int, height: int) -> None:
        """Make sure that the file's format holds pictures of this size.

        Raises:
            UsageError: it does not.
        """
        check_encoding(self.path.suffix, bits=self.bits, size=(width, height))

    def check_overwritten(self) -> None:
        """Make sure that no file is overwritten which may not be.

        Raises:
            UsageError: the path is an input, or it exists and is not to be forced.
        """
        if not self.path.exists():
            return
        if any(Path(source).is_file() and self.path.samefile(source) for source in self.inputs):
            remedy = "which are never overwritten. Choose another name for the result."
            raise UsageError(f"{self.path} is itself one of the images to read, {remedy}")
        if not self.force:
            raise UsageError(f"{self.path} exists already. Choose another name, or overwrite it with --force.")

    def named(self) -> Destination:
        """The same, a fresh name numbered if there is such a file."""
        with output_errors(self.path):
            return replace(self, path=unused(self.path), base=self.path) if self.fresh else self

    @contextmanager
    def reserved(self) -> Iterator[Destination]:
        """Within the block, the `path` of what it gives is this run's, and the result can be written there.

        Raises:
            UsageError, OutputError: as `check`; another run is going to write there.
        """
        self.check()
        with (reserved_new if self.fresh else reserved)(self.base or self.path) as path:
            destination = replace(self, path=path)
            destination.check()
            yield destination

    def save(self, run: Run, result: Result) -> None:
        """Write a picture at its full size, even if the run is still at a coarser one, and how it was made.

        Raises:
            ImpastoError: it cannot be written.
        """
        self.check_overwritten()
        image = run.full_size(result.image)
        record = run.record(result_of(image, run.alpha, result.step))
        text = {KEYWORD: record.to_text()} if self.metadata else None
        exif = kept_exif(run.exif, self.exif)
        save_image(image, self.path, alpha=run.alpha, force=self.force, bits=self.bits, text=text, exif=exif)

    def rescue(self, run: Run, result: Result, checkpoint: Path | None = None) -> Path | None:
        """Save where there is a place: for temporary files, here, in the `checkpoint`, at home; None if nowhere."""
        for folder in (None, ".", checkpoint, os.path.expanduser("~")):  # noqa: PTH111 - which never raises
            with suppress(Exception):
                return self._saved_in(folder, run, result)
        return None

    def _saved_in(self, folder: str | Path | None, run: Run, result: Result) -> Path:
        """The picture, saved under a new name in a folder, or in that for temporary files; if it fails, nothing."""
        handle, name = tempfile.mkstemp(prefix=f"{self.path.stem}-", suffix=".png", dir=folder)
        os.close(handle)
        try:
            replace(self, path=Path(name), force=True).save(run, result)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
        return Path(name)


def name_of(*sources: str) -> Path:
    """CONTENT-STYLE.png in the current folder, of the names of files, each cut short where they are very long."""
    names, most = [source_name(source) for source in sources], _LONGEST_NAME // len(sources)
    if len(os.fsencode("-".join(names))) > _LONGEST_NAME:
        names = [os.fsencode(name)[:most].decode(errors="ignore").strip() for name in names]
    return Path("-".join(names) + ".png")


# On the way ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Series:
    """A picture every so many evaluations, under a `name` of its own.

    The last step has one if `whole`. `line` is what the source prints beside, a format of `done` and `loss`.
    """

    every: int
    evaluations: int
    name: Callable[[int], Path]
    destination: Destination
    whole: bool = False
    line: str = ""

    def due(self, step: Step) -> bool:
        """Whether `step` has a picture."""
        return step.done % self.every == 0 and (self.whole or not step.last)

    def check(self, *, after: int = 0, allowed: Callable[[Path], bool]) -> None:
        """Make sure that those `after` so many evaluations can be written; such as are `allowed` may exist.

        Raises:
            UsageError, OutputError: they cannot.
        """
        for done in range(self.every, self.evaluations + self.whole, self.every):
            if done > after:
                path = self.name(done)
                replace(self.destination, path=path, force=allowed(path), bits=8).check()


def series_of(plan: Plan, destination: Destination) -> Series:
    """NAME-0050.png, NAME-0100.png, ... with `save_every`; else the milestones of the preset, beside the result."""
    path, count, milestones = destination.path, plan.evaluations, plan.recipe.milestones
    if milestones and not destination.save_every:
        every, file, line = milestones.every, milestones.file, milestones.line
        return Series(every, count, lambda done: path.parent / file.format(done=done), destination, True, line)
    digits, every = max(4, len(str(count))), destination.save_every or count
    return Series(every, count, lambda done: path.with_stem(f"{path.stem}-{done:0{digits}}"), destination)
