"""Text that travels inside an image file: PNG text chunks, and an XMP packet in every other format that has one."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from impasto.errors import UsageError
from impasto.images.formats import HEADER_BYTES, Content, webp_size
from impasto.images.opening import ImageFile, opened
from impasto.images.png import text_of, with_text

_NAMESPACE: Final = "urn:impasto:1.0"
_PACKET: Final = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    f'<rdf:Description rdf:about="" xmlns:impasto="{_NAMESPACE}"><impasto:text>'
    "{}"
    "</impasto:text></rdf:Description></rdf:RDF></x:xmpmeta>"
    '<?xpacket end="w"?>'
)
_NOT_IN_XML: Final = re.compile("[\ufffe\uffff]")
_GIF_XMP: Final = b"\x21\xff\x0bXMP DataXMP"  # an application extension, which the packet follows as it is
_GIF_END: Final = bytes([1, *range(255, -1, -1), 0])  # wherever a reader of blocks is in the packet, it gets out here
_WEBP_XMP: Final = 4  # the flag of VP8X that says there is a packet


def read_text(source: ImageFile) -> dict[str, str]:
    """Read the text that an image file carries: what `save_image` put there, and all text of a PNG file.

    Empty where there is none; the pixels are not decoded. Of GIF, what `with_text_in` put there.

    Raises:
        MissingFileError, ImageError: as for `load_image`
    """
    with opened(source) as image:
        if image.format == "PNG":
            return text_of(image.data)
        return _unpacked(_gif_xmp(image.data) if image.format == "GIF" else image.xmp)


def with_text_in(data: bytes, text: Mapping[str, str]) -> bytes:
    """The bytes of a finished PNG, GIF or WebP, still or animated, with `text` in them; of all else, as they are.

    Reference: XMP specification part 3, 1.1.2 (GIF); WebP container specification, extended file format.
    """
    if text and data[1:4] == b"PNG":
        return with_text(data, text)
    if text and data[:3] == b"GIF" and data[-1:] == b";":
        return b"".join((data[:-1], _GIF_XMP, xmp_packet(text), _GIF_END, b";"))
    return _webp_with(data, xmp_packet(text)) if text and data[8:12] == b"WEBP" else data


def _webp_with(data: bytes, packet: bytes) -> bytes:
    if data[12:16] != b"VP8X":  # a still one, without transparency
        canvas = b"".join((side - 1).to_bytes(3, "little") for side in webp_size(data[:HEADER_BYTES]))
        data = data[:12] + struct.pack("<4sIxxxx", b"VP8X", 10) + canvas + data[12:]
    chunk = struct.pack("<4sI", b"XMP ", len(packet)) + packet + bytes(len(packet) % 2)
    head = struct.pack("<4sI", b"RIFF", len(data) + len(chunk) - 8) + data[8:20] + bytes([data[20] | _WEBP_XMP])
    return b"".join((head, data[21:], chunk))


def checked_text(text: Mapping[str, str]) -> dict[str, str]:
    """Compute `text` without what UTF-8 cannot hold (halves of surrogate pairs become `?`).

    Raises:
        UsageError: a keyword that PNG does not allow: 1 to 79 characters of Latin-1, no spaces at the ends
    """
    for key in text:
        if not re.fullmatch(r"[!-~\xa1-\xff]([ -~\xa1-\xff]{0,77}[!-~\xa1-\xff])?", key):
            raise UsageError(
                f"{key!r} cannot be a keyword of metadata: 1 to 79 characters of Latin-1, without spaces at its ends."
            )
    return {key: value.encode("utf-8", "replace").decode() for key, value in text.items()}


def xmp_packet(text: Mapping[str, str]) -> bytes:
    """Put `text` into an XMP packet: one property, which holds it as JSON; nothing for no text."""
    if not text:
        return b""
    content = json.dumps(dict(text), ensure_ascii=False)
    content = _NOT_IN_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", content)
    return _PACKET.format(escape(content)).encode()


def _gif_xmp(data: Content) -> bytes:
    """The packet in a GIF, or nothing."""
    begins = data.rfind(_GIF_XMP)
    ends = data.find(_GIF_END[:3], begins)
    return data[begins + len(_GIF_XMP) : ends] if 0 <= begins < ends else b""


def _unpacked(packet: bytes) -> dict[str, str]:
    """Take the text out of an XMP packet, also if another program has written it anew; {} if it holds none of ours.

    Packets with a document type are not looked into: entities could make them grow without bounds.
    """
    if _NAMESPACE.encode() not in packet or b"<!" in packet:
        return {}
    name = f"{{{_NAMESPACE}}}text"  # of an element or, as some programs rewrite it, of an attribute
    try:
        root = ElementTree.fromstring(packet.strip(b"\0 \r\n\t"))  # noqa: S314 - no document type, so no entities
        ours = (each.text if each.tag == name else each.get(name) for each in root.iter())
        found = json.loads(next(filter(None, ours), "{}"))
    except (ElementTree.ParseError, ValueError, RecursionError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
