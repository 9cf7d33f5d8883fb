"""Files <-> tensors.

Inside impasto a picture is a float32 tensor of shape (1, 3, H, W): sRGB values in [0, 1], upright, without alpha.
Everything that makes files differ from that is settled here: formats, orientation, color profiles, transparency,
bit depths, palettes, damage and size limits on the way in; rounding, profiles and atomic writing on the way out.

    formats.py       which formats are read and written, and what a file that is none of them looks like
    streams.py       paths, bytes and open files -> a stream
    opening.py       files, bytes and streams -> an image that Pillow has opened, every failure in plain words
    reading.py       load_image: a file -> Picture
    deep_reading.py  16-bit colors, of which Pillow alone keeps 8 bits
    decoding.py      from_pil: an image that Pillow has opened -> Picture
    picture.py       Picture; from_array: an array -> Picture
    profiles.py      ICC profiles -> sRGB
    shaper.py        ... those that are curves and a matrix, at any depth
    gamut.py         colors that sRGB does not have -> the nearest that it has
    transparency.py  what is behind transparent pixels
    encoding.py      to_pil, encode_image: a tensor -> the bytes of a file
    deep_writing.py  16-bit PNG and TIFF files
    metadata.py      read_text: what a file says of itself
    writing.py       check_output, save_image: a tensor -> a file, whole or not at all
    comparing.py     same_pixels: whether a file has a picture's pixels
    sizing.py        size_for, resize, resize_nearest
    opencv.py        resize_like_opencv
"""

from collections.abc import Mapping
from types import MappingProxyType

from impasto.images.comparing import same_pixels
from impasto.images.decoding import from_pil
from impasto.images.encoding import check_encoding, encode_image, to_pil
from impasto.images.formats import READABLE_FORMATS, WRITABLE_FORMATS
from impasto.images.metadata import read_text
from impasto.images.opencv import resize_like_opencv
from impasto.images.picture import Picture, from_array
from impasto.images.reading import load_image
from impasto.images.sizing import Resampler, resize, resize_nearest, size_for
from impasto.images.writing import check_output, save_image

# By the names that recipes have for them.
RESAMPLERS: Mapping[str, Resampler] = MappingProxyType(
    {"bicubic": resize, "nearest": resize_nearest, "opencv": resize_like_opencv}
)

__all__ = [
    "READABLE_FORMATS",
    "RESAMPLERS",
    "WRITABLE_FORMATS",
    "Picture",
    "Resampler",
    "check_encoding",
    "check_output",
    "encode_image",
    "from_array",
    "from_pil",
    "load_image",
    "read_text",
    "resize",
    "resize_like_opencv",
    "resize_nearest",
    "same_pixels",
    "save_image",
    "size_for",
    "to_pil",
]
