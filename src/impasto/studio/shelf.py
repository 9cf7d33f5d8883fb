"""Pictures that were sent to the studio: files under names of our own, known by ids, never by what they were called."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from impasto.choices import SWATCH
from impasto.errors import ImageError, UsageError
from impasto.files import file_hash
from impasto.untrusted import printable

MOST_PIXELS = 100_000_000  # of a picture that is sent
MOST_BYTES = 2 * 10**9  # of all pictures
MOST_PICTURES = 500
LARGEST_VIEW = 2048  # pixels of the long side that is shown
_LONGEST_NAME = 120  # characters
_RAISE_LIMIT = "Make it smaller, or if you trust it raise the limit, --max-pixels."  # a remedy of the command's


class NotThereError(UsageError):
    """An id that nothing has."""


@dataclass(frozen=True)
class Sent:
    """A picture that was sent: what it was called, its size in pixels, and the digest of its file."""

    id: str
    name: str
    width: int
    height: int
    alpha: bool
    sha256: str


class Shelf:
    """The pictures that were sent, in a folder: ID is the file as it came, ID.json what is known of it."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._decoding = Lock()  # one at a time: a large picture takes a gigabyte
        folder.mkdir(parents=True, exist_ok=True)
        self._sent = {each.id: each for each in _found(folder)}
        self._view = lru_cache(maxsize=128)(self._encoded)

    def __getitem__(self, id: str) -> Sent:
        """What is known of a picture.

        Raises:
            NotThereError: there is none.
        """
        if id not in self._sent:
            raise NotThereError("There is no such picture any more. Send it again.")
        return self._sent[id]

    def path(self, id: str) -> Path:
        """Its file.

        Raises:
            NotThereError: there is none.
        """
        return self._folder / self[id].id

    def source(self, id: str) -> str:
        """A picture as runs take it: its file; a swatch is drawn.

        Raises:
            NotThereError: there is none.
        """
        return id if id.startswith(SWATCH) else str(self.path(id))

    def alike(self, sha256: str | None) -> str | None:
        """The id of the picture with this digest, if it is here."""
        return next((each.id for each in reversed([*self._sent.values()]) if each.sha256 == sha256), None)

    def names(self) -> Mapping[str, str]:
        """What the pictures were called, by their ids."""
        return {each.id: each.name for each in [*self._sent.values()]}

    def with_names(self, text: str) -> str:
        """A sentence with what pictures were called in place of our names for them."""
        for id, name in self.names().items():
            text = text.replace(str(self._folder / id), name).replace(id, name)
        return text

    def add(self, file: BinaryIO, name: str) -> Sent:
        """Keep a picture that is sent, once it was read as every picture is; the same file twice is one picture.

        Raises:
            ImageError: it cannot be read.
            UsageError: there is no more room.
        """
        from impasto.images import load_image

        id = secrets.token_urlsafe(12)
        path = self._folder / id
        with _removed_on_failure(path), _told_as(name, path):
            with path.open("wb") as kept:
                shutil.copyfileobj(file, kept)
            digest = file_hash(path)
            if there := self.alike(digest):
                path.unlink()
                return self._sent[there]
            self._check_room(path.stat().st_size)
            with self._decoding:
                picture = load_image(path, max_pixels=MOST_PIXELS)
            height, width = picture.pixels.shape[-2:]
            sent = Sent(id, _plain(name), width, height, picture.alpha is not None, digest)
            path.with_name(f"{id}.json").write_text(json.dumps(asdict(sent)), encoding="utf-8")
        self._sent[id] = sent
        return sent

    def view(self, id: str, size: int) -> tuple[bytes, str]:
        """A picture at a long side of at most `size`, encoded anew, and its media type.

        Raises:
            NotThereError: there is none.
        """
        self.path(id)
        return self._view(id, size)

    def _encoded(self, id: str, size: int) -> tuple[bytes, str]:
        with self._decoding:
            return view_of(self.path(id), size)

    def _check_room(self, more: int) -> None:
        taken = sum(self.path(id).stat().st_size for id in [*self._sent]) + more
        if len(self._sent) >= MOST_PICTURES or taken > MOST_BYTES:
            raise UsageError("The studio's folder is full. Remove runs that you do not need.")

    def keep_only(self, used: set[str]) -> None:
        """Let go of pictures that no run uses, but for the latest few, once there is little room."""
        if len(self._sent) < MOST_PICTURES * 3 // 4:
            return
        for id in [*self._sent][:-20]:
            if id not in used:
                self._sent.pop(id)
                (self._folder / id).unlink(missing_ok=True)
                (self._folder / f"{id}.json").unlink(missing_ok=True)


@contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    """A file that the block has begun is gone if it fails."""
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def _told_as(name: str, path: Path) -> Iterator[None]:
    """What is wrong with the file at `path` is plainly said of the name it came with; the limit is the studio's."""
    try:
        yield
    except ImageError as error:
        remedy = f"{MOST_PIXELS // 10**6} million pixels are the most that the studio takes."
        plain = str(error).replace(f" ({error.detail})", "").replace(_RAISE_LIMIT, remedy)
        raise ImageError(plain.replace(str(path), _plain(name))) from error


def view_of(path: Path, size: int) -> tuple[bytes, str]:
    """The picture in a file at a long side of at most `size`, and its media type: JPEG, or PNG if it is transparent."""
    from impasto.images import at_most, encode_image, load_image

    picture = load_image(path)
    pixels = at_most(picture.pixels, size)
    if picture.alpha is None:
        return encode_image(pixels, ".jpg", quality=88), "image/jpeg"
    return encode_image(pixels, ".png", alpha=at_most(picture.alpha, size)), "image/png"


def _plain(name: str) -> str:
    """What a file was called, as text that can be shown: its last part, without what cannot be seen."""
    return printable(name.replace("\\", "/").rpartition("/")[2])[-_LONGEST_NAME:] or "picture"


def _found(folder: Path) -> Iterator[Sent]:
    """What lies in a folder from an earlier time."""
    for about in sorted(folder.glob("*.json"), key=lambda each: each.stat().st_mtime):
        with suppress(ValueError, TypeError, OSError):
            values: dict[str, Any] = json.loads(about.read_text(encoding="utf-8"))
            sent = Sent(**values)
            if sent.id == about.stem and (folder / sent.id).is_file():
                yield sent
