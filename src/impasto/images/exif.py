"""EXIF: what a picture keeps of what its photograph says of itself."""

from __future__ import annotations

from typing import Any, Final

from PIL import ExifTags, Image

HOW: Final = ("safe", "all", "none")
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
    found, kept = Image.Exif(), Image.Exif()
    try:
        found.load(data)
        kept.update(_chosen(found, how))
        if inner := _chosen(found.get_ifd(_IFD.Exif), how):
            kept[_IFD.Exif] = inner
        if how == "all" and (place := found.get_ifd(_IFD.GPSInfo)):
            kept[_IFD.GPSInfo] = dict(place)
        return kept.tobytes() if len(kept) else b""
    except Exception:  # the EXIF parser raises nearly everything
        return b""


def dots_per_millimetre(data: bytes) -> tuple[float, float] | None:
    """The resolution that EXIF data tell, horizontally and vertically; None if they tell none."""
    found = Image.Exif()
    try:
        found.load(data)
        width, height, unit = (found.get(tag) for tag in _RESOLUTION)
        millimetres = 10.0 if unit == 3 else 25.4
        dots = float(width or 0) / millimetres, float(height or 0) / millimetres
    except Exception:
        return None
    return dots if min(dots) > 0 else None


def _chosen(tags: Any, how: str) -> dict[int, Any]:
    return {tag: value for tag, value in tags.items() if tag not in _OF_THE_FILE and (how == "all" or tag in _SAFE)}
