"""Colors with 16 bits per channel, which Pillow holds as bytes: read with its decoders, written with its parts.

Of each 16-bit sample Pillow unpacks the high byte and drops the low one.  Which is which follows from the name of the
file's layout (`RGB;16B`: big-endian, so the first).  A file that is decoded twice, once under the name of either byte
order, therefore comes out whole.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

import numpy as np
from PIL import ExifTags, Image, TiffTags
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import putchunk
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from impasto.images.metadata import XMP_TAG, png_text, xmp_packet
from impasto.images.opening import file_layout, parse, parse_rest
from impasto.images.profiles import srgb_profile

_OPPOSITE: Final = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
_SEPARATE: Final = 2  # of the TIFF tag PlanarConfiguration
_BLOCK: Final = 1 << 20  # bytes of pixels at a time
_LARGEST_TIFF: Final = 2**32 - 2**16  # bytes; offsets have 32 bits


def deep_samples(image: Image.Image) -> np.ndarray | None:
    """Read an image that has 16 bits in each of several channels; None for any other, which stays undecoded.

    `image` has just been opened.  What Pillow raises for damaged data passes through.

    Shape: (H, W, C) uint16; C is 2 for gray with alpha, 3 for color, 4 for color with alpha, not premultiplied
    """
    layout, _, depth = file_layout(image).partition(";16")
    if not isinstance(image, ImageFile) or _in_separate_planes(image) or depth not in _OPPOSITE:
        return None
    if layout == "LA":  # two samples are as many bytes as RGBA has
        return np.asarray(_relabeled(image, "RGBA")).view(">u2").astype(np.uint16)
    if layout not in ("RGB", "RGBX", "RGBA", "RGBa"):
        return None
    straight = layout.replace("a", "A")  # the same bytes, without dividing them by alpha
    stream, format_name = image.fp, image.format
    assert stream is not None
    samples = np.asarray(_relabeled(image, f"{straight};16{depth}")).astype(np.uint16) << 8
    stream.seek(0)
    with parse(stream, format_name or "", image.width * image.height) as again:
        samples |= np.asarray(_relabeled(again, f"{straight};16{_OPPOSITE[depth]}"))
    return _divided(samples) if layout == "RGBa" else samples


def _in_separate_planes(image: ImageFile) -> bool:
    """Tell if a TIFF file keeps each channel apart, of which Pillow reads the high bytes only.

    Raises:
        ValueError: not even those; what came out would be noise
    """
    tags = getattr(image, "tag_v2", {})
    if tags.get(ExifTags.Base.PlanarConfiguration) != _SEPARATE:
        return False
    if image.tile[0][0] == "raw" and max(tags.get(ExifTags.Base.BitsPerSample, (8,))) > 8:
        raise ValueError("16-bit channels in separate planes, not compressed")
    return True


def _relabeled(image: Image.Image, layout: str) -> Image.Image:
    """Let `image` be unpacked as if the file had this layout."""
    assert isinstance(image, ImageFile)
    parse_rest(image)
    image.tile = [
        tile._replace(args=(layout, *tile.args[1:]) if isinstance(tile.args, tuple) else layout) for tile in image.tile
    ]
    return image


def _divided(samples: np.ndarray) -> np.ndarray:
    """Compute colors that are not premultiplied from those that are.  Shape: (H, W, 4) -> (H, W, 4), uint16."""
    alpha = np.maximum(samples[:, :, 3:].astype(np.uint32), 1)
    colors = (samples[:, :, :3].astype(np.uint32) * 65535 + alpha // 2) // alpha
    return np.concatenate([np.minimum(colors, 65535).astype(np.uint16), samples[:, :, 3:]], axis=2)


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
    height, width, channels = samples.shape
    strips = [zlib.compress(_differences(block).astype("<u2").tobytes()) for block in _blocks(samples)]
    sizes = [len(strip) for strip in strips]
    if sum(sizes) > _LARGEST_TIFF:
        raise ValueError("a TIFF file holds 4 GB at most")
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
        base.RowsPerStrip: len(_blocks(samples)[0]),
        base.InterColorProfile: srgb_profile(),
        base.StripOffsets: tuple(np.cumsum([0, *sizes[:-1]]).tolist()),  # Pillow adds its own length
        base.StripByteCounts: tuple(sizes),
        XMP_TAG: xmp_packet(text) or None,
    }
    for tag, value in values.items():
        if value is not None:
            tags[tag] = value
    file = BytesIO()
    tags.save(file)
    file.writelines(strips)
    return file.getvalue()


def _blocks(samples: np.ndarray) -> list[np.ndarray]:
    """Cut an image into blocks of rows."""
    rows = max(1, _BLOCK // samples[0].nbytes)
    return [samples[top : top + rows] for top in range(0, len(samples), rows)]


def _differences(samples: np.ndarray) -> np.ndarray:
    """Shape: (H, W, C) -> (H, W, C), modulo the type's range."""
    return np.concatenate([samples[:, :1], samples[:, 1:] - samples[:, :-1]], axis=1)


def _filtered(samples: np.ndarray) -> bytes:
    """Lay rows out as PNG stores them: the filter's number (1: Sub), then big-endian samples, byte by byte less."""
    height, width, channels = samples.shape
    pixels = np.ascontiguousarray(samples.astype(">u2")).view(np.uint8).reshape(height, width, 2 * channels)
    rows = _differences(pixels).reshape(height, -1)
    return np.concatenate([np.ones((height, 1), np.uint8), rows], axis=1).tobytes()
