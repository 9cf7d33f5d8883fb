"""Text that travels inside an image file: PNG text chunks, and an XMP packet in every other format that has one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from impasto.errors import UsageError
from impasto.images.opening import ImageFile, opened
from impasto.images.png import text_of

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


def read_text(source: ImageFile) -> dict[str, str]:
    """Read the text that an image file carries: what `save_image` put there, and all text of a PNG file.

    Empty where there is none; the pixels are not decoded.

    Raises:
        MissingFileError, ImageError: as for `load_image`
    """
    with opened(source) as image:
        return text_of(image.data) if image.format == "PNG" else _unpacked(image.xmp)


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
