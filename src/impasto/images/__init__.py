"""Files <-> tensors.

Inside impasto a picture is a float32 tensor of shape (1, 3, H, W): sRGB values in [0, 1], upright, without alpha.
Everything that makes files differ from that is settled here: formats, orientation, color profiles, transparency,
bit depths, palettes, damage and size limits on the way in; rounding, profiles and atomic writing on the way out.
"""

from collections.abc import Mapping
from types import MappingProxyType

from impasto.images.exif import kept_exif
from impasto.images.formats import READABLE_FORMATS, WRITABLE_FORMATS
from impasto.images.metadata import read_text, with_text_in
from impasto.images.picture import Picture, filled, from_array
from impasto.images.reading import from_pil, load_image
from impasto.images.sizing import Resampler, at_most, resize, resize_like_opencv, resize_nearest, size_for, wrapping
from impasto.images.writing import bits_of, check_encoding, check_output, encode_image, same_pixels, save_image, to_pil

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
    "at_most",
    "bits_of",
    "check_encoding",
    "check_output",
    "encode_image",
    "filled",
    "from_array",
    "from_pil",
    "kept_exif",
    "load_image",
    "read_text",
    "resize",
    "resize_like_opencv",
    "resize_nearest",
    "same_pixels",
    "save_image",
    "size_for",
    "to_pil",
    "with_text_in",
    "wrapping",
]
