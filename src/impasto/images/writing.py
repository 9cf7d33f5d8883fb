"""A tensor -> the bytes of a file, or a file, which appears whole or not at all."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from impasto.errors import OutputError, UnknownNameError, UsageError, named
from impasto.files import check_folder, output_errors, write_atomically
from impasto.images.decoding import array_of, image_of, libvips
from impasto.images.exif import dots_per_millimetre
from impasto.images.formats import LONGEST_SIDES, WRITABLE_FORMATS
from impasto.images.metadata import checked_text, xmp_packet
from impasto.images.opening import opened
from impasto.images.png import with_text
from impasto.images.profiles import srgb_profile
from impasto.images.reading import load_image

_WITHOUT_ALPHA: Final = ("JPEG", "BMP")
_LOSSLESS: Final = ("PNG", "TIFF", "BMP")
_DEEP: Final = ("PNG", "TIFF")
_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "PNG": {"compression": 6, "filter": "sub"},
    "JPEG": {"subsample_mode": "off"},
    "WEBP": {"smart_subsample": True, "effort": 4},
    "TIFF": {"compression": "deflate", "predictor": "horizontal"},
    "AVIF": {"subsample_mode": "off", "effort": 1},
}
_KEPT: Final = 8 | 2  # the profile and XMP, of what libvips may write
_EXIF: Final = 1
_USUAL_DOTS: Final = (72 / 25.4, 72 / 25.4)  # per millimetre; formats that have a resolution cannot leave it out
_MOST_XMP: Final = 65_502  # bytes, in JPEG


def to_pil(image: Tensor, alpha: Tensor | None = None) -> Image.Image:
    """Convert to an 8-bit PIL image, RGB or RGBA: clamped to [0, 1], rounded to the nearest of the 256 levels.

    Shape: image (1, 3, H, W), alpha (1, 1, H, W) -> (H, W)
    """
    return Image.fromarray(_levels(image, alpha, np.uint8))


def encode_image(
    image: Tensor,
    extension: str = ".png",
    *,
    alpha: Tensor | None = None,
    bits: int = 8,
    quality: int = 95,
    text: Mapping[str, str] | None = None,
    exif: bytes = b"",
) -> bytes:
    """Compute the bytes of an image file in the format that `extension` names, with an sRGB profile.

    `alpha` is kept by PNG, WebP, TIFF and AVIF; JPEG and BMP have none, so there the image is composited over white.
    `bits` per channel are 8, or 16 for PNG and TIFF.  `quality` (1 to 100) is for JPEG, WebP and AVIF.  `text` is for
    `read_text`, `exif` what `kept_exif` left; BMP has no place for them, and TIFF keeps the resolution alone.

    Values that are not numbers become 0, with a RuntimeWarning.

    Raises:
        UsageError: an unknown extension; a wrong shape, quality, keyword or number of bits
        OutputError: the format cannot hold an image of this size, or so much text
    """
    format_name, text = named("extension", extension.lower(), WRITABLE_FORMATS), checked_text(text or {})
    check_encoding(extension, bits=bits, quality=quality)
    if count := int(image.isnan().sum()):
        warnings.warn(f"{count:,} values of the image are not numbers, and are written as 0", RuntimeWarning, 2)
    if alpha is not None and format_name in _WITHOUT_ALPHA:
        image, alpha = 1 - alpha * (1 - image.clamp(0, 1)), None
    levels = _levels(image, alpha, np.uint16 if bits == 16 else np.uint8)
    try:
        return _encoded(levels, format_name, quality, text, exif)
    except Exception as problem:
        size = f"{levels.shape[1]}x{levels.shape[0]}"
        raise OutputError(
            f"{format_name} refuses the image of {size} ({problem}). Save it as .png instead."
        ) from problem


def check_encoding(extension: str, *, bits: int = 8, quality: int = 95, size: tuple[int, int] | None = None) -> None:
    """Make sure that files with this known extension can be written so, with pictures of this width and height.

    Raises:
        UsageError: they cannot
    """
    if not 1 <= quality <= 100:
        raise UsageError(f"quality is {quality}; it must lie between 1 and 100.")
    if bits not in (8, 16):
        raise UsageError(f"bits is {bits}; a channel of an image file has 8 or 16.")
    format_name = WRITABLE_FORMATS[extension.lower()]
    if bits == 16 and format_name not in _DEEP:
        raise UsageError(f"{extension} files are written with 8 bits per channel; for 16, use .png or .tiff.")
    longest = LONGEST_SIDES.get(format_name)
    if size and longest and max(size) > longest:
        raise UsageError(f"{extension} files are at most {longest} pixels wide and high; save it as .png instead.")


def save_image(
    image: Tensor,
    target: str | os.PathLike[str] | BinaryIO,
    *,
    alpha: Tensor | None = None,
    force: bool = False,
    bits: int = 8,
    quality: int = 95,
    text: Mapping[str, str] | None = None,
    exif: bytes = b"",
) -> None:
    """Write an image file in the format that its extension names; into a stream a PNG file.

    A file appears whole or not at all.  For the rest, see `encode_image`.

    Raises:
        UsageError: see `check_output` and `encode_image`
        OutputError: the format cannot hold an image of this size, the disk is full, no permission
    """
    encode = partial(encode_image, image, alpha=alpha, bits=bits, quality=quality, text=text, exif=exif)
    if not isinstance(target, str | os.PathLike):
        target.write(encode(".png"))
        return
    check_output(target, force=force)
    try:
        data = encode(Path(target).suffix)
    except OutputError as problem:
        raise OutputError(f"{os.fspath(target)} cannot be written: {problem}") from problem
    write_atomically(Path(os.path.realpath(target)), data)


def check_output(
    path: str | os.PathLike[str], *, force: bool = False, formats: Mapping[str, str] = WRITABLE_FORMATS
) -> None:
    """Make sure, before any work starts, that a file in one of `formats` can be written to `path`.  Nothing is created.

    Raises:
        UsageError: no known extension, a folder, or a file that exists while `force` is not set
        MissingFileError: the folder is not there
        OutputError: no permission to write into the folder
    """
    target = Path(path)
    with output_errors(target):
        if target.is_dir():
            raise UsageError(f"{target} is a folder; name a file in it, such as {target / 'result.png'}.")
        _check_extension(target, formats)
        check_folder(Path(os.path.realpath(target)) if target.is_symlink() else target)
        if target.exists() and not force:
            remedy = "Choose another name, or overwrite it with --force (force=True)."
            raise UsageError(f"{target} exists already. {remedy}")


def same_pixels(file: str | os.PathLike[str], image: Tensor, alpha: Tensor | None = None) -> bool | None:
    """Tell if `file` is what `image` becomes when it is written with as many bits; None if its format loses some.

    Shape: image (1, 3, H, W), alpha (1, 1, H, W)

    Raises:
        MissingFileError, ImageError: as for `load_image`
    """
    with opened(file) as found:
        if found.format not in _LOSSLESS:
            return None
    kept, made = load_image(file), load_image(encode_image(image, ".png", alpha=alpha, bits=bits_of(file)))
    pairs = ((kept.pixels, made.pixels), (kept.alpha, made.alpha))
    return all(a is b if a is None or b is None else torch.equal(a, b) for a, b in pairs)


def bits_of(file: str | os.PathLike[str], extension: str = ".png") -> int:
    """Tell if a file has 8 bits a channel or more, which are 16 if the format of `extension` holds so many.

    Raises:
        MissingFileError, ImageError: as for `load_image`
    """
    with opened(file) as found:
        deep = array_of(found.decode()).dtype != np.uint8
    return 16 if deep and WRITABLE_FORMATS[extension.lower()] in _DEEP else 8


def _levels(image: Tensor, alpha: Tensor | None, kind: type[np.unsignedinteger[Any]]) -> np.ndarray:
    """Round values in [0, 1] to the levels of an unsigned type; what is not a number becomes 0.

    Shape: image (1, 3, H, W), alpha (1, 1, H, W) -> (H, W, 3) or (H, W, 4)
    """
    if image.dim() != 4 or image.shape[:2] != (1, 3):
        raise UsageError(f"The image has shape {tuple(image.shape)}; it must be (1, 3, H, W).")
    like_image = (1, 1, *image.shape[2:])
    if alpha is not None and alpha.shape != like_image:
        raise UsageError(f"alpha has shape {tuple(alpha.shape)}; it must be {like_image}, like the image.")
    planes = [image] if alpha is None else [image, alpha]
    values = torch.cat([plane.detach().to("cpu", torch.float32) for plane in planes], dim=1).nan_to_num_(nan=0.0)
    levels = values.clamp_(0, 1).mul_(np.iinfo(kind).max).round_()[0].permute(1, 2, 0)
    return np.ascontiguousarray(levels.numpy().astype(kind))


def _encoded(levels: np.ndarray, format_name: str, quality: int, text: Mapping[str, str], exif: bytes) -> bytes:
    """Encode levels: full chroma resolution wherever the format has it.

    Shape: (H, W, 3) or (H, W, 4), uint8 or uint16
    """
    if format_name == "BMP":
        buffer = BytesIO()
        Image.fromarray(levels).save(buffer, "BMP")
        return buffer.getvalue()
    if max(levels.shape[:2]) > LONGEST_SIDES.get(format_name, levels.size):
        raise ValueError(f"its sides are at most {LONGEST_SIDES[format_name]} pixels long")
    image, xmp = image_of(levels, profile=srgb_profile()), b"" if format_name == "PNG" else xmp_packet(text)
    if format_name == "JPEG" and len(xmp) > _MOST_XMP:
        raise ValueError(f"its XMP packet holds {_MOST_XMP} bytes, and this one has {len(xmp)}")
    across, down = dots_per_millimetre(exif) or _USUAL_DOTS
    image = image.copy(xres=across, yres=down)
    for name, data in {"xmp-data": xmp, "exif-data": exif}.items():
        if data:
            image.set_type(libvips().GValue.blob_type, name, data)
    options = _OPTIONS[format_name] | ({} if format_name in _LOSSLESS else {"Q": quality})
    encoded: bytes = image.write_to_buffer(f".{format_name.lower()}", keep=_KEPT | (_EXIF if exif else 0), **options)
    return with_text(encoded, text) if format_name == "PNG" else encoded


def _check_extension(target: Path, formats: Mapping[str, str]) -> None:
    extension = target.suffix.lower()
    accepted = ", ".join(formats)
    if not extension:
        raise UsageError(f"{target} has no extension to tell the format by. Add one of {accepted}.")
    if extension in (".gif", ".heic", ".heif"):
        raise UsageError(f"{target}: impasto reads {extension} files but does not write them. Use one of {accepted}.")
    if extension not in formats:
        raise UnknownNameError("extension", extension, formats, of=str(target))
