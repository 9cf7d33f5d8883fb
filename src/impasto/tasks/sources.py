"""Where a task's pictures come from: files, swatches, and images that a program already holds."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from impasto import swatches
from impasto.errors import MissingFileError, UsageError
from impasto.images import Picture, from_array, from_pil, load_image

SWATCH = "swatch:"
ImageSource = str | os.PathLike[str] | BinaryIO | Image.Image | np.ndarray[Any, Any] | Tensor | Picture


def open_picture(source: ImageSource, *, size: int = 512, max_pixels: int = 100_000_000) -> Picture:
    """The picture that `source` means.

    A path or open file is read; `swatch:NAME` or `swatch:NAME:SEED` is drawn with a long side of `size`; a PIL image,
    a NumPy array or a tensor (1, 3, H, W) in [0, 1] is taken as it is.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, str) and source.startswith(SWATCH):
        return _swatch(source, size)
    if isinstance(source, Image.Image):
        return from_pil(source)
    if isinstance(source, np.ndarray):
        return from_array(source)
    if isinstance(source, Tensor):
        return _from_tensor(source)
    try:
        return load_image(source, max_pixels=max_pixels)
    except MissingFileError as error:
        if source not in swatches.names():
            raise
        raise MissingFileError(f"There is no file {source}. Did you mean the swatch {SWATCH}{source}?") from error


def source_name(source: ImageSource) -> str:
    """A short name for messages and file names."""
    if isinstance(source, str) and source.startswith(SWATCH):
        return source.split(":")[1]
    if isinstance(source, str | os.PathLike):
        return os.path.splitext(os.path.basename(os.fspath(source)))[0]  # noqa: PTH119, PTH122
    return "image"


def source_label(source: ImageSource) -> str:
    """What messages call a picture: a file by its name with the extension, a swatch as it was asked for."""
    return os.path.basename(os.fspath(source)) if isinstance(source, str | os.PathLike) else "image"  # noqa: PTH119


def image_notes(sources: Iterable[ImageSource], pictures: Iterable[Picture]) -> tuple[str, ...]:
    """What a person should know of the files that were read, under their names."""
    read = zip(sources, pictures, strict=True)
    return tuple(f"{source_label(source)}: {note}" for source, picture in read for note in picture.notes)


def _swatch(source: str, size: int) -> Picture:
    name, _, seed = source.removeprefix(SWATCH).partition(":")
    if seed and not seed.isdecimal():
        raise UsageError(f"{source!r}: the seed of a swatch is a whole number, as in {SWATCH}{name}:7.")
    width = min(max(64, size), swatches.LARGEST)
    return from_array(swatches.draw(name, width=width, height=round(width * 3 / 4), seed=int(seed or 0)))


def _from_tensor(image: Tensor) -> Picture:
    if image.ndim != 4 or image.shape[:2] != (1, 3):
        raise UsageError(f"An image tensor is (1, 3, H, W), sRGB in [0, 1]; this one is {tuple(image.shape)}.")
    return Picture(image.detach().to("cpu", torch.float32))
