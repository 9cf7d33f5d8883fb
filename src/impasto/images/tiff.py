"""What libvips does not tell of TIFF files: which page is the picture, and what its extra channels are.

Reference: TIFF 6.0, section 2; BigTIFF; DNG 1.7, DNGVersion
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from impasto.images.formats import CAMERA_RAW, Content

Page = Mapping[int, tuple[int, int]]
"""The tags of a page -> (their first number, its place in the file)."""

SUBFILE_TYPE: Final = 254
BITS: Final = 258
PHOTOMETRIC: Final = 262
COMPRESSION: Final = 259
SAMPLES: Final = 277
PLANES: Final = 284
SUBDIRECTORIES: Final = 330
EXTRA_SAMPLES: Final = 338
SAMPLE_FORMAT: Final = 339
DNG_VERSION: Final = 50706
MEANINGLESS: Final = 0  # of EXTRA_SAMPLES
SEPARATE: Final = 2  # of PLANES
FLOAT: Final = 3  # of SAMPLE_FORMAT
WHITE_IS_ZERO: Final = 0  # of PHOTOMETRIC
CIE_LAB: Final = 8
YCBCR: Final = 6
JPEGS: Final = (6, 7)
LZMA, ZSTD = 34925, 50000

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


def is_reduced(page: Page) -> bool:
    """Whether this is a smaller version of another page, such as a thumbnail."""
    return bool(page.get(SUBFILE_TYPE, (0, 0))[0] & 1)


def picture_page(pages: list[Page]) -> int:
    """Find the first page in full size.

    Raises:
        ValueError: this is a camera's raw file
    """
    full = next((number for number, page in enumerate(pages) if not is_reduced(page)), None)
    first = pages[0] if pages else {}
    if DNG_VERSION in first or (full is None and SUBDIRECTORIES in first):
        raise ValueError(CAMERA_RAW)
    return full or 0


def is_beyond_libvips(page: Page) -> bool:
    """Whether this is gray of 12 bits, CIE L*a*b* in bytes, Y Cb Cr without JPEG, or compressed by ZSTD or LZMA.

    libvips refuses these, or takes Y Cb Cr for colors, and Pillow reads them.
    """
    bits, photometric, compression = (page.get(tag, (0, 0))[0] for tag in (BITS, PHOTOMETRIC, COMPRESSION))
    luminance = photometric == YCBCR and compression not in JPEGS
    return bits == 12 or (bits, photometric) == (8, CIE_LAB) or luminance or compression in (LZMA, ZSTD)


def without_traps(data: Content, page: Page) -> Content:
    """The same file, but for what libvips (8.18) reads wrongly: planes that it converts, each line half a line early.

    Gray and alpha are called colors, as which it does not know two channels and copies them as they are.

    Raises:
        ValueError: that is of no help
    """
    if page.get(PLANES, (1, 0))[0] != SEPARATE or PHOTOMETRIC not in page:
        return data
    bits, (photometric, place) = page.get(BITS, (1, 0))[0], page[PHOTOMETRIC]
    two, half = page.get(SAMPLES, (1, 0))[0] == 2, (bits, page.get(SAMPLE_FORMAT, (1, 0))[0]) == (16, FLOAT)
    if bits < 8 or half or (two and photometric == WHITE_IS_ZERO):
        raise ValueError("an uncommon number format in separate planes")
    color = struct.pack("<H" if data[:1] == b"I" else ">H", 2)
    return b"".join((data[:place], color, data[place + 2 :])) if two else data
