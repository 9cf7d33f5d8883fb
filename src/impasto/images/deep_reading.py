"""Colors with 16 bits per channel, read with Pillow.

Pillow holds colors as bytes: of each 16-bit sample it unpacks the high byte and drops the low one.  Which is which
follows from the name of the file's layout (`RGB;16B`: big-endian, so the first).  A file that is decoded twice, once
under the name of either byte order, therefore comes out whole.
"""

from __future__ import annotations

import sys
from typing import Final

import numpy as np
from PIL import ExifTags, Image
from PIL.ImageFile import ImageFile

from impasto.images.opening import file_layout, parse, parse_rest

_OPPOSITE: Final = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
_SEPARATE: Final = 2  # of the TIFF tag PlanarConfiguration


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
