"""A tensor -> a file, which appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO

from PIL import Image
from torch import Tensor

from impasto.errors import MissingFileError, OutputError, UnknownNameError, UsageError
from impasto.files import output_errors, write_atomically
from impasto.images.encoding import encode_image
from impasto.images.formats import WRITABLE_FORMATS


def save_image(
    image: Tensor,
    target: str | os.PathLike[str] | BinaryIO,
    *,
    alpha: Tensor | None = None,
    force: bool = False,
    bits: int = 8,
    quality: int = 95,
    text: Mapping[str, str] | None = None,
) -> None:
    """Write an image file in the format that its extension names; into a stream a PNG file.

    A file appears whole or not at all.  For the rest, see `encode_image`.

    Raises:
        UsageError: see `check_output` and `encode_image`
        OutputError: the format cannot hold an image of this size, the disk is full, no permission
    """
    encode = partial(encode_image, image, alpha=alpha, bits=bits, quality=quality, text=text)
    if not isinstance(target, str | os.PathLike):
        target.write(encode(".png"))
        return
    check_output(target, force=force)
    try:
        data = encode(Path(target).suffix)
    except OutputError as problem:
        raise OutputError(f"{os.fspath(target)} cannot be written: {problem}") from problem
    write_atomically(Path(os.path.realpath(target)), data)


def check_output(
    path: str | os.PathLike[str], *, force: bool = False, formats: Mapping[str, str] = WRITABLE_FORMATS
) -> None:
    """Make sure, before any work starts, that a file in one of `formats` can be written to `path`.  Nothing is created.

    Raises:
        UsageError: no known extension, a folder, or a file that exists while `force` is not set
        MissingFileError: the folder is not there
        OutputError: no permission to write into the folder
    """
    target = Path(path)
    with output_errors(target):
        if target.is_dir():
            raise UsageError(f"{target} is a folder; name a file in it, such as {target / 'result.png'}.")
        _check_extension(target, formats)
        _check_folder(target)
        if target.exists() and not force:
            remedy = "Choose another name, or overwrite it with --force (force=True)."
            raise UsageError(f"{target} exists already. {remedy}")


def _check_extension(target: Path, formats: Mapping[str, str]) -> None:
    extension = target.suffix.lower()
    accepted = ", ".join(formats)
    if not extension:
        raise UsageError(f"{target} has no extension to tell the format by. Add one of {accepted}.")
    if extension in (".gif", ".heic", ".heif"):
        raise UsageError(f"{target}: impasto reads {extension} files but does not write them. Use one of {accepted}.")
    if extension not in formats:
        raise UnknownNameError("extension", extension, formats, of=str(target))
    Image.init()
    if formats is WRITABLE_FORMATS and formats[extension] not in Image.SAVE:
        raise UsageError(f"{target}: this Pillow cannot write {extension} files. Install a newer one, or use .png.")


def _check_folder(target: Path) -> None:
    folder, cannot = target.parent, f"{target} cannot be written"
    if folder.exists() and not folder.is_dir():
        raise MissingFileError(f"{cannot}: {folder} is a file, not a folder.")
    if not folder.is_dir():
        raise MissingFileError(f"{cannot}: there is no folder {folder}. Create it first.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{cannot}: no permission for the folder {folder}. Choose another folder.")
