"""The folder of a clip that is being painted: what it is, and its finished frames, each written whole or not at all.

clip.json          what is painted, of what, and how: another run has another folder
frames/000012.png  a finished frame
begun/000012.png   the same before its colors were finished, where that is another picture
settled/000012.png how settled its places are, where some are new
shots/000012       says that a shot begins with this frame
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from impasto.errors import CheckpointError, UsageError
from impasto.files import InUseError, Lock, file_hash, output_errors, write_atomically
from impasto.video.shot import Canvas

NOTE, KINDS = "clip.json", ("frames", "begun", "settled", "shots")


class FrameFolder:
    """The frames of one run, which is described by `about`; those of a run that was stopped are there already.

    With `anew`, those of another run are thrown away.

    Raises:
        UsageError: the frames in the folder are another run's, or somebody is at work.
        CheckpointError: it cannot be written.
    """

    def __init__(self, path: Path, about: Mapping[str, Any], *, anew: bool = False):
        self.path = path
        with output_errors(path, CheckpointError, "No frames can be kept in {}"):
            check_place(path, about, anew=anew)
            path.mkdir(parents=True, exist_ok=True)
            try:
                self._lock = Lock(path / "lock")
            except InUseError:
                raise UsageError(f"{path} is in use by another run. Wait for its end.") from None
            try:
                check_place(path, about, anew=anew)
                self._begin(about)
            except BaseException:
                self.close()
                raise

    def _begin(self, about: Mapping[str, Any]) -> None:
        if _is_others(self.path, about):
            for name in KINDS:  # the frames first: without them the rest is as good as not there
                shutil.rmtree(self.path / name, ignore_errors=True)
            (self.path / "written").unlink(missing_ok=True)
        for name in KINDS:
            (self.path / name).mkdir(exist_ok=True)
        write_atomically(self.path / NOTE, _text(about).encode())

    def finished(self, number: int) -> bool:
        """Whether the frame is there."""
        return self._at("frames", number).is_file()

    def opens(self, number: int) -> bool:
        """Whether a shot begins with the frame."""
        return (self.path / "shots" / f"{number:06}").exists()

    def add(self, number: int, finished: np.ndarray, canvas: Canvas, *, opens: bool) -> None:
        """Keep a frame, (H, W, 3) uint8, and what the next one begins with."""
        if opens:
            write_atomically(self.path / "shots" / f"{number:06}", b"")
        if not np.array_equal(finished, canvas.image):
            write_atomically(self._at("begun", number), _png(canvas.image))
        if canvas.settled.min() < 255:
            write_atomically(self._at("settled", number), _png(canvas.settled))
        write_atomically(self._at("frames", number), _png(finished))

    def frame(self, number: int) -> np.ndarray:
        """A finished frame.  Shape: (H, W, 3) uint8."""
        return _read(self._at("frames", number), "RGB")

    def canvas(self, number: int) -> Canvas:
        """What the frame after it begins with."""
        begun, settled = self._at("begun", number), self._at("settled", number)
        image = _read(begun, "RGB") if begun.is_file() else self.frame(number)
        new = _read(settled, "L") if settled.is_file() else np.full(image.shape[:2], 255, np.uint8)
        return Canvas(image, new)

    def wrote(self, result: Path) -> None:
        """Remember what was written of the frames, which may be written anew."""
        write_atomically(self.path / "written", _digest(result).encode())

    @property
    def empty(self) -> bool:
        """Whether no frame is finished."""
        return not any((self.path / "frames").glob("*.png"))

    def close(self) -> None:
        """Let others work with the folder."""
        self._lock.release()

    def remove(self) -> None:
        """Take all of it away."""
        self.close()
        with suppress(OSError):
            shutil.rmtree(self.path)

    def _at(self, kind: str, number: int) -> Path:
        return self.path / kind / f"{number:06}.png"


def check_place(path: Path, about: Mapping[str, Any], *, anew: bool) -> None:
    """Make sure that the frames of a run can be kept at `path`; nothing is made there.

    Raises:
        UsageError: something else is there; or frames of another run, and they are not made `anew`.
    """
    ours = (path / NOTE).is_file() or (path.is_dir() and all(each.name == "lock" for each in path.iterdir()))
    if path.exists() and not ours:
        raise UsageError(f"{path} is in the way of the frames. Move it, or choose another name for the result.")
    if _is_others(path, about) and not anew:
        raise UsageError(
            f"{path} holds frames that were painted of other files or with other settings. Throw them away and begin "
            "anew with --force, or choose another name for the result."
        )


def is_written_of(path: Path, result: Path) -> bool:
    """Whether `result` was written of the frames at `path`, and nobody has changed it since."""
    note = path / "written"
    return note.is_file() and note.read_bytes() == _digest(result).encode()


def _is_others(path: Path, about: Mapping[str, Any]) -> bool:
    note = path / NOTE
    return note.is_file() and note.read_bytes() != _text(about).encode()


def _text(about: Mapping[str, Any]) -> str:
    return json.dumps(about, indent=1, sort_keys=True)


def _digest(result: Path) -> str:
    """Of a file, or of all files in a folder."""
    files = sorted(result.iterdir()) if result.is_dir() else [result]
    return " ".join(file_hash(file) for file in files if file.is_file())


def _png(pixels: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _read(path: Path, mode: str) -> np.ndarray:
    try:
        with Image.open(path) as image:
            return np.array(image.convert(mode))
    except (OSError, SyntaxError, ValueError) as problem:
        raise CheckpointError(f"{path} cannot be read: {problem}. Remove it, and start again.") from problem
