"""A file, or an image of Pillow's -> Picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from PIL import ExifTags, Image
from torch import Tensor

from impasto.errors import ImageError, ImpastoError, UsageError
from impasto.images.deep import deep_samples
from impasto.images.opening import ImageFile, file_layout, opened, parse_rest, parsing
from impasto.images.picture import Picture, channels_first, composited
from impasto.images.profiles import deep_to_srgb, to_srgb

# By EXIF orientations: where the sides are exchanged, and the axes that are then mirrored
_EXCHANGED: Final = (5, 6, 7, 8)
_MIRRORED: Final[dict[object, tuple[int, ...]]] = {2: (-1,), 3: (-2, -1), 4: (-2,), 6: (-1,), 7: (-2, -1), 8: (-2,)}
_PREMULTIPLIED: Final = {"La": "LA", "RGBa": "RGBA"}
_WITH_ALPHA: Final = {"LA": "L", "RGBA": "RGB", "PA": "RGB"}
_LOW_BIT_STEPS: Final = {"L;2": 85, "L;4": 17}


def load_image(source: ImageFile, *, max_pixels: int = 100_000_000) -> Picture:
    """Read an image file: upright, in sRGB, its transparency filled; only the first frame of an animation.

    `source` is a path, the bytes of a file or an open binary file.  PNG and TIFF files with 16 bits per channel keep
    them all.

    Raises:
        UsageError: `source` is none of these
        MissingFileError: there is no such file, or it is a folder
        ImageError: the file is no image of a readable format, is damaged, has more than `max_pixels` pixels, or may
            not be read
    """
    if max_pixels < 1:
        raise UsageError(f"max_pixels is {max_pixels}; it must be at least 1.")
    with opened(source, max_pixels=max_pixels) as image:
        with parsing(max_pixels):
            notes = _notes(image)
        return _decoded(image, deep_samples(image), notes)


def from_pil(image: Image.Image) -> Picture:
    """Convert a PIL image of any mode.  Its EXIF orientation and its color profile, if any, are applied.

    Differs: Pillow holds colors with 8 bits per channel: only `load_image` reads more.

    Raises:
        ImageError: the image is damaged (Pillow reads lazily), or of a mode that is not understood
    """
    if not all(image.size):
        raise ImageError(f"The PIL image is {image.width}x{image.height}; both sides must be at least 1 pixel.")
    try:
        return _decoded(image, None, ())
    except ImpastoError:
        raise
    except Exception as problem:
        raise ImageError(
            f"The PIL image ({image.mode}, {image.width}x{image.height}) is unreadable: {problem}."
        ) from problem


def _notes(image: Image.Image) -> tuple[str, ...]:
    """Say which part of a file that holds several images is used."""
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return ()  # in an MPO file, which many cameras write, the others are previews
    words = {
        "TIFF": "several pages: only the first page is used",
        "HEIF": "several images in one file: only the main one is used",
    }
    return (words.get(image.format or "", "animation: only the first frame is used"),)


def _decoded(image: Image.Image, samples: np.ndarray | None, notes: tuple[str, ...]) -> Picture:
    """Convert a PIL image, or its 16-bit `samples`; whatever Pillow raises for damaged data passes through."""
    color_note: str | None
    if samples is None:
        layout = file_layout(image)  # which Pillow forgets once the pixels are loaded
        parse_rest(image)
        image.load()
        base, alpha = _split_alpha(image, layout)
        colors, color_note = _colors(base, getattr(image, "tag_v2", {}))
    else:
        colors, alpha = _split_deep_alpha(samples, image.info.get("transparency"))
        colors, color_note = deep_to_srgb(colors, image.info.get("icc_profile"))
    exif_note = None
    try:
        with parsing():
            orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # the EXIF parser raises nearly everything
        orientation, exif_note = None, "the EXIF block is damaged and was ignored; the image may lie on its side"
    turned = None if alpha is None else _turned(torch.from_numpy(alpha)[None, None], orientation)
    all_notes = tuple(filter(None, (*notes, color_note, exif_note)))
    return composited(_turned(channels_first(colors), orientation), turned, all_notes)


def _turned(planes: Tensor, orientation: object) -> Tensor:
    """Shape: (1, C, H, W) -> (1, C, H, W) or (1, C, W, H)."""
    planes = planes.mT if orientation in _EXCHANGED else planes
    return planes.flip(_MIRRORED.get(orientation, ())).contiguous()


def _split_alpha(image: Image.Image, layout: str) -> tuple[Image.Image, np.ndarray | None]:
    """Take `image` apart into its colors, not premultiplied, and its alpha, if it has one.

    `layout` is that of the pixels in the file, where Pillow knows it; color keys of 2- and 4-bit grays need it.

    Shape: (H, W) -> an image without alpha; (H, W) in [0, 1]
    """
    if image.mode in _PREMULTIPLIED:
        image = image.convert(_PREMULTIPLIED[image.mode])
    if image.mode == "PA" or (image.mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")
    if image.mode in _WITH_ALPHA:
        return image.convert(_WITH_ALPHA[image.mode]), np.asarray(image.getchannel("A"), dtype=np.float32) / 255
    if "transparency" not in image.info:
        return image, None
    keyless = image.copy()
    key = np.asarray(keyless.info.pop("transparency")) * _LOW_BIT_STEPS.get(layout, 1)
    if image.mode == "RGB" and key.max() > 255:
        key = key >> 8  # of an image that a caller opened: Pillow keeps the high byte of 16-bit colors, the whole key
    return keyless, _key_alpha(np.asarray(image.convert("L") if image.mode == "1" else image), key)


def _split_deep_alpha(samples: np.ndarray, key: object) -> tuple[np.ndarray, np.ndarray | None]:
    """Take 16-bit samples apart into colors and alpha; `key` is the color that means transparent, if there is one.

    Shape: (H, W, 2) -> (H, W), (H, W, 3 or 4) -> (H, W, 3); alpha (H, W) in [0, 1]
    """
    channels = samples.shape[2]
    if channels == 3:
        return samples, None if key is None else _key_alpha(samples, np.asarray(key))
    alpha = samples[:, :, -1].astype(np.float32) / np.float32(65535)
    return samples[:, :, 0] if channels == 2 else samples[:, :, :3], alpha


def _key_alpha(values: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Compute the alpha that a color key means: 0 where the pixel is of exactly that color, else 1."""
    differs = values != key
    return np.asarray(differs.any(-1) if differs.ndim == 3 else differs, dtype=np.float32)


def _colors(image: Image.Image, tags: Mapping[int, Any]) -> tuple[np.ndarray, str | None]:
    """Convert an image without alpha to sRGB; also tell what is doubtful about its colors, if anything.

    Of gray TIFF files with 12 and 16 bits, Pillow leaves the value of white, and whether the scale runs from white to
    black, to its callers: `tags` say it.

    Shape: (H, W) -> (H, W) or (H, W, 3), uint8 or float32 in [0, 1]
    """
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return to_srgb(image)
    white = 4095 if tags.get(ExifTags.Base.BitsPerSample) == (12,) else 65535
    gray, range_note = _unit_gray(np.asarray(image), white)
    if tags.get(ExifTags.Base.PhotometricInterpretation) == 0:
        gray = 1 - gray
    profile = image.info.get("icc_profile")
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
