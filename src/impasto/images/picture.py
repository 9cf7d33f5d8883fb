"""Pixels in memory -> Picture."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import Final

import numpy as np
import torch
from PIL import ExifTags, Image
from torch import Tensor

from impasto.errors import ImageError, ImpastoError, UsageError
from impasto.images.profiles import gray_to_srgb, to_srgb
from impasto.images.transparency import fill_behind, split_alpha

_PILLOW_LOCK: Final = RLock()

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as read.

    `pixels` are sRGB values in [0, 1], upright and contiguous; what is transparent is composited over the mean of the
    visible colors.  `alpha` is None where everything is opaque.  `notes` are plain sentences worth telling the user.

    Shape:
        pixels (1, 3, H, W) float32, alpha (1, 1, H, W) float32
    """

    pixels: Tensor
    alpha: Tensor | None = None
    notes: tuple[str, ...] = ()


def from_pil(image: Image.Image) -> Picture:
    """Convert a PIL image of any mode.  Its EXIF orientation and its color profile, if any, are applied.

    Raises:
        ImageError: the image is damaged (Pillow reads lazily), or of a mode that is not understood
    """
    try:
        with quiet_pillow():
            return decode(image)
    except ImpastoError:
        raise
    except Exception as problem:
        raise ImageError(
            f"The PIL image ({image.mode}, {image.width}x{image.height}) is unreadable: {problem}."
        ) from problem


def from_array(array: np.ndarray) -> Picture:
    """Convert an array of sRGB values: uint8 or uint16 over their whole range, or floats in [0, 1].

    Shape:
        (H, W) gray, (H, W, 3) color or (H, W, 4) color with alpha, not premultiplied
    """
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))) or array.size == 0:
        raise UsageError(f"The array has shape {array.shape}; it must be (H, W), (H, W, 3) or (H, W, 4), not empty.")
    values = _unit_range(array)
    alpha = torch.tensor(values[:, :, 3])[None, None] if array.ndim == 3 and array.shape[2] == 4 else None
    colors = values[:, :, :3] if array.ndim == 3 else values
    return _picture(_channels_first(colors), None if alpha is None or alpha.min() == 1 else alpha, ())


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Let no warning of Pillow out; what matters of them becomes an error or a note.

    One thread at a time: the filters of `warnings` belong to the whole process.
    """
    with _PILLOW_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def decode(image: Image.Image, notes: tuple[str, ...] = ()) -> Picture:
    """Convert a PIL image; whatever Pillow raises for damaged data passes through."""
    rawmode = _rawmode(image)
    image.load()
    upright, turn_note = _upright(image)
    base, alpha = split_alpha(upright, rawmode)
    pixels, color_note = _pixels(base, *_gray_range(image))
    return _picture(pixels, alpha, (*notes, *(note for note in (turn_note, color_note) if note)))


def _picture(pixels: Tensor, alpha: Tensor | None, notes: tuple[str, ...]) -> Picture:
    if alpha is None:
        return Picture(pixels, None, notes)
    if not alpha.any():
        notes = (*notes, "the image is transparent everywhere; plain gray is used")
    return Picture(fill_behind(pixels, alpha), alpha, notes)


def _rawmode(image: Image.Image) -> str | None:
    """Name the layout of a PNG's pixels in the file; Pillow forgets it once they are loaded."""
    tiles = getattr(image, "tile", None)
    layout = tiles[0][3] if tiles else None
    return layout if isinstance(layout, str) else None


def _upright(image: Image.Image) -> tuple[Image.Image, str | None]:
    """Turn and mirror `image` as its EXIF block asks; also tell if that block cannot be read."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # the EXIF parser raises nearly everything
        return image, "the EXIF block is damaged and was ignored; the image may lie on its side"
    turn = _TURNS.get(orientation) if isinstance(orientation, int) else None
    return (image if turn is None else image.transpose(turn)), None


def _gray_range(image: Image.Image) -> tuple[int, bool]:
    """Look up the value of white in a deep gray image, and whether the scale runs from white to black.

    Pillow leaves both to its callers for TIFF files with 12 and 16 bits.
    """
    tags = getattr(image, "tag_v2", {})
    white = 4095 if tags.get(ExifTags.Base.BitsPerSample) == (12,) else 65535
    return white, tags.get(ExifTags.Base.PhotometricInterpretation) == 0


def _pixels(image: Image.Image, white: int, inverted: bool) -> tuple[Tensor, str | None]:
    """Convert an image without alpha to sRGB pixels; also tell what is doubtful about its colors, if anything.

    Gray keeps 16 bits and more.  Pillow hands out color with 8 bits per channel, whatever the file holds: a reader of
    deep color belongs beside this function.

    Shape:
        (H, W) -> (1, 3, H, W)
    """
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        rgb, note = to_srgb(image)
        return _channels_first(np.asarray(rgb)), note
    gray, range_note = _unit_gray(np.asarray(image), white)
    gray, profile_note = gray_to_srgb(1 - gray if inverted else gray, image.info.get("icc_profile"))
    return _channels_first(gray), range_note or profile_note


def _unit_gray(values: np.ndarray, white: int) -> tuple[np.ndarray, str | None]:
    """Scale deep gray values to [0, 1]; also tell what is doubtful about their range.

    16-bit values, also where they come in 32-bit integers, are taken over their whole range and floats in [0, 1] as
    they are; anything beyond is stretched from its own lowest value (or 0) to its own highest.
    """
    if values.dtype.kind == "f":
        values, white = np.nan_to_num(values, nan=0, posinf=1, neginf=0), 1
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= white:
        dark = f"the image is very dark: its gray values reach only {high:g} of {white}" if high < white / 16 else None
        return values.astype(np.float32) / np.float32(white), dark
    low, high = min(low, 0.0), max(high, float(white))
    scaled = (values.astype(np.float64) - low) / (high - low)
    return scaled.astype(
        np.float32
    ), f"the gray values from {low:g} to {high:g} were scaled to the range black to white"


def _unit_range(array: np.ndarray) -> np.ndarray:
    """Scale an array of a known type to float32 in [0, 1]."""
    if array.dtype.kind == "u" and array.dtype.itemsize <= 2:
        return array.astype(np.float32) / np.float32(np.iinfo(array.dtype).max)
    if array.dtype.kind != "f":
        raise UsageError(f"The array holds {array.dtype}; it must hold uint8, uint16 or floats in [0, 1].")
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 1):  # also when one of them is not a number
        raise UsageError(
            f"The array's values run from {low:g} to {high:g}; floats must lie in [0, 1]: divide them first."
        )
    return array.astype(np.float32)


def _channels_first(values: np.ndarray) -> Tensor:
    """Copy (H, W) or (H, W, 3), uint8 or float32 in [0, 1], into a contiguous float32 tensor (1, 3, H, W)."""
    if values.ndim == 2:
        values = np.broadcast_to(values[:, :, None], (*values.shape, 3))
    planes = torch.from_numpy(np.array(values.transpose(2, 0, 1), order="C")[None])
    return planes.to(torch.float32).div_(255) if planes.dtype == torch.uint8 else planes
