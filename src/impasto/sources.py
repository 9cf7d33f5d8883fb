"""Where a run's pictures come from: files, swatches, and images that a program already holds; each scaled once."""

from __future__ import annotations

import hashlib
import os
import reprlib
from collections.abc import Iterable
from copy import copy
from functools import lru_cache
from typing import Any, BinaryIO

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from impasto import swatches
from impasto.choices import SWATCH
from impasto.errors import MissingFileError, UsageError
from impasto.files import file_hash, missing
from impasto.images import Picture, Resampler, from_array, from_pil, load_image
from impasto.record import Input

_LONGEST_SEED = 20  # digits, as 64 bits have
ImageSource = str | os.PathLike[str] | BinaryIO | Image.Image | np.ndarray[Any, Any] | Tensor | Picture


def open_picture(source: ImageSource, *, size: int = 512, max_pixels: int = 200_000_000) -> Picture:
    """The picture that `source` means.

    A path or open file is read; `swatch:NAME` or `swatch:NAME:SEED` is drawn with a long side of `size`; a PIL image,
    a NumPy array or a tensor, uint8 or floats in [0, 1], is taken as it is.

    Raises:
        UsageError: it means none.
        ImageError: it cannot be read.
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
    if not isinstance(source, str | os.PathLike | bytes) and not hasattr(source, "read"):
        raise UsageError(
            f"{reprlib.repr(source)} is a {type(source).__name__}, and no picture; give a path, {SWATCH}NAME, an image "
            "of Pillow's, an array or a tensor."
        )
    try:
        return load_image(source, max_pixels=max_pixels)
    except MissingFileError as error:
        if source not in swatches.names():
            raise
        raise missing(_path(source), swatches.names()) from error


def source_name(source: ImageSource) -> str:
    """A short name for messages and file names."""
    path = _path(source)
    if path.startswith(SWATCH):
        return path.split(":")[1]
    return os.path.splitext(os.path.basename(path))[0] or "image"  # noqa: PTH119, PTH122


def given_name(source: ImageSource) -> str:
    """What a person calls it: the file as it was given, or a swatch."""
    return _path(source) or "image"


def image_notes(sources: Iterable[ImageSource], pictures: Iterable[Picture]) -> tuple[str, ...]:
    """What a person should know of the files that were read, under their names."""
    read = zip(sources, pictures, strict=True)
    return tuple(
        f"{os.path.basename(_path(source)) or 'image'}: {note}"  # noqa: PTH119
        for source, picture in read
        for note in picture.notes
    )


def recorded_input(role: str, source: ImageSource, picture: Picture) -> Input:
    """A picture as records have it: its name as it was given, and the sha256 of its file or else of its pixels."""
    name = _path(source)
    if name and not name.startswith(SWATCH) and os.path.isfile(name):  # noqa: PTH113
        return Input(role, name, sha256=file_hash(name))
    return Input(role, name, pixels=_pixels_of(picture))


def is_recorded(entry: Input, file: str) -> bool:
    """Whether a file is the one of a record; where that was no file, whether it has the very pixels.

    Raises:
        ImageError: it is no picture
    """
    return file_hash(file) == entry.sha256 if entry.sha256 else _pixels_of(load_image(file)) == entry.pixels


def _pixels_of(picture: Picture) -> str:
    values = picture.pixels.detach().to("cpu", torch.float32).contiguous().numpy()
    return hashlib.sha256(values.tobytes()).hexdigest()


def _path(source: ImageSource) -> str:
    """The path of a file, or a swatch as it was asked for; nothing for an image in memory."""
    return os.fspath(source) if isinstance(source, str | os.PathLike) else ""


def _swatch(source: str, size: int) -> Picture:
    name, _, seed = source.removeprefix(SWATCH).partition(":")
    if seed and not (seed.isdecimal() and len(seed) <= _LONGEST_SEED):
        example = f"{SWATCH}{name}:7, of at most {_LONGEST_SEED} digits"
        raise UsageError(f"{source!r}: the seed of a swatch is a whole number, as in {example}.")
    width = min(max(64, size), swatches.LARGEST)
    return from_array(_drawn(name, width, int(seed or 0)))


@lru_cache(maxsize=2)  # some take a second
def _drawn(name: str, width: int, seed: int) -> np.ndarray[Any, Any]:
    return swatches.draw(name, width=width, height=round(width * 3 / 4), seed=seed)


def _from_tensor(image: Tensor) -> Picture:
    """A tensor is checked as an array is, which it becomes.  Shape: (1, C, H, W), (C, H, W) or (H, W)."""
    planes = image[0] if image.ndim == 4 and len(image) == 1 else image
    if planes.ndim not in (2, 3) or (planes.ndim == 3 and len(planes) not in (1, 3, 4)) or not planes.numel():
        this = f"{tuple(image.shape)}, {str(image.dtype).removeprefix('torch.')}"
        raise UsageError(f"An image tensor is (1, 3, H, W) or (3, H, W), not empty; this one is {this}.")
    values = planes.detach().cpu()
    values = values.float() if values.is_floating_point() else values
    return from_array((values.movedim(0, -1).squeeze(-1) if planes.ndim == 3 else values).numpy())


class Resampled:
    """A picture at the sizes that are asked of it, each made once, with its transparency, if it has any.

    Shape: pixels (1, 3, H, W), alpha (1, 1, H, W).
    """

    def __init__(
        self,
        pixels: Tensor,
        resample: Resampler,
        device: torch.device | str = "cpu",
        alpha: Tensor | None = None,
    ):
        height, width = pixels.shape[-2:]
        self.shape = height, width
        self._original: Tensor | None = pixels
        self._resample = resample
        self._device = torch.device(device)
        self._made: dict[tuple[int, int], Tensor] = {}
        self._alpha = None if alpha is None else Resampled(alpha, resample, device)

    def visible(self, height: int, width: int) -> Tensor | None:
        """How much of each pixel can be seen at this size, (1, 1, height, width); None for all."""
        return self._alpha.at(height, width) if self._alpha else None

    def at(self, height: int, width: int) -> Tensor:
        """The picture at this size, (1, 3, height, width), on the device."""
        if (height, width) not in self._made:
            assert self._original is not None, f"{width}x{height} is none of the sizes that were kept"
            self._made[height, width] = self._resample(self._original, height, width).to(self._device)
        return self._made[height, width]

    def like(self, pixels: Tensor, hidden: Tensor | None = None) -> Resampled:
        """Another picture of the same size, with this one's transparency, or else of which so much is `hidden`."""
        if hidden is not None:
            alpha = 1 - hidden if bool((hidden < 1).any()) else None
            return Resampled(pixels, self._resample, self._device, alpha)
        other = Resampled(pixels, self._resample, self._device)
        other._alpha = self._alpha
        return other

    def only(self, sizes: Iterable[tuple[int, int]]) -> Resampled:
        """The same at these sizes alone; the original can be let go."""
        kept = copy(self)
        sizes = list(sizes)
        kept._made = {size: self.at(*size) for size in sizes}
        kept._original, kept._alpha = None, self._alpha and self._alpha.only(sizes)
        return kept

    def reduced(self, side: int) -> Resampled:
        """The smallest that there is of it, squeezed into `side` by `side` pixels."""
        there = self._original if self._original is not None else min(self._made.values(), key=torch.numel)
        reduced = Resampled(F.interpolate(there, (side, side)).to(self._device), self._resample, self._device)
        reduced._alpha = self._alpha and self._alpha.reduced(side)
        return reduced

    def on(self, device: torch.device) -> Resampled:
        """The same on another device."""
        moved = copy(self)
        moved._device, moved._made = device, {size: image.to(device) for size, image in self._made.items()}
        moved._alpha = self._alpha and self._alpha.on(device)
        return moved
