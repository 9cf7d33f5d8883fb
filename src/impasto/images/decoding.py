"""A PIL image -> Picture."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from PIL import ExifTags, Image
from torch import Tensor

from impasto.errors import ImageError, ImpastoError
from impasto.images.opening import file_layout, parse_rest, parsing
from impasto.images.picture import Picture, channels_first, composited
from impasto.images.profiles import deep_to_srgb, to_srgb
from impasto.images.transparency import split_alpha, split_deep_alpha

# EXIF orientation -> whether the sides are exchanged, and the axes that are then mirrored
_TURNS: Final[dict[object, tuple[bool, tuple[int, ...]]]] = {
    2: (False, (-1,)),
    3: (False, (-2, -1)),
    4: (False, (-2,)),
    5: (True, ()),
    6: (True, (-1,)),
    7: (True, (-2, -1)),
    8: (True, (-2,)),
}


def from_pil(image: Image.Image) -> Picture:
    """Convert a PIL image of any mode.  Its EXIF orientation and its color profile, if any, are applied.

    Differs: Pillow holds colors with 8 bits per channel: only `load_image` reads more.

    Raises:
        ImageError: the image is damaged (Pillow reads lazily), or of a mode that is not understood
    """
    try:
        return decode(image)
    except ImpastoError:
        raise
    except Exception as problem:
        raise ImageError(
            f"The PIL image ({image.mode}, {image.width}x{image.height}) is unreadable: {problem}."
        ) from problem


def decode(image: Image.Image, notes: tuple[str, ...] = ()) -> Picture:
    """Convert a PIL image; whatever Pillow raises for damaged data passes through."""
    layout = file_layout(image)  # which Pillow forgets once the pixels are loaded
    parse_rest(image)
    image.load()
    base, alpha = split_alpha(image, layout)
    colors, color_note = _colors(base, *_gray_range(image))
    return _upright(image, colors, alpha, (*notes, color_note))


def decode_deep(image: Image.Image, samples: np.ndarray, notes: tuple[str, ...] = ()) -> Picture:
    """Convert the 16-bit samples (`deep_reading.deep_samples`) of a PIL image.  Shape: samples (H, W, C) uint16."""
    colors, alpha = split_deep_alpha(samples, image.info.get("transparency"))
    colors, color_note = deep_to_srgb(colors, image.info.get("icc_profile"))
    return _upright(image, colors, alpha, (*notes, color_note))


def _upright(
    image: Image.Image, colors: np.ndarray, alpha: np.ndarray | None, notes: tuple[str | None, ...]
) -> Picture:
    """Turn and mirror the pixels of `image` as its EXIF block asks; also tell if that block cannot be read."""
    try:
        with parsing():
            orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # the EXIF parser raises nearly everything
        orientation = None
        notes = (*notes, "the EXIF block is damaged and was ignored; the image may lie on its side")
    turned = None if alpha is None else _turned(torch.from_numpy(alpha)[None, None], orientation)
    return composited(_turned(channels_first(colors), orientation), turned, tuple(filter(None, notes)))


def _turned(planes: Tensor, orientation: object) -> Tensor:
    """Shape: (1, C, H, W) -> (1, C, H, W) or (1, C, W, H)."""
    exchanged, mirrored = _TURNS.get(orientation, (False, ()))
    return (planes.mT if exchanged else planes).flip(mirrored).contiguous()


def _gray_range(image: Image.Image) -> tuple[int, bool]:
    """Look up the value of white in a deep gray image, and whether the scale runs from white to black.

    Pillow leaves both to its callers for TIFF files with 12 and 16 bits.
    """
    tags = getattr(image, "tag_v2", {})
    white = 4095 if tags.get(ExifTags.Base.BitsPerSample) == (12,) else 65535
    return white, tags.get(ExifTags.Base.PhotometricInterpretation) == 0


def _colors(image: Image.Image, white: int, inverted: bool) -> tuple[np.ndarray, str | None]:
    """Convert an image without alpha to sRGB; also tell what is doubtful about its colors, if anything.

    Shape: (H, W) -> (H, W) or (H, W, 3), uint8 or float32 in [0, 1]
    """
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return to_srgb(image)
    gray, range_note = _unit_gray(np.asarray(image), white)
    gray, profile = 1 - gray if inverted else gray, image.info.get("icc_profile")
    if not profile:
        return gray, range_note
    colors, profile_note = deep_to_srgb(np.rint(gray * 65535).astype(np.uint16), profile)
    return colors, range_note or profile_note


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
    scaled = ((values.astype(np.float64) - low) / (high - low)).astype(np.float32)
    return scaled, f"the gray values from {low:g} to {high:g} were scaled to the range black to white"
