"""Which image formats are read and written, and what a file that is none of them is."""

from __future__ import annotations

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

_READABLE_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
)

_OTHER_SIGNATURES: Final = (
    (b"8BPS", "a Photoshop file (PSD)"),
    (b"gimp xcf", "a GIMP file (XCF)"),
    (b"\0\0\1\0", "a Windows icon (ICO)"),
    (b"SIMPLE  =", "a FITS file"),
    (b"%!PS", "a PostScript file (EPS)"),
    (b"%PDF", "a PDF document"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"v/1\x01", "an OpenEXR image"),
    (b"#?RADIANCE", "a Radiance HDR image"),
    (b"DDS ", "a DDS texture"),
    (b"PK\3\4", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
    *((b"P%d%c" % (digit, space), "a Netpbm image (PBM, PGM, PPM)") for digit in range(1, 8) for space in b"\n\r\t #"),
)

_MARKUP: Final = (
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML or SVG file"),
)


def readable_format(header: bytes) -> str | None:
    """Name the readable format whose files begin with `header` (at least 64 bytes of it), or None."""
    for signature, name in _READABLE_SIGNATURES:
        if header.startswith(signature):
            return name
    if header[:4] == b"RIFF" and header[8:12] == b"WEBP":
        return "WEBP"
    return _iso_media_format(header)


def webp_size(header: bytes) -> tuple[int, int]:
    """Compute the width and height that the `header` of a WebP file names; zeros where it names none.

    Pillow's decoder takes memory for the whole canvas as soon as it is made, before it tells the size.

    Reference:
        RFC 9649, 2.5 to 2.7
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
    for signature, words in _OTHER_SIGNATURES:
        if header.startswith(signature):
            return words
    if header[4:8] == b"ftyp":
        return "a video (MP4, QuickTime)"
    if header[36:40] == b"acsp":
        return "a color profile (ICC)"
    return _describe_text(header)


def _iso_media_format(header: bytes) -> str | None:
    """Tell AVIF from HEIF by the brands of an ISO media file; None for anything else, such as a video."""
    if header[4:8] != b"ftyp":
        return None
    length = min(int.from_bytes(header[:4], "big"), len(header))
    brands = {header[start : start + 4] for start in (8, *range(16, length - 3, 4))}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIF" if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"} else None


def _describe_text(header: bytes) -> str:
    start = header.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for tag, words in _MARKUP:
        if start.startswith(tag):
            return words
    is_text = all(byte >= 32 or byte in b"\t\n\r\f" for byte in header)
    return "a text file" if is_text and b"\x7f" not in header and _is_utf8(header) else "in no known image format"


def _is_utf8(header: bytes) -> bool:
    try:
        header.decode()
    except UnicodeDecodeError as problem:
        return problem.start > 0 and problem.start >= len(header) - 3  # a character cut by the header's end
    return True
