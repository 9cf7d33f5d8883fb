"""The bytes of a file, or an image of Pillow's -> an image of libvips.

libvips decodes PNG, JPEG, WebP, TIFF and AVIF.  What its wheels do not decode, or decode wrongly, is left to others:
BMP, GIF and rare kinds of TIFF to Pillow, HEIC to pillow_heif.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import ExifTags, Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.TiffImagePlugin import TiffImageFile

from impasto.images import png, tiff
from impasto.images.formats import Content

if TYPE_CHECKING:
    import pyvips

ICC: Final = "icc-profile-data"
_LOADERS: Final = {"PNG": "png", "JPEG": "jpeg", "WEBP": "webp", "TIFF": "tiff", "AVIF": "heif"}
_THREADS: Final = 2  # of libvips for one image; its decoders have one each
_KEPT: Final = ("L", "LA", "RGB", "RGBA", "CMYK", "LAB", "F", "I", "I;16", "I;16L", "I;16B", "I;16N")  # modes of Pillow
_KEYED: Final = ("1", "L", "P", "RGB")  # those of which a color, or some of a palette, may be transparent
_HDR: Final = {16: "PQ", 18: "HLG"}  # transfer functions, by their numbers in ITU-T H.273

_ANIMATION: Final = "animation: only the first frame is used"
_PAGES: Final = "several pages: only the first page is used"
_IMAGES: Final = "several images in one file: only the main one is used"
_BROKEN_EXIF: Final = "the EXIF block is damaged and was ignored; the image may lie on its side"


class RefusalError(Exception):
    """A file that is whole but not to be read: the words that follow its name."""


@dataclass(frozen=True)
class Encoded:
    """An image file whose pixels are not decoded yet; `notes` are plain sentences worth telling the user.

    It holds the bytes that `decode` reads, perhaps as late as pixels are asked for: keep it until then.
    """

    format: str
    data: Content
    width: int
    height: int
    decode: Callable[[], pyvips.Image]
    xmp: bytes = b""
    notes: tuple[str, ...] = ()


@cache
def libvips() -> Any:
    """The module `pyvips`, imported when it is first needed; it keeps no results.

    Loaders are called by their names, so that those which libvips has for other formats are never tried.  A program
    that has imported pyvips before has settings of its own, which stay.
    """
    ours = "pyvips" not in sys.modules
    pyvips = import_module("pyvips")
    if ours:
        pyvips.cache_set_max(0)
        pyvips.vips_lib.vips_concurrency_set(_THREADS)
    return pyvips


def encoded_image(data: Content, format_name: str) -> Encoded:
    """Parse what surrounds the pixels of a file in a readable format.

    Raises:
        RefusalError: it is not to be read
        Exception: it is damaged
    """
    match format_name:
        case "TIFF":
            image = _tiff(data)
        case "BMP" | "GIF":
            opened = (BmpImageFile if format_name == "BMP" else GifImageFile)(BytesIO(data))
            image = _by_pillow(data, opened)
        case "HEIF":
            image = _heif(data)
        case _:
            image = _by_libvips(data, format_name)
    return replace(image, notes=image.notes + _told_of_hdr(data, format_name))


def _by_libvips(data: Content, format_name: str, **page: int) -> Encoded:
    image, several = _loaded(data, format_name, **page), False
    if format_name == "PNG":
        image = with_profile(image, png.profile_of(data))
        several = b"acTL" in dict(png.chunks_of(data))
    elif not page:
        several = field(image, "n-pages", 1) > 1
    decode = partial(_decoded_jpeg if format_name == "JPEG" else _decoded_later, image, data)
    notes = (_IMAGES if format_name == "AVIF" else _ANIMATION,) if several else ()
    return Encoded(format_name, data, image.width, image.height, decode, field(image, "xmp-data", b""), notes)


def _loaded(data: Content, format_name: str, **options: Any) -> pyvips.Image:
    load = getattr(libvips().Image, f"{_LOADERS[format_name]}load_source")
    return load(libvips().Source.new_from_memory(data), **{"memory": True, "fail_on": "error"} | options)


def _decoded_later(image: pyvips.Image, data: Content) -> pyvips.Image:
    """The image itself.  libvips reads `data` when pixels are asked for, but does not hold it: who holds this does."""
    return image


def _decoded_jpeg(image: pyvips.Image, data: Content) -> pyvips.Image:
    """Decode a file of which nothing may be missing but the end marker: then no more bytes make a difference."""
    try:
        return image.copy_memory()
    except libvips().Error:
        files = [data[:] + more + b"\xff\xd9" for more in (b"", b"\x5a" * 4096)]
        ended, longer = (_loaded(file, "JPEG", fail_on="none").copy_memory() for file in files)
        if (ended != longer).max():
            raise
        return ended


def _tiff(data: Content) -> Encoded:
    pages = tiff.pages_of(data)
    try:
        number = tiff.picture_page(pages)
    except ValueError as raw:
        raise RefusalError(f"is {raw}.") from raw
    page = pages[number] if pages else {}
    if tiff.is_beyond_libvips(page):
        opened = TiffImageFile(BytesIO(data))
        opened.seek(number)
        image = _by_pillow(data, opened)
    else:
        image = _by_libvips(tiff.without_traps(data, page), "TIFF", page=number)
    decode = partial(_repaired, image.decode, page)
    several = sum(not tiff.is_reduced(each) for each in pages) > 1
    return replace(image, data=data, decode=decode, notes=(_PAGES,) if several else ())


def _repaired(decode: Callable[[], pyvips.Image], page: tiff.Page) -> pyvips.Image:
    """Decode a page; 12 bits become 16, and channels that mean nothing go."""
    image = decode()
    if tiff.number(page, ExifTags.Base.BitsPerSample) == 12:
        image = (image << 4) | (image >> 8)
    meaningless = tiff.number(page, ExifTags.Base.ExtraSamples, 1) == tiff.MEANINGLESS
    return image[: color_bands(image)] if meaningless else image


def _by_pillow(data: Content, image: Image.Image) -> Encoded:
    notes = (_ANIMATION,) if getattr(image, "is_animated", False) else ()
    decode = partial(_decoded_by_pillow, image)
    return Encoded(image.format or "", data, image.width, image.height, decode, notes=notes)


def _heif(data: Content) -> Encoded:
    try:
        heif = import_module("pillow_heif").open_heif(BytesIO(data), convert_hdr_to_8bit=False)
    except ImportError as problem:
        raise RefusalError("is a HEIF image; to read it: pip install 'impasto[heif]'.") from problem
    decode = lambda: image_of(np.asarray(heif), profile=heif.info.get("icc_profile") or b"")  # noqa: E731
    notes = (_IMAGES,) if len(heif) > 1 else ()
    width, height = heif.size
    return Encoded("HEIF", data, width, height, decode, heif.info.get("xmp") or b"", notes)


def _told_of_hdr(data: Content, format_name: str) -> tuple[str, ...]:
    """Say if the values of a file mean brightness beyond that of paper, which they are not taken for."""
    transfer = 0
    if format_name == "PNG":
        transfer = dict(png.chunks_of(data)).get(b"cICP", b"\0\0")[1]
    elif format_name in ("AVIF", "HEIF") and (found := re.search(rb"colrnclx..(..)", data[: 1 << 16], re.DOTALL)):
        transfer = int.from_bytes(found[1], "big")
    told = "the image is HDR ({}), which is read as if it were not: its colors come out dull"
    return (told.format(_HDR[transfer]),) if transfer in _HDR else ()


def from_pillow(image: Image.Image) -> tuple[pyvips.Image, tuple[str, ...]]:
    """Copy an image of Pillow's, of any mode, with its profile and orientation; also tell what is doubtful."""
    plain = image.convert("LA") if image.mode == "La" else image
    if plain.mode not in _KEPT or ("transparency" in plain.info and plain.mode in _KEYED):
        plain = plain.convert("RGBA" if plain.has_transparency_data else "RGB")
    values, space = np.asarray(plain), {"CMYK": "cmyk", "LAB": "lab"}.get(plain.mode, "")
    if space == "lab":  # in bytes: lightness up to 255, the others signed
        values = np.dstack([values[:, :, :1] * np.float32(100 / 255), values[:, :, 1:].view(np.int8)])
    elif plain.mode.startswith("I") and values.min() >= 0 and values.max() <= 65535:
        values = values.astype(np.uint16)
    made = image_of(values, space, image.info.get("icc_profile") or b"")
    notes: tuple[str, ...] = ()
    try:
        made.set_type(libvips().GValue.gint_type, "orientation", image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # the EXIF parser raises nearly everything
        notes = (_BROKEN_EXIF,)
    return made, notes


def _decoded_by_pillow(image: Image.Image) -> pyvips.Image:
    """Decode a file; what lies around the first frame of a GIF file is clear, an alpha of BMP that is 0 is none."""
    box = image.tile[0][1] if isinstance(image, GifImageFile) else (0, 0, *image.size)
    image.load()
    if box != (0, 0, *image.size):
        whole = Image.new("RGBA", image.size)
        whole.paste(image.convert("RGBA").crop(box), box)
        image = whole
    if isinstance(image, BmpImageFile) and image.mode == "RGBA" and not image.getchannel("A").getextrema()[1]:
        image = image.convert("RGB")
    return from_pillow(image)[0]


def array_of(image: pyvips.Image) -> np.ndarray:
    """Compute all pixels.  Shape: (H, W, bands)."""
    return np.asarray(image.numpy()).reshape(image.height, image.width, image.bands)


def image_of(values: np.ndarray, space: str = "", profile: bytes = b"") -> pyvips.Image:
    """Hand pixels to libvips: one or two bands are gray, with alpha, others colors, unless `space` says otherwise.

    Shape: values (H, W) or (H, W, bands)
    """
    gray, deep = values.ndim == 2 or values.shape[2] < 3, values.dtype.itemsize > 1
    usual = ("grey16" if deep else "b-w") if gray else ("rgb16" if deep else "srgb")
    image = libvips().Image.new_from_array(np.ascontiguousarray(values)).copy(interpretation=space or usual)
    return with_profile(image, profile)


def with_profile(image: pyvips.Image, profile: bytes) -> pyvips.Image:
    """The same image with this profile, if there is one."""
    if profile:
        image = image.copy()
        image.set_type(libvips().GValue.blob_type, ICC, profile)
    return image


def color_bands(image: pyvips.Image) -> int:
    """Count the bands of color: 1 for gray, 3 for color, 4 for CMYK; the next, if there is one, is alpha."""
    return 4 if image.interpretation == "cmyk" else 1 if image.bands < 3 else 3


def field(image: pyvips.Image, name: str, otherwise: Any = None) -> Any:
    """What an image has under this name of libvips'."""
    return image.get(name) if image.get_typeof(name) else otherwise
