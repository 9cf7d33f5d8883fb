"""A run's folder: what the run is, and its two newest snapshots, each written whole or not at all.

run.json                       what the run is; whoever wrote it knows how to make it again
snapshot-00000120.safetensors  after 120 evaluations: the tensors, and in the header all that is no tensor
lock                           held while a process works with the folder
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

import torch

from impasto.checkpoint.seal import BLANK, NAME, check_seal, sealed
from impasto.checkpoint.snapshots import FORMAT, Kept, read_snapshot, write_snapshot
from impasto.engine import Step
from impasto.errors import CheckpointError, MissingFileError, UsageError
from impasto.files import InUseError, Lock, output_errors, replacing
from impasto.memory import out_of_memory
from impasto.untrusted import Untrusted, parsed, printable

KEPT: Final = 2
_FAILED: Final = "No checkpoint can be written into {}"
_UNREADABLE: Final = "The run in {} cannot be read"
_MOST: Final = 1_000_000  # fields of a description; of the files that a run wrote there may be many
_UNFINISHED: Final = (".*.tmp", ".tmp*")  # of impasto; of safetensors, which earlier versions wrote with


class Checkpoints:
    """The folder of one run, locked until `close`.

    `to_read` is whether nothing is to be written there: then the folder may be one in which nothing can be.

    Raises:
        UsageError: another process works with the folder.
        OSError: it cannot be locked.
    """

    def __init__(self, folder: Path, *, to_read: bool = False):
        self.folder = folder
        self._lock: Lock | None = None
        try:
            self._lock = Lock(folder / "lock")
        except InUseError:
            raise UsageError(f"{folder} is in use by another run. Wait for its end, or name another folder.") from None
        except OSError:
            if not to_read:
                raise

    @classmethod
    def create(cls, folder: Path, about: Mapping[str, Any]) -> Checkpoints:
        """A new folder, or an empty one, for the run that `about` describes.

        Raises:
            UsageError: there is something in the folder, or somebody at work.
            CheckpointError: it cannot be written.
        """
        with output_errors(folder, CheckpointError, _FAILED), ExitStack() as on_failure:
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / "run.json").is_file():
                cls(folder).close()  # says so if somebody is at work in it
            _check_empty(folder)  # before the lock, which would be one more file in the folder of somebody else
            made = cls(folder)
            on_failure.callback(made.close)
            _check_empty(folder)
            _remove(_unfinished(folder))
            made.note("run", {"format": FORMAT, **about})
            on_failure.pop_all()
        return made

    @classmethod
    def open(cls, folder: Path, *, to_read: bool = False) -> Checkpoints:
        """The folder of a run that was begun before.

        Raises:
            MissingFileError: it is not there.
            CheckpointError: it holds none, or cannot be read or written.
            UsageError: somebody is at work in it.
        """
        with output_errors(folder, CheckpointError, _UNREADABLE):
            if not (folder / "run.json").is_file():
                if not folder.exists():
                    raise MissingFileError(f"There is no folder {folder}. Name that of --checkpoint, or OUT.impasto.")
                raise CheckpointError(f"There is no run in {folder}: no run.json. Name the folder of --checkpoint.")
        with output_errors(folder, CheckpointError, _FAILED):
            opened = cls(folder, to_read=to_read)
        _remove(_unfinished(folder))
        return opened

    def close(self) -> None:
        """Let others work with the folder."""
        if self._lock:
            self._lock.release()

    def remove(self) -> None:
        """Take away what `Checkpoints` wrote, and the folder if nothing else is in it."""
        _remove([*self._files(), *_unfinished(self.folder), *self.folder.glob("*.json")])
        self.close()
        with suppress(OSError):
            self.folder.rmdir()

    def about(self) -> dict[str, Any]:
        """What the run is, as `create` was told.

        Raises:
            CheckpointError: it cannot be read, is no longer that, or is of another impasto.
        """
        try:
            with output_errors(self.folder, CheckpointError, _UNREADABLE):
                about = self._read("run")
        except ValueError as problem:
            raise CheckpointError(f"{self.folder / 'run.json'} is damaged ({problem}). Begin the run anew.") from None
        if about.get("format") != FORMAT:
            found = printable(str(about.get("format"))[:20])
            raise CheckpointError(f"{self.folder} is of another impasto (format {found}, not {FORMAT}); use that one.")
        return about

    def note(self, name: str, value: Mapping[str, Any]) -> None:
        """Keep `value` as NAME.json.

        Raises:
            CheckpointError: it cannot be written; what was there is as it was.
        """
        with output_errors(self.folder, CheckpointError, _FAILED), replacing(self.folder / f"{name}.json") as path:
            path.write_bytes(sealed(json.dumps({NAME: BLANK, **value}, indent=1).encode()))

    def noted(self, name: str) -> dict[str, Any]:
        """What was kept as NAME.json; nothing if it is not there, or cannot be read."""
        try:
            return self._read(name)
        except (OSError, ValueError):
            return {}

    def _read(self, name: str) -> dict[str, Any]:
        path = self.folder / f"{name}.json"
        check_seal(path)
        value = Untrusted(parsed(path.read_text(encoding="utf-8"))).fields(most=_MOST)
        return {name: each.value for name, each in value.items() if name != NAME}

    def write(self, step: Step) -> int:
        """Keep the snapshot of `step`, and return its size in bytes; older ones go, but for the one before it.

        Raises:
            CheckpointError: it cannot be written; those that were there are as they were.
        """
        with (
            output_errors(self.folder, CheckpointError, _FAILED),
            replacing(self.folder / f"snapshot-{step.done:08}.safetensors") as path,
        ):
            size = write_snapshot(path, step)
        _remove(self._files()[:-KEPT])
        return size

    def has_snapshots(self) -> bool:
        """Whether any was ever written, readable or not."""
        return bool(self._files())

    def newest(self, device: torch.device | str = "cpu") -> tuple[Kept | None, tuple[str, ...]]:
        """The newest snapshot that can be read, None if there is none yet; and notes.

        A newer one that cannot be read is removed, and a note says so.

        Raises:
            CheckpointError: there are snapshots, and none can be read.
        """
        notes: list[str] = []
        for path in reversed(self._files()):
            try:
                kept = read_snapshot(path, device)
            except Exception as problem:  # it can be wrong in more ways than anybody lists
                if out_of_memory(problem):
                    raise
                notes.append(f"{path} is damaged ({problem})")
            else:
                _remove(newer for newer in self._files() if newer > path)
                return kept, tuple(f"{note}; the one before it is used." for note in notes)
        if notes:
            raise CheckpointError(f"No snapshot in {self.folder} can be read: {'; '.join(notes)}. Begin the run anew.")
        return None, ()

    def _files(self) -> list[Path]:
        """The snapshots, oldest first."""
        return sorted(self.folder.glob("snapshot-*.safetensors"))


def check_free(folder: Path) -> None:
    """Raise UsageError if `folder` is there and is none that a new run can be kept in."""
    with output_errors(folder, CheckpointError, _FAILED):
        if folder.exists():
            _check_empty(folder)


def _check_empty(folder: Path) -> None:
    if {*folder.iterdir()} - {*_unfinished(folder), folder / "lock"}:
        there = (folder / "run.json").is_file()
        remedy = f"Go on with the run in it (impasto resume {folder}), or name" if there else "Name"
        raise UsageError(f"{folder} is not empty. {remedy} another folder.")


def _unfinished(folder: Path) -> set[Path]:
    """What processes that were killed while they wrote have left behind."""
    return {path for pattern in _UNFINISHED for path in folder.glob(pattern)}


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink()
