"""Opening image files: where the bytes come from, what they are, and every failure in plain words."""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from impasto.errors import ImageError, ImpastoError, MissingFileError, UsageError
from impasto.files import missing
from impasto.images.decoding import Encoded, RefusalError, encoded_image
from impasto.images.formats import HEADER_BYTES, READABLE_FORMATS, Content, describe, readable_format, webp_size

ImageFile = str | os.PathLike[str] | bytes | BinaryIO

_LARGEST_PIPE: Final = 2**30  # bytes; whoever sends more, or without end, is not sending a picture


@contextmanager
def opened(source: ImageFile, *, max_pixels: int | None = None) -> Iterator[Encoded]:
    """Open an image file, a path, its bytes or an open binary file, without decoding it yet.

    Whatever a decoder raises, be it within the block, becomes an error that names the file.  A file that the caller has
    opened stays open.

    Raises:
        UsageError: `source` is none of these, or an empty name
        MissingFileError: there is no such file, or it is a folder
        ImageError: the file is no image of a readable format, is damaged, has more than `max_pixels` pixels, or may
            not be read
    """
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        if not name:
            raise UsageError("The name of an image is empty; name a file.")
        with _opened_file(name) as file, _told(name):
            yield _encoded(file, name, max_pixels)
        return
    stream = BytesIO(source) if isinstance(source, bytes) else source
    if not hasattr(stream, "read"):
        raise UsageError(f"{source!r} is no image file; give a path, the bytes of a file or an open binary file.")
    given = getattr(source, "name", None)  # which for some is a number
    name = given if isinstance(given, str) else "The image"
    with _told(name):
        yield _encoded(stream, name, max_pixels)


def _opened_file(name: str) -> BinaryIO:
    try:
        return Path(name).open("rb")
    except (FileNotFoundError, NotADirectoryError, ValueError) as problem:  # ValueError: a null byte in the name
        raise missing(name) from problem
    except OSError as problem:
        if os.path.isdir(name):  # noqa: PTH112 - Path.is_dir raises where not even that may be known
            raise MissingFileError(f"{name} is a folder, not an image; name a file in it.") from problem
        remedy = "Check its permissions and its name."
        raise ImageError(f"{name} cannot be opened: {problem.strerror}. {remedy}") from problem


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Whatever a decoder raises within the block becomes an ImageError that names the file."""
    try:
        yield
    except ImpastoError:
        raise
    except RefusalError as refusal:
        raise ImageError(f"{name} {refusal}") from refusal
    except Exception as problem:
        lines = [line.strip() for line in str(problem).splitlines() if not re.search("^unable to|bad seek", line)]
        detail = "; ".join(dict.fromkeys(filter(None, lines))) or type(problem).__name__
        if isinstance(problem, MemoryError) or "out of memory" in detail:
            remedy = "Make it smaller, then try again."
            raise ImageError(f"{name} does not fit into memory, or is damaged. {remedy}") from problem
        raise ImageError(
            f"{name} is truncated or damaged, or an unusual kind of image ({detail}). "
            "Copy or download it again, or save it as PNG with an image editor.",
            detail,
        ) from problem


def _encoded(stream: BinaryIO, name: str, max_pixels: int | None) -> Encoded:
    """Tell the format by the file's first bytes, never by its extension; the rest of a pipe is read after that only."""
    if stream.seekable():
        stream.seek(0)
    header = _read(stream, HEADER_BYTES)
    format_name = readable_format(header)
    if not header:
        raise ImageError(f"{name} is empty (0 bytes). Copy or download it again.")
    if format_name is None:
        accepted = ", ".join(READABLE_FORMATS)
        raise ImageError(f"{name} is {describe(header)}; impasto reads {accepted}. Save it as one of these first.")
    if format_name == "WEBP":
        _check_size(webp_size(header), name, max_pixels)
    image = encoded_image(_whole(stream, header, name), format_name)
    _check_size((image.width, image.height), name, max_pixels)
    return image


def _check_size(size: tuple[int, int], name: str, max_pixels: int | None) -> None:
    width, height = size
    if max_pixels is not None and width * height > max_pixels:
        remedy = "Make it smaller, or if you trust it raise the limit, --max-pixels."
        pixels = f"{width}x{height} = {width * height:,} pixels"
        raise ImageError(f"{name} has {pixels}; the limit is {max_pixels:,}. {remedy}")


def _whole(stream: BinaryIO, header: bytes, name: str) -> Content:
    """The bytes of a file, which need not lie in memory."""
    if stream.seekable():
        with suppress(OSError, ValueError, AttributeError):
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        stream.seek(0)
        return stream.read()
    data = header + _read(stream, _LARGEST_PIPE)
    if len(data) > _LARGEST_PIPE:
        raise ImageError(f"{name} sends more than 1 GiB. Save it as a file first, and name the file.")
    return data


def _read(stream: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, or all if there are fewer; one read of a pipe may bring less than is still to come."""
    data = b""
    while len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data
