"""How long the last frame of an animated image is to be seen, which FFmpeg does not write: APNG and WebP."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

MOST = {".apng": 0xFFFF, ".webp": 0xFFFFFF}  # milliseconds that a frame's time has room for


def end_at(path: Path, ending: str, milliseconds: int) -> None:
    """Let the animated image at `path`, a file of this `ending`, last so long in all; others are left as they are."""
    times = {".apng": _apng_times, ".webp": _webp_times}.get(ending)
    if times is None:
        return
    data = bytearray(path.read_bytes())
    there = times(data)
    if not there:  # a single frame is a picture
        return
    *others, (at, _) = there
    last = min(MOST[ending], max(1, milliseconds - sum(time for _, time in others)))
    if ending == ".webp":
        data[at : at + 3] = last.to_bytes(3, "little")
    else:
        data[at : at + 4] = struct.pack(">HH", last, 1000)
        begins = at - 24  # of the chunk's name, which its checksum is of too
        data[begins + 30 : begins + 34] = struct.pack(">I", zlib.crc32(data[begins : begins + 30]))
    path.write_bytes(data)


def _apng_times(data: bytearray) -> list[tuple[int, int]]:
    """Where the delay of each frame is, and how many milliseconds it is.  Reference: PNG, third edition, 11.3.6.2."""
    found, at = [], 8
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"fcTL":
            delay, of = struct.unpack_from(">HH", data, at + 28)
            found.append((at + 28, round(1000 * delay / (of or 100))))
        at += 12 + length
    return found


def _webp_times(data: bytearray) -> list[tuple[int, int]]:
    """The same of a WebP.  Reference: WebP container specification, ANMF."""
    found, at = [], 12
    while at < len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        if name == b"ANMF":
            found.append((at + 20, int.from_bytes(data[at + 20 : at + 23], "little")))
        at += 8 + length + length % 2
    return found
