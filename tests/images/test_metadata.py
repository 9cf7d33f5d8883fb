"""Text in image files: out, in, and without effect on the pixels."""

from __future__ import annotations

import io
import json
import string
from pathlib import Path

import pytest
import torch
from image_files import encoded, smooth
from PIL import Image, features

from impasto.errors import ImageError, MissingFileError, OutputError, UsageError
from impasto.images import WRITABLE_FORMATS, encode_image, load_image, read_text, save_image
from impasto.images.metadata import xmp_packet

TEXT = {"Software": "impasto 1.0", "Comment": "sty\u0142e \u2192 Gogh <&> \" ' ]]> \U0001f3a8"}
EXTENSIONS = [name for name in WRITABLE_FORMATS if name != ".bmp" and (name != ".avif" or features.check("avif"))]


def long_text() -> str:
    """JSON of 50 kB in UTF-8 with every plane of Unicode, and characters that are special to XML, JSON and PNG."""
    special = {
        "names": "".join(map(chr, range(1, 0x250))) + "\ufffe\uffff\u2028\x7f\x85",
        "path": "Bl\u00e4u & <b>.png",
    }
    text = json.dumps(special | {"weights": ["\u65e5\u672c \U0001f5bc " + string.printable] * 350}, ensure_ascii=False)
    assert 45_000 < len(text.encode()) < 60_000
    return text


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_text_comes_back_from_every_format(tmp_path: Path, extension: str) -> None:
    file = tmp_path / f"a{extension}"
    for text in (TEXT, {"impasto": long_text()}, {"empty": "", "control": "a\0b\x1bc\r\nd"}):
        save_image(smooth(), file, text=text, force=True)
        assert read_text(file) == text


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("extension", WRITABLE_FORMATS)
def test_text_does_not_change_the_pixels(extension: str, bits: int) -> None:
    if bits == 16 and WRITABLE_FORMATS[extension] not in ("PNG", "TIFF"):
        pytest.skip("the format has 8 bits")
    if extension == ".avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    alpha = None if WRITABLE_FORMATS[extension] in ("JPEG", "BMP") else torch.linspace(0, 1, 64).expand(1, 1, 48, 64)
    bare = load_image(encode_image(smooth(), extension, alpha=alpha, bits=bits))
    file = encode_image(smooth(), extension, alpha=alpha, bits=bits, text={"impasto": long_text()})
    told = load_image(file)
    assert torch.equal(told.pixels, bare.pixels) and told.notes == bare.notes == ()
    assert alpha is None or (told.alpha is not None and bare.alpha is not None and torch.equal(told.alpha, bare.alpha))
    assert read_text(file) == ({} if extension == ".bmp" else {"impasto": long_text()})


def test_deep_files_carry_text_too() -> None:
    for extension in (".png", ".tiff"):
        assert read_text(encode_image(smooth(), extension, bits=16, text=TEXT)) == TEXT


def test_other_programs_find_the_text_of_a_png(tmp_path: Path) -> None:
    save_image(smooth(), tmp_path / "a.png", text=TEXT)
    with Image.open(tmp_path / "a.png") as file:
        assert {key: str(value) for key, value in file.text.items()} == TEXT


@pytest.mark.parametrize("format_name", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"])
def test_nothing_is_found_where_nothing_is(format_name: str) -> None:
    assert read_text(encoded(Image.new("RGB", (3, 3)), format_name)) == {}


def test_an_attribute_is_as_good_as_an_element() -> None:
    rewritten = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:ours="urn:impasto:1.0" ours:text="{&quot;a&quot;: &quot;b&quot;}"/>'
        b"</rdf:RDF></x:xmpmeta>\n  "
    )
    assert read_text(encoded(Image.new("RGB", (3, 3)), "JPEG", xmp=rewritten)) == {"a": "b"}


@pytest.mark.parametrize(
    "packet",
    [
        b"nonsense",
        b"<x/>",
        xmp_packet(TEXT)[:-90],
        xmp_packet(TEXT).replace(b"{", b"["),
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>' + xmp_packet(TEXT),
        xmp_packet(TEXT).replace(b"urn:impasto", b"urn:another"),
    ],
)
def test_packets_that_are_broken_strange_or_unsafe_say_nothing(packet: bytes) -> None:
    assert read_text(encoded(Image.new("RGB", (3, 3)), "JPEG", xmp=packet)) == {}


def test_broken_and_missing_files_are_told(tmp_path: Path) -> None:
    whole = encode_image(smooth(), ".png", text=TEXT)
    for broken in (b"", b"text", whole[:20], b"\xff\xd8\xff\xe0"):
        with pytest.raises(ImageError):
            read_text(broken)
    with pytest.raises(MissingFileError):
        read_text(tmp_path / "none.png")


def test_large_pictures_are_asked_without_decoding_them() -> None:
    wide = Image.new("1", (40_000, 10_000))
    assert read_text(encoded(wide, "PNG")) == {}


@pytest.mark.parametrize("key", ["", " a", "a ", "k" * 80, "\u2192", "a\0b"])
def test_keywords_that_png_forbids_are_refused_everywhere(key: str) -> None:
    for extension in (".png", ".jpg"):
        with pytest.raises(UsageError, match="keyword"):
            encode_image(smooth(), extension, text={key: "value"})


def test_names_that_are_no_unicode_do_no_harm() -> None:
    for extension in (".png", ".jpg"):
        assert read_text(encode_image(smooth(), extension, text={"file": "a\udcffb.jpg"})) == {"file": "a?b.jpg"}


def test_more_than_jpeg_can_hold_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.jpg cannot be written: .*XMP.*Save it as \.png"):
        save_image(smooth(), tmp_path / "a.jpg", text={"impasto": "x" * 70_000})
    assert list(tmp_path.iterdir()) == []
    save_image(smooth(), tmp_path / "a.webp", text={"impasto": "x" * 700_000})
    assert read_text(tmp_path / "a.webp") == {"impasto": "x" * 700_000}


@pytest.mark.parametrize("extension", [".png", ".jpg", ".webp", ".tif"])
def test_what_was_turned_upright_is_not_turned_again(tmp_path: Path, extension: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = load_image(encoded(Image.new("RGB", (30, 20), "red"), "JPEG", exif=exif))
    save_image(picture.pixels, tmp_path / f"a{extension}", text=TEXT)
    with Image.open(io.BytesIO((tmp_path / f"a{extension}").read_bytes())) as file:
        assert file.size == (20, 30) and file.getexif().get(0x0112, 1) == 1
    assert load_image(tmp_path / f"a{extension}").pixels.shape == (1, 3, 30, 20)
