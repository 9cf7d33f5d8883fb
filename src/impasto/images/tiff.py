"""What libvips does not tell of TIFF files: which page is the picture, and what its extra channels are.

Reference: TIFF 6.0, section 2; BigTIFF; DNG 1.7, DNGVersion
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from PIL.ExifTags import Base as Tag

from impasto.images.formats import CAMERA_RAW, Content

Page = Mapping[int, tuple[int, int]]
"""The tags of a page -> (their first number, its place in the file)."""

MEANINGLESS: Final = 0  # of ExtraSamples
_SEPARATE: Final = 2  # of PlanarConfiguration
_FLOAT: Final = 3  # of SampleFormat
_WHITE_IS_ZERO, _COLOR, _YCBCR, _CIE_LAB = 0, 2, 6, 8  # of PhotometricInterpretation
_JPEGS, _LZMA, _ZSTD = (6, 7), 34925, 50000  # of Compression
_MOST_PAGES: Final = 1000
_NUMBERS: Final = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}  # by the type of the tag


def pages_of(data: Content) -> list[Page]:
    """Read the directories that follow one another, as far as they are whole."""
    order = "<" if data[:1] == b"I" else ">"
    big = b"+" in data[2:4]
    count, link = struct.Struct(order + ("Q" if big else "H")), struct.Struct(order + ("Q" if big else "I"))
    entry = struct.Struct(order + ("HHQQ" if big else "HHII"))
    pages: dict[int, Page] = {}
    try:
        (place,) = link.unpack_from(data, 8 if big else 4)
        while place and place not in pages and len(pages) < _MOST_PAGES:
            start = place + count.size
            end = start + entry.size * count.unpack_from(data, place)[0]
            tags = {}
            for at in range(start, min(end, len(data)), entry.size):
                tag, kind, numbers, elsewhere = entry.unpack_from(data, at)
                form = struct.Struct(order + _NUMBERS.get(kind, "B"))
                value = at + entry.size - link.size if numbers * form.size <= link.size else elsewhere
                tags[tag] = (form.unpack_from(data, value)[0], value)
            pages[place] = tags
            (place,) = link.unpack_from(data, end)
    except (struct.error, OverflowError):
        pass
    return list(pages.values())


def number(page: Page, tag: int, otherwise: int = 0) -> int:
    """The first number of a tag."""
    return page.get(tag, (otherwise, 0))[0]


def is_reduced(page: Page) -> bool:
    """Whether this is a smaller version of another page, such as a thumbnail."""
    return bool(number(page, Tag.NewSubfileType) & 1)


def picture_page(pages: list[Page]) -> int:
    """Find the first page in full size.

    Raises:
        ValueError: this is a camera's raw file
    """
    full = next((index for index, page in enumerate(pages) if not is_reduced(page)), None)
    first = pages[0] if pages else {}
    if Tag.DNGVersion in first or (full is None and Tag.SubIFDs in first):
        raise ValueError(CAMERA_RAW)
    return full or 0


def is_beyond_libvips(page: Page) -> bool:
    """Whether this is gray of 12 bits, CIE L*a*b* in bytes, Y Cb Cr without JPEG, or compressed by ZSTD or LZMA.

    libvips refuses these, or takes Y Cb Cr for colors, and Pillow reads them.
    """
    tags = Tag.BitsPerSample, Tag.PhotometricInterpretation, Tag.Compression
    bits, photometric, compression = (number(page, tag) for tag in tags)
    luminance = photometric == _YCBCR and compression not in _JPEGS
    return bits == 12 or (bits, photometric) == (8, _CIE_LAB) or luminance or compression in (_LZMA, _ZSTD)


def without_traps(data: Content, page: Page) -> Content:
    """The same file, but for what libvips (8.18) reads wrongly: planes that it converts, each line half a line early.

    Gray and alpha are called colors, as which it does not know two channels and copies them as they are.

    Raises:
        ValueError: that is of no help
    """
    if number(page, Tag.PlanarConfiguration) != _SEPARATE or Tag.PhotometricInterpretation not in page:
        return data
    bits, (photometric, place) = number(page, Tag.BitsPerSample, 1), page[Tag.PhotometricInterpretation]
    two, half = number(page, Tag.SamplesPerPixel) == 2, (bits, number(page, Tag.SampleFormat)) == (16, _FLOAT)
    if bits < 8 or half or (two and photometric == _WHITE_IS_ZERO):
        raise ValueError("an uncommon number format in separate planes")
    color = struct.pack("<H" if data[:1] == b"I" else ">H", _COLOR)
    return b"".join((data[:place], color, data[place + 2 :])) if two else data
