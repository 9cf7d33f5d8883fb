"""Opening image files with Pillow: every failure in plain words, every limit in force."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from importlib import import_module
from io import BytesIO
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import IO, BinaryIO, Final

from PIL import Image, TiffTags, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from impasto.errors import ImageError, ImpastoError, MissingFileError, UsageError
from impasto.images.formats import HEADER_BYTES, READABLE_FORMATS, describe, readable_format, webp_size

ImageFile = str | os.PathLike[str] | bytes | BinaryIO

_PILLOW_LOCK: Final = RLock()
_LARGEST_PIPE: Final = 2**30  # bytes; whoever sends more, or without end, is not sending a picture


@contextmanager
def parsing(max_pixels: int | None = None) -> Iterator[None]:
    """For the block, which parses what surrounds pixels: Pillow warns of nothing, and its own limit is `max_pixels`.

    That limit and the filters of `warnings` belong to the whole process: one thread at a time.  Pixels are decoded
    outside, so that threads do so at once.  Pillow's limit counts more than the image, such as frames; it raises above
    twice that, and warns below.
    """
    with _PILLOW_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None if max_pixels is None else max(max_pixels, before or 0)
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def parse(stream: IO[bytes], format_name: str, max_pixels: int | None = None) -> Image.Image:
    """Open an image whose format is known, without decoding it yet; what Pillow raises passes through."""
    with parsing(max_pixels):
        return Image.open(stream, formats=(format_name,))


def parse_rest(image: Image.Image) -> None:
    """Parse what Pillow leaves until it decodes a TIFF file; it also holds the size against its limit once more."""
    if isinstance(image, TiffImageFile) and image.tile:
        with parsing(image.width * image.height):
            exif = image.getexif()
            for group in exif.keys() & TiffTags.TAGS_V2_GROUPS.keys():
                exif.get_ifd(group)
            image.load_prepare()


def file_layout(image: Image.Image) -> str:
    """Name the layout of the pixels in the file, as Pillow's decoders know it; nothing if it is unknown."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else None
    layout = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return layout if isinstance(layout, str) else ""


@contextmanager
def opened(source: ImageFile, *, max_pixels: int | None = None) -> Iterator[Image.Image]:
    """Open an image file, a path, its bytes or an open binary file, without decoding it yet.

    Whatever Pillow raises, be it within the block, becomes an error that names the file.  A file that the caller has
    opened stays open.

    Raises:
        UsageError: `source` is none of these
        MissingFileError: there is no such file, or it is a folder
        ImageError: the file is no image of a readable format, is damaged, has more than `max_pixels` pixels, or may
            not be read
    """
    if isinstance(source, str | os.PathLike):
        with _opened_file(Path(source)) as file, _image(file, os.fspath(source), max_pixels) as image:
            yield image
        return
    stream = BytesIO(source) if isinstance(source, bytes) else source
    if not hasattr(stream, "read"):
        raise UsageError(f"{source!r} is no image file; give a path, the bytes of a file or an open binary file.")
    name = getattr(source, "name", None)  # which for some is a number
    with _image(stream, name if isinstance(name, str) else "The image", max_pixels) as image:
        yield image


def _opened_file(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError, ValueError) as problem:  # ValueError: a null byte in the name
        raise MissingFileError(_missing(path)) from problem
    except OSError as problem:
        if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where not even that may be known
            raise MissingFileError(f"{path} is a folder, not an image; name a file in it.") from problem
        remedy = "Check its permissions and its name."
        raise ImageError(f"{path} cannot be opened: {problem.strerror}. {remedy}") from problem


def _missing(path: Path) -> str:
    """Say what is missing, a file or already its folder, and what may have been meant."""
    if not os.path.isdir(path.parent):  # noqa: PTH112
        return f"There is no file {path}: there is no folder {path.parent}."
    names: dict[str, str] = {}
    with suppress(OSError):
        names = {entry.name.lower(): entry.name for entry in islice(path.parent.iterdir(), 10_000)}
    close = get_close_matches(path.name.lower(), names, n=1, cutoff=0.7)
    hint = f"Did you mean {path.with_name(names[close[0]])}?" if close else "Check the name and the folder."
    return f"There is no file {path}. {hint}"


@contextmanager
def _image(stream: BinaryIO, name: str, max_pixels: int | None) -> Iterator[Image.Image]:
    """Open one image; whatever Pillow raises for a damaged file becomes an ImageError that names it."""
    format_name, header, stream = _recognized(stream, name)
    if format_name == "WEBP":
        _check_size(webp_size(header), name, max_pixels)
    try:
        with parse(stream, format_name, max_pixels) as image:
            _check_size(image.size, name, max_pixels)
            yield image
    except ImpastoError:
        raise
    except Image.DecompressionBombError as problem:
        found = re.search(r"\d+", str(problem))
        pixels = f"{int(found[0]):,} pixels" if found else "too many pixels"
        raise _too_large(name, pixels, max_pixels or 0) from problem
    except MemoryError as problem:
        remedy = "Make it smaller, then try again."
        raise ImageError(f"{name} does not fit into memory, or is damaged. {remedy}") from problem
    except Exception as problem:
        detail = "" if isinstance(problem, UnidentifiedImageError) else f" ({problem or type(problem).__name__})"
        raise ImageError(
            f"{name} is truncated or damaged, or an unusual kind of {format_name}{detail}. "
            "Copy or download it again, or save it as PNG with an image editor."
        ) from problem


def _recognized(stream: BinaryIO, name: str) -> tuple[str, bytes, BinaryIO]:
    """Tell the format by the file's first bytes, never by its extension; the rest of a pipe is read after that only.

    Also give these bytes, and the stream at its beginning.
    """
    seekable = stream.seekable()
    if seekable:
        stream.seek(0)
    header = _read(stream, HEADER_BYTES)
    format_name = _readable_format(header, name)
    if seekable:
        stream.seek(0)
        return format_name, header, stream
    data = header + _read(stream, _LARGEST_PIPE)
    if len(data) > _LARGEST_PIPE:
        raise ImageError(f"{name} sends more than 1 GiB. Save it as a file first, and name the file.")
    return format_name, header, BytesIO(data)


def _read(stream: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, or all if there are fewer; one read of a pipe may bring less than is still to come."""
    data = b""
    while len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data


def _readable_format(header: bytes, name: str) -> str:
    """Name the format of a file that begins with `header`, and make sure that Pillow can read it."""
    format_name = readable_format(header)
    if not header:
        raise ImageError(f"{name} is empty (0 bytes). Copy or download it again.")
    if format_name is None:
        accepted = ", ".join(READABLE_FORMATS)
        raise ImageError(f"{name} is {describe(header)}; impasto reads {accepted}. Save it as one of these first.")
    Image.init()
    if format_name == "HEIF":
        try:
            import_module("pillow_heif").register_heif_opener()
        except ImportError as problem:
            raise ImageError(f"{name} is a HEIF image; to read it: pip install 'impasto[heif]'.") from problem
    elif format_name not in Image.OPEN:
        raise ImageError(
            f"{name} is an image in {format_name}, which this Pillow cannot read. Install Pillow 11.3 or newer."
        )
    return format_name


def _check_size(size: tuple[int, int], name: str, max_pixels: int | None) -> None:
    width, height = size
    if max_pixels is not None and width * height > max_pixels:
        raise _too_large(name, f"{width}x{height} = {width * height:,} pixels", max_pixels)


def _too_large(name: str, pixels: str, max_pixels: int) -> ImageError:
    remedy = "Make it smaller, or if you trust it raise the limit with --max-pixels (max_pixels=)."
    return ImageError(f"{name} has {pixels}; the limit is {max_pixels:,}. {remedy}")
