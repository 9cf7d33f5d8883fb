"""Which image formats are read and written, and what a file that is none of them is."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# Names as Pillow spells them.  HEIF needs the extra `heif`.
READABLE_FORMATS: Final[tuple[str, ...]] = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF")

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

HEADER_BYTES: Final = 64

_READABLE_SIGNATURES: Final[Mapping[str, tuple[bytes, ...]]] = {
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "BMP": (b"BM",),
}
_AVIF_BRANDS: Final = {b"avif", b"avis"}
_HEIF_BRANDS: Final = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}

# What files are that cannot be read, by the bytes at a place.
_OTHER_SIGNATURES: Final[Mapping[str, tuple[int, tuple[bytes, ...]]]] = {
    "a Photoshop file (PSD)": (0, (b"8BPS",)),
    "a GIMP file (XCF)": (0, (b"gimp xcf",)),
    "a Windows icon (ICO)": (0, (b"\0\0\1\0",)),
    "a FITS file": (0, (b"SIMPLE  =",)),
    "a PostScript file (EPS)": (0, (b"%!PS",)),
    "a PDF document": (0, (b"%PDF",)),
    "a JPEG 2000 image": (0, (b"\0\0\0\x0cjP  ",)),
    "a JPEG XL image": (0, (b"\0\0\0\x0cJXL ", b"\xff\x0a")),
    "an OpenEXR image": (0, (b"v/1\x01",)),
    "a Radiance HDR image": (0, (b"#?RADIANCE",)),
    "a DDS texture": (0, (b"DDS ",)),
    "a ZIP archive": (0, (b"PK\3\4",)),
    "a gzip archive": (0, (b"\x1f\x8b",)),
    "a Matroska or WebM video": (0, (b"\x1aE\xdf\xa3",)),
    "a Git LFS pointer, not the file itself": (0, (b"version https://git-lfs",)),
    "a Netpbm image (PBM, PGM, PPM)": (0, tuple(b"P%d%c" % (i, space) for i in range(1, 8) for space in b"\n\r\t #")),
    "a video (MP4, QuickTime)": (4, (b"ftyp",)),
    "a color profile (ICC)": (36, (b"acsp",)),
}
_MARKUP: Final[Mapping[str, tuple[bytes, ...]]] = {
    "an HTML page": (b"<!doctype html", b"<html"),
    "an SVG drawing": (b"<svg",),
    "an XML or SVG file": (b"<?xml",),
}


def readable_format(header: bytes) -> str | None:
    """Name the readable format whose files begin with `header` (at least 64 bytes of it), or None."""
    for name, signatures in _READABLE_SIGNATURES.items():
        if header.startswith(signatures):
            return name
    if header[:4] == b"RIFF" and header[8:12] == b"WEBP":
        return "WEBP"
    return _iso_media_format(header)


def webp_size(header: bytes) -> tuple[int, int]:
    """Compute the width and height that the `header` of a WebP file names; zeros where it names none.

    Pillow's decoder takes memory for the whole canvas as soon as it is made, before it tells the size.

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


def describe(header: bytes) -> str:
    """Say in words what a file that begins with `header` and is in no readable format is."""
    if not header:
        return "an empty file"
    for words, (place, signatures) in _OTHER_SIGNATURES.items():
        if header.startswith(signatures, place):
            return words
    start = header.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for words, tags in _MARKUP.items():
        if start.startswith(tags):
            return words
    return "a text file" if _is_text(header) else "in no known image format"


def _iso_media_format(header: bytes) -> str | None:
    """Tell AVIF from HEIF by the brands of an ISO media file; None for anything else, such as a video."""
    if header[4:8] != b"ftyp":
        return None
    length = min(int.from_bytes(header[:4], "big"), len(header))
    brands = {header[start : start + 4] for start in (8, *range(16, length - 3, 4))}
    return "AVIF" if brands & _AVIF_BRANDS else "HEIF" if brands & _HEIF_BRANDS else None


def _is_text(header: bytes) -> bool:
    """Whether this is UTF-8, of which the end may cut a character, without control characters."""
    try:
        text = getincrementaldecoder("utf-8")().decode(header)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(each in "\t\n\r\f" or (each >= " " and each != "\x7f") for each in text)
