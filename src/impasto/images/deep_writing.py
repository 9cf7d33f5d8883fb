"""PNG and TIFF files with 16 bits per channel; Pillow writes them for gray only, but its parts serve here."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, Final

import numpy as np
from PIL import ExifTags, TiffTags
from PIL.PngImagePlugin import putchunk
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from impasto.images.metadata import XMP_TAG, png_text, xmp_packet
from impasto.images.profiles import srgb_profile

_BLOCK: Final = 1 << 20  # bytes of pixels at a time
_LARGEST_TIFF: Final = 2**32 - 2**16  # bytes; offsets have 32 bits


def deep_png(samples: np.ndarray, text: Mapping[str, str]) -> bytes:
    """Encode a PNG file.  Each byte is stored as its difference to the same byte of the pixel before it.

    On three photographs that makes files as small as the Paeth filter does, within 2 %, and needs no search.

    Shape: samples (H, W, 3) or (H, W, 4) uint16
    """
    height, width, channels = samples.shape
    file = BytesIO(b"\x89PNG\r\n\x1a\n")
    file.seek(0, 2)
    putchunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2 if channels == 3 else 6, 0, 0, 0))
    putchunk(file, b"iCCP", b"ICC Profile\0\0", zlib.compress(srgb_profile()))
    for name, data, *_ in png_text(text).chunks:
        putchunk(file, name, data)
    compressor = zlib.compressobj()
    for block in _blocks(samples):
        putchunk(file, b"IDAT", compressor.compress(_filtered(block)))
    putchunk(file, b"IDAT", compressor.flush())
    putchunk(file, b"IEND")
    return file.getvalue()


def deep_tiff(samples: np.ndarray, text: Mapping[str, str]) -> bytes:
    """Encode a TIFF file: deflated differences to the pixel before, in strips.

    Shape: samples (H, W, 3) or (H, W, 4) uint16

    Raises:
        ValueError: more bytes than offsets of 32 bits reach
    """
    strips = [zlib.compress(_differences(block).astype("<u2").tobytes()) for block in _blocks(samples)]
    sizes = [len(strip) for strip in strips]
    if sum(sizes) > _LARGEST_TIFF:
        raise ValueError("a TIFF file holds 4 GB at most")
    file = BytesIO()
    _tiff_tags(samples.shape, sizes, xmp_packet(text)).save(file)
    file.writelines(strips)
    return file.getvalue()


def _rows(height: int, width: int, channels: int) -> int:
    """Compute how many rows make a block."""
    return min(height, max(1, _BLOCK // (2 * width * channels)))


def _blocks(samples: np.ndarray) -> Iterator[np.ndarray]:
    rows = _rows(*samples.shape)
    return (samples[top : top + rows] for top in range(0, len(samples), rows))


def _differences(samples: np.ndarray) -> np.ndarray:
    """Shape: (H, W, C) -> (H, W, C), modulo the type's range."""
    return np.concatenate([samples[:, :1], samples[:, 1:] - samples[:, :-1]], axis=1)


def _filtered(samples: np.ndarray) -> bytes:
    """Lay rows out as PNG stores them: the filter's number (1: Sub), then big-endian samples, byte by byte less."""
    height, width, channels = samples.shape
    pixels = np.ascontiguousarray(samples.astype(">u2")).view(np.uint8).reshape(height, width, 2 * channels)
    rows = _differences(pixels).reshape(height, -1)
    return np.concatenate([np.ones((height, 1), np.uint8), rows], axis=1).tobytes()


def _tiff_tags(shape: tuple[int, int, int], sizes: list[int], xmp: bytes) -> ImageFileDirectory_v2:
    """List the tags of a file whose strips follow right after them."""
    height, width, channels = shape
    base = ExifTags.Base
    tags = ImageFileDirectory_v2()
    tags.tagtype |= dict.fromkeys((base.StripOffsets, base.StripByteCounts), TiffTags.LONG)
    values: dict[int, Any] = {
        base.ImageWidth: width,
        base.ImageLength: height,
        base.BitsPerSample: (16,) * channels,
        base.SamplesPerPixel: channels,
        base.Compression: 8,  # Adobe's deflate
        base.Predictor: 2,  # horizontal differences
        base.PhotometricInterpretation: 2,  # RGB
        base.ExtraSamples: 2 if channels == 4 else None,  # alpha, not premultiplied
        base.RowsPerStrip: _rows(height, width, channels),
        base.InterColorProfile: srgb_profile(),
        base.StripOffsets: tuple(np.cumsum([0, *sizes[:-1]]).tolist()),  # Pillow adds its own length
        base.StripByteCounts: tuple(sizes),
        XMP_TAG: xmp or None,
    }
    for tag, value in values.items():
        if value is not None:
            tags[tag] = value
    return tags
