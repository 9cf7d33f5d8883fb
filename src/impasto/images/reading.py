"""A file -> Picture."""

from __future__ import annotations

from PIL import Image

from impasto.errors import UsageError
from impasto.images.decoding import decode, decode_deep
from impasto.images.deep_reading import deep_samples
from impasto.images.opening import opened, parsing
from impasto.images.picture import Picture
from impasto.images.streams import ImageFile


def load_image(source: ImageFile, *, max_pixels: int = 100_000_000) -> Picture:
    """Read an image file: upright, in sRGB, its transparency filled; only the first frame of an animation.

    `source` is a path, the bytes of a file or an open binary file.  PNG and TIFF files with 16 bits per channel keep
    them all.

    Raises:
        MissingFileError: there is no such file, or it is a folder
        ImageError: the file is no image of a readable format, is damaged, has more than `max_pixels` pixels, or may
            not be read
    """
    if max_pixels < 1:
        raise UsageError(f"max_pixels is {max_pixels}; it must be at least 1.")
    with opened(source, max_pixels=max_pixels) as image:
        with parsing(max_pixels):
            notes = _notes(image)
        samples = deep_samples(image)
        return decode(image, notes) if samples is None else decode_deep(image, samples, notes)


def _notes(image: Image.Image) -> tuple[str, ...]:
    """Say which part of a file that holds several images is used."""
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return ()  # in an MPO file, which many cameras write, the others are previews
    words = {
        "TIFF": "several pages: only the first page is used",
        "HEIF": "several images in one file: only the main one is used",
    }
    return (words.get(image.format or "", "animation: only the first frame is used"),)
