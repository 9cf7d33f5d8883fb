"""The chunks of PNG files, and the text in them.

Reference: PNG (W3C, third edition), 5.3 and 11.3.3
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Final

from impasto.images.formats import Content

_HEAD: Final = 33  # bytes of the signature and of the first chunk
_LONGEST: Final = 64 * 2**20  # bytes of one text, unpacked
_LONG: Final = 1000  # bytes; from here on it pays to compress


def chunks_of(data: Content) -> Iterator[tuple[bytes, bytes]]:
    """(name, content) of all chunks but those of pixels, as far as the file is whole."""
    place = 8
    while place + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        if name not in (b"IDAT", b"fdAT"):
            yield name, data[place + 8 : place + 8 + length]
        place += 12 + length


def text_of(data: Content) -> dict[str, str]:
    """All text of a file, by its keywords; what is damaged or too long is left out."""
    texts = {}
    for name, content in chunks_of(data):
        key, _, rest = content.partition(b"\0")
        try:
            if name == b"tEXt":
                texts[key.decode("latin-1")] = rest.decode("latin-1")
            elif name == b"zTXt":
                texts[key.decode("latin-1")] = _unpacked(rest[1:]).decode("latin-1")
            elif name == b"iTXt":
                packed, text = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[2]
                texts[key.decode("latin-1")] = (_unpacked(text) if packed else text).decode()
        except (zlib.error, ValueError, IndexError):
            continue
    return texts


def profile_of(data: Content) -> bytes:
    """The color profile, also one that libpng finds fault with and drops; nothing if there is none."""
    content = dict(chunks_of(data)).get(b"iCCP", b"")
    try:
        return _unpacked(content.partition(b"\0")[2][1:])
    except (zlib.error, ValueError):
        return b""


def with_text(data: bytes, text: Mapping[str, str]) -> bytes:
    """The same file with `text` in front of its pixels, in UTF-8; long ones are compressed."""
    made = (_chunk(b"iTXt", key.encode("latin-1") + b"\0" + _content(value.encode())) for key, value in text.items())
    return b"".join((data[:_HEAD], *made, data[_HEAD:]))


def _content(value: bytes) -> bytes:
    return b"\1\0\0\0" + zlib.compress(value) if len(value) > _LONG else b"\0\0\0\0" + value


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content), name) + content + struct.pack(">I", zlib.crc32(name + content))


def _unpacked(data: bytes) -> bytes:
    """Raises ValueError for more than is read."""
    unpacker = zlib.decompressobj()
    text = unpacker.decompress(data, _LONGEST)
    if not unpacker.eof:
        raise ValueError("too long, or cut")
    return text
