"""Which image formats are read and written, and what a file that is none of them is."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Mapping
from mmap import mmap
from types import MappingProxyType
from typing import Final

Content = bytes | mmap
"""The bytes of a file, which need not lie in memory."""

WRITABLE_FORMATS: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".png": "PNG",
        ".jpg": "JPEG",
        ".jpeg": "JPEG",
        ".webp": "WEBP",
        ".tif": "TIFF",
        ".tiff": "TIFF",
        ".bmp": "BMP",
        ".avif": "AVIF",
    }
)
LONGEST_SIDES: Final[Mapping[str, int]] = MappingProxyType({"JPEG": 65_500, "WEBP": 16_383, "AVIF": 16_384})

HEADER_BYTES: Final = 64
CAMERA_RAW: Final = "a camera raw file; develop it first: save it as TIFF or JPEG with a raw converter"

# How files begin.  Camera raw files that call themselves TIFF come first; AVIF and HEIF are told by their brands.
_READABLE: Final = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "WEBP": rb"RIFF.{4}WEBP",
    "TIFF": rb"(II[*+]\0|MM\0[*+])(?!.{4}CR\x02)",
    "BMP": rb"BM",
    "GIF": rb"GIF8[79]a",
    "AVIF": rb".{4}ftyp(.{8}(.{4})*?)?avi[fs]",
    "HEIF": rb".{4}ftyp(.{8}(.{4})*?)?(hei[cxms]|hev[cx]|m[is]f1)",
}
READABLE_FORMATS: Final = tuple(_READABLE)  # HEIF needs the extra `heif`

# How files begin that cannot be read, by what they are; the first that fits.
_OTHERS: Final = {
    CAMERA_RAW: rb"II[*]\0.{4}CR\x02|.{4}ftypcrx |IIR[OS]|MMOR|IIU\0|FUJIFILMCCD-RAW|FOVb|\0MRM",
    "a Photoshop file (PSD)": rb"8BPS",
    "a GIMP file (XCF)": rb"gimp xcf",
    "a Windows icon (ICO)": rb"\0\0\x01\0",
    "a FITS file": rb"SIMPLE  =",
    "a PostScript file (EPS)": rb"%!PS",
    "a PDF document": rb"%PDF",
    "a JPEG 2000 image": rb"\0\0\0\x0cjP  ",
    "a JPEG XL image": rb"\0\0\0\x0cJXL |\xff\x0a",
    "an OpenEXR image": rb"v/1\x01",
    "a Radiance HDR image": rb"#\?RADIANCE",
    "a DDS texture": rb"DDS ",
    "a ZIP archive": rb"PK\x03\x04",
    "a gzip archive": rb"\x1f\x8b",
    "a Matroska or WebM video": rb"\x1aE\xdf\xa3",
    "a Git LFS pointer, not the file itself": rb"version https://git-lfs",
    "a Netpbm image (PBM, PGM, PPM)": rb"P[1-7][\n\r\t #]",
    "a video (MP4, QuickTime)": rb".{4}ftyp",
    "a color profile (ICC)": rb".{36}acsp",
    "an HTML page": rb"(?i)(\xef\xbb\xbf)?\s*(<!doctype html|<html)",
    "an SVG drawing": rb"(?i)(\xef\xbb\xbf)?\s*<svg",
    "an XML or SVG file": rb"(?i)(\xef\xbb\xbf)?\s*<\?xml",
}


def readable_format(header: bytes) -> str | None:
    """Name the readable format whose files begin with `header` (at least 64 bytes of it), or None."""
    return _first_match(_READABLE, header)


def describe(header: bytes) -> str:
    """Say in words what a file that begins with `header` and is in no readable format is."""
    return _first_match(_OTHERS, header) or ("a text file" if _is_text(header) else "in no known image format")


def webp_size(header: bytes) -> tuple[int, int]:
    """Compute the width and height that the `header` of a WebP file names; zeros where it names none.

    libwebp takes memory for the whole canvas before it tells the size.

    Reference: RFC 9649, 2.5 to 2.7
    """
    kind, number = header[12:16], int.from_bytes(header[21:25], "little")
    if kind == b"VP8X":
        return int.from_bytes(header[24:27], "little") + 1, int.from_bytes(header[27:30], "little") + 1
    if kind == b"VP8L":
        return (number & 0x3FFF) + 1, (number >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return int.from_bytes(header[26:28], "little") & 0x3FFF, int.from_bytes(header[28:30], "little") & 0x3FFF
    return 0, 0


def _first_match(patterns: Mapping[str, bytes], header: bytes) -> str | None:
    return next((name for name, pattern in patterns.items() if re.match(pattern, header, re.DOTALL)), None)


def _is_text(header: bytes) -> bool:
    """Whether this is UTF-8, of which the end may cut a character, without control characters."""
    try:
        text = getincrementaldecoder("utf-8")().decode(header)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(each in "\t\n\r\f" or (each >= " " and each != "\x7f") for each in text)
