"""Image files and pictures that several tests share."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from impasto.errors import ImageError, ImpastoError
from impasto.images import Picture, load_image, to_pil


def colors(height: int = 12, width: int = 17) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(height: int = 48, width: int = 64) -> torch.Tensor:
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    return torch.stack([x, y, 1 - x])[None]


def encoded(image: Image.Image, format_name: str, **options: object) -> io.BytesIO:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    buffer.seek(0)
    return buffer


def as_bytes(picture: Picture) -> np.ndarray:
    """(H, W, 3) levels of a picture's pixels."""
    return np.asarray(to_pil(picture.pixels))


def png(width: int, height: int, depth: int, color: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> io.BytesIO:
    """A PNG file from its raw rows, each with its filter byte: for kinds of PNG that Pillow does not write."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts)
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + body)


def tiff(tags: dict[int, tuple[int, int, int]], data: bytes) -> io.BytesIO:
    """A little-endian TIFF file with one strip, from tag -> (type, count, value)."""
    offset = 8 + 2 + 12 * (len(tags) + 1) + 4
    entries = sorted({**tags, 273: (4, 1, offset)}.items())
    directory = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in entries)
    return io.BytesIO(b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + directory + b"\0\0\0\0" + data)


def gray_tiff(values: np.ndarray, bits: int, photometric: int) -> io.BytesIO:
    height, width = values.shape
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 277: 1, 278: height, 279: values.nbytes}
    return tiff({tag: (4, 1, value) for tag, value in tags.items()}, values.tobytes())


def swapped_profile() -> bytes:
    """An RGB profile that calls red green and green red: its effect cannot be missed."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"tmp!").replace(b"gXYZ", b"rXYZ").replace(b"tmp!", b"gXYZ")


def linear_gray_profile() -> bytes:
    """A gray profile with gamma 1."""
    white = b"XYZ \0\0\0\0" + struct.pack(">iii", 63190, 65536, 54061)
    tags = [(b"wtpt", white), (b"kTRC", b"curv\0\0\0\0\0\0\0\0")]
    start = 128 + 4 + 12 * len(tags)
    table, body = b"", b""
    for name, data in tags:
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data
    size = struct.pack(">I", start + len(body))
    header = size + b"\0\0\0\0\2\x10\0\0mntrGRAYXYZ " + b"\0" * 12 + b"acsp" + b"\0" * 28
    header += struct.pack(">iii", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def refused(source: object, kind: type[ImpastoError] = ImageError, **options: int) -> str:
    with pytest.raises(kind) as caught:
        load_image(source, **options)  # type: ignore[arg-type]
    return str(caught.value)
