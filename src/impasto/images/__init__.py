"""Files <-> tensors.

Inside impasto a picture is a float32 tensor of shape (1, 3, H, W): sRGB values in [0, 1], upright, without alpha.
Everything that makes files differ from that is settled here: formats, orientation, color profiles, transparency,
bit depths, palettes, damage and size limits on the way in; rounding, profiles and atomic writing on the way out.

    formats.py       which formats are read and written, and what a file that is none of them looks like
    reading.py       load_image: a file -> Picture
    picture.py       Picture; from_pil, from_array: pixels in memory -> Picture
    profiles.py      ICC profiles -> sRGB
    transparency.py  what is behind transparent pixels
    writing.py       to_pil, check_output, save_image: a tensor -> a file
    sizing.py        size_for, resize, resize_nearest
    opencv.py        resize_like_opencv
"""

from impasto.images.decoding import from_pil
from impasto.images.formats import READABLE_FORMATS, WRITABLE_FORMATS
from impasto.images.metadata import read_text
from impasto.images.opencv import resize_like_opencv
from impasto.images.picture import Picture, from_array
from impasto.images.reading import load_image
from impasto.images.sizing import Resampler, resize, resize_nearest, size_for
from impasto.images.writing import check_output, save_image, to_pil

__all__ = [
    "READABLE_FORMATS",
    "WRITABLE_FORMATS",
    "Picture",
    "Resampler",
    "check_output",
    "from_array",
    "from_pil",
    "load_image",
    "read_text",
    "resize",
    "resize_like_opencv",
    "resize_nearest",
    "save_image",
    "size_for",
    "to_pil",
]
