"""EXIF: what a picture keeps of what its photograph says of itself."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from PIL import ExifTags, Image

_BASE, _IFD = ExifTags.Base, ExifTags.IFD
_RESOLUTION: Final = (_BASE.XResolution, _BASE.YResolution, _BASE.ResolutionUnit)
_SAFE: Final = {
    *(_BASE.Make, _BASE.Model, _BASE.LensMake, _BASE.LensModel, _BASE.Artist, _BASE.Copyright, *_RESOLUTION),
    *(_BASE.DateTime, _BASE.DateTimeOriginal, _BASE.DateTimeDigitized),
    *(_BASE.OffsetTime, _BASE.OffsetTimeOriginal, _BASE.OffsetTimeDigitized),
    *(_BASE.ExposureTime, _BASE.FNumber, _BASE.ISOSpeedRatings, _BASE.FocalLength, _BASE.FocalLengthIn35mmFilm),
}
# What is true of the photograph's file alone: how it lies, its size, where in it other parts and a maker's own are.
_OF_THE_FILE: Final = {
    *(_BASE.Orientation, _BASE.ImageWidth, _BASE.ImageLength, _BASE.ExifImageWidth, _BASE.ExifImageHeight),
    *(_BASE.Compression, _BASE.BitsPerSample, _BASE.ColorSpace, _BASE.StripOffsets, _BASE.StripByteCounts),
    *(_IFD.Exif, _IFD.GPSInfo, _IFD.Interop, _BASE.MakerNote),
}


def kept_exif(data: bytes, how: str = "safe") -> bytes:
    """EXIF data as a result has it: `safe` keeps the date, the camera and its settings, author, copyright, resolution.

    `all` keeps the place and everything else, but for what is true of the photograph's file alone; `none` nothing.
    Nothing is kept of data that are damaged.
    """
    if how == "none" or not data:
        return b""
    kept = Image.Exif()
    try:
        with _parsed(data) as found:
            kept.update(_chosen(found, how))
            if inner := _chosen(found.get_ifd(_IFD.Exif), how):
                kept[_IFD.Exif] = inner
            if how == "all" and (place := found.get_ifd(_IFD.GPSInfo)):
                kept[_IFD.GPSInfo] = dict(place)
            return kept.tobytes() if len(kept) else b""
    except Exception:  # the EXIF parser raises nearly everything
        return b""


def exif_of_resolution(dots: tuple[float, float]) -> bytes:
    """EXIF data that tell nothing but a resolution, horizontally and vertically per millimetre."""
    width, height = (round(25.4 * each, 3) for each in dots)
    told = Image.Exif()
    told.update({_BASE.XResolution: width, _BASE.YResolution: height, _BASE.ResolutionUnit: 2})
    return told.tobytes()


def dots_per_millimetre(data: bytes) -> tuple[float, float] | None:
    """The resolution that EXIF data tell, horizontally and vertically; None if they tell none."""
    try:
        with _parsed(data) as found:
            width, height, unit = (found.get(tag) for tag in _RESOLUTION)
        millimetres = 10.0 if unit == 3 else 25.4
        dots = float(width or 0) / millimetres, float(height or 0) / millimetres
    except Exception:
        return None
    return dots if min(dots) > 0 else None


@contextmanager
def _parsed(data: bytes) -> Iterator[Image.Exif]:
    """What is in the data, as long as it is being read; what Pillow would only warn of is an error."""
    found = Image.Exif()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found.load(data)
        yield found


def _chosen(tags: Any, how: str) -> dict[int, Any]:
    chosen = {tag: value for tag, value in tags.items() if tag not in _OF_THE_FILE and (how == "all" or tag in _SAFE)}
    return {tag: _as_it_was(value) for tag, value in chosen.items()}


def _as_it_was(value: Any) -> Any:
    """Text byte by byte: Pillow reads Latin-1, of which it would write ASCII alone, while cameras write UTF-8."""
    return value.encode("latin-1") if isinstance(value, str) and not value.isascii() else value
