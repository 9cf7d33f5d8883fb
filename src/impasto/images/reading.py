"""A file, or an image of Pillow's -> Picture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from impasto.errors import ImageError, ImpastoError, UsageError
from impasto.images.decoding import ICC, array_of, color_bands, field, from_pillow
from impasto.images.exif import exif_of_resolution
from impasto.images.opening import ImageFile, opened
from impasto.images.picture import Picture, of_samples
from impasto.images.profiles import to_srgb

if TYPE_CHECKING:
    import pyvips

MAX_PIXELS: Final = 200_000_000
_UNTOLD: Final = (1.0, 1.0)  # dots per millimetre, as libvips has it where a file tells none
_NO_DATA: Final = -9999  # in measurements, where nothing is lower
_UNLIKELY: Final = 1e30  # from here on, too, a number means that there is none


def load_image(source: ImageFile, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read an image file: upright, in sRGB, its transparency kept; only the first frame of an animation.

    `source` is a path, the bytes of a file or an open binary file.  More than 8 bits per channel are kept.

    Raises:
        UsageError: `source` is none of these
        MissingFileError: there is no such file, or it is a folder
        ImageError: the file is no image of a readable format, is damaged, has more than `max_pixels` pixels, or may
            not be read
    """
    if max_pixels < 1:
        raise UsageError(f"max_pixels is {max_pixels}; it must be at least 1.")
    with opened(source, max_pixels=max_pixels) as image:
        decoded = image.decode()
        dots = decoded.xres, decoded.yres
        exif = field(decoded, "exif-data", b"") or (b"" if dots == _UNTOLD else exif_of_resolution(dots))
        return replace(_picture(decoded, image.notes), exif=exif)


def from_pil(image: Image.Image) -> Picture:
    """Convert a PIL image of any mode.  Its EXIF orientation and its color profile, if any, are applied.

    Differs: Pillow holds colors with 8 bits per channel: only `load_image` reads more.

    Raises:
        ImageError: the image is damaged (Pillow reads lazily), or of a mode that is not understood
    """
    if not all(image.size):
        raise ImageError(f"The PIL image is {image.width}x{image.height}; both sides must be at least 1 pixel.")
    try:
        return replace(_picture(*from_pillow(image)), exif=image.info.get("exif", b""))
    except ImpastoError:
        raise
    except Exception as problem:
        raise ImageError(
            f"The PIL image ({image.mode}, {image.width}x{image.height}) is unreadable: {problem}."
        ) from problem


def _picture(image: pyvips.Image, notes: tuple[str, ...]) -> Picture:
    """Decode, turn upright, and take apart into colors and alpha."""
    if field(image, "orientation", 1) > 1:
        image = image.copy_memory().autorot()
    if image.interpretation in ("lab", "labs"):
        image = image.colourspace("rgb16")
    values, count = array_of(image), color_bands(image)
    colors, missing, note = _in_known_range(values[:, :, :count])
    alpha, alpha_note = None, None
    if values.shape[2] > count:
        alpha, _, told = _in_known_range(values[:, :, count : count + 1])
        alpha_note = told and f"of its transparency, {told}"
    if missing is not None:
        alpha = np.where(missing, np.uint8(0), np.uint8(255))
    profile, profile_note = field(image, ICC), None
    if profile:
        colors, profile_note = to_srgb(_levels(colors), profile)
    return of_samples(colors, alpha, tuple(filter(None, (*notes, note, alpha_note, profile_note))))


def _in_known_range(values: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, str | None]:
    """Bring samples to uint8, uint16 or floats in [0, 1]; also tell which pixels have none, and what is doubtful.

    Unsigned integers are taken over their whole range and floats in [0, 1] as they are; anything else is stretched
    from its own lowest value (or 0) to its own highest.

    Shape: (H, W, C) -> (H, W, C); (H, W, 1) bool, or None where none are missing
    """
    if values.dtype.kind == "u":
        white = np.iinfo(values.dtype).max
        dark = values.dtype != np.uint8 and values.shape[2] == 1 and (highest := values.max()) < white / 16
        note = f"the image is very dark: its gray values reach only {highest} of {white}" if dark else None
        return values if values.dtype.itemsize <= 2 else values / np.float64(white), None, note
    known = np.abs(values) < _UNLIKELY
    known &= values != _NO_DATA if values.min(where=known, initial=0) == _NO_DATA else True
    missing = None if known.all() else ~known.all(-1, keepdims=True)
    values = np.where(known, values, 0).astype(np.float64)
    low, high = min(0.0, float(values.min())), float(values.max())
    lacking = 0 if missing is None else np.count_nonzero(missing)
    told = f"pixels without a value are transparent: {lacking:,}" if lacking else ""
    if low == 0 and high <= 1 and missing is None:
        return values, None, None
    if low < 0 or high > 1:
        values = (values - low) / (high - low)
        scaled = f"the values from {low:g} to {high:g} were scaled to the range black to white"
        told = f"{scaled}; {told}" if told else scaled
    return values, missing, told


def _levels(colors: np.ndarray) -> np.ndarray:
    """What color profiles are applied to: uint8 as they are, floats with 16 bits."""
    return colors if colors.dtype.kind == "u" else np.rint(colors * 65535).astype(np.uint16)
