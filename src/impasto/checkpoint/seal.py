"""Files that tell if anything in them has changed: the checksum of all their bytes stands in the first of them.

A CRC-32 is for disks and cables, as the digest of a picture's inputs is for people: whoever means to can forge it.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Final

NAME: Final = "crc32"
BLANK: Final = "00000000"  # what the checksum is taken with
_FIRST: Final = 64  # bytes in which it stands


def sealed(beginning: bytes, *more: memoryview) -> bytes:
    """The `beginning` of a file, which has `"crc32": "00000000"` in it, with the checksum of it and what follows."""
    crc = zlib.crc32(beginning)
    for part in more:
        crc = zlib.crc32(part, crc)
    return beginning.replace(BLANK.encode(), b"%08x" % crc, 1)


def check_seal(path: Path) -> None:
    """Make sure that a file is as it was sealed.

    Raises:
        ValueError: it is not.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        first = file.read(_FIRST)
        found = re.search(rb'"crc32": "([0-9a-f]{8})"', first)
        if not found:
            raise ValueError("it has no checksum, and is damaged or of an earlier impasto")
        crc = zlib.crc32(first[: found.start(1)] + BLANK.encode() + first[found.end(1) :])
        while more := file.read(1 << 20):
            crc = zlib.crc32(more, crc)
    if crc != int(found[1], 16):
        raise ValueError("its checksum is wrong")
