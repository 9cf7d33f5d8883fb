"""What is no readable image is refused in plain words."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import (
    as_bytes,
    colors,
    encoded,
    png,
    refused,
    smooth,
)
from PIL import Image

from impasto.errors import ImageError, MissingFileError, OutputError, UsageError
from impasto.images import (
    READABLE_FORMATS,
    check_output,
    encode_image,
    from_pil,
    load_image,
    opening,
    save_image,
)
from impasto.images.formats import HEADER_BYTES, webp_size


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"Dear friend,\nhere is the photo\n", "is a text file"),
        ("Grüße aus dem Süden".encode(), "is a text file"),
        (b"\n<!DOCTYPE html><html>", "is an HTML page"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "is an SVG drawing"),
        (b"8BPS\0\1", "is a Photoshop file"),
        (b"\0\0\1\0\1\0", "is a Windows icon"),
        (b"SIMPLE  =                    T", "is a FITS file"),
        (b"P4\n128 128\n", "is a Netpbm image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "is a PostScript file"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "is a video"),
        (bytes(range(128, 255)), "is in no known image format"),
        (b"\x89PNG\r\n\x1a\n and no more", "truncated or damaged"),
        (b"\xff\xd8\xff\xe0", "truncated or damaged"),
        (b"GIF89a", "truncated or damaged"),
        (b"BM", "truncated or damaged"),
        (b"II*\0\xff\xff\xff\xff", "truncated or damaged"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "truncated or damaged"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "truncated or damaged"),
    ],
)
def test_what_is_no_image_is_named_for_what_it_is(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(content)
    message = refused(file)
    assert message.startswith(f"{file} ") and words in message


def test_the_refusal_of_a_format_names_those_accepted(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"8BPS\0\1")
    message = refused(tmp_path / "a.png")
    assert all(name in message for name in READABLE_FORMATS)


def test_the_extension_does_not_matter(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2), "red").save(tmp_path / "a.jpg", "PNG")
    assert as_bytes(load_image(str(tmp_path / "a.jpg")))[0, 0].tolist() == [255, 0, 0]


def test_missing_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "Starry Night.JPG").touch()
    assert "Did you mean" in refused(tmp_path / "starry night.jpg", MissingFileError)
    assert "Starry Night.JPG" in refused(tmp_path / "starynight.jpg", MissingFileError)
    assert "Check the name" in refused(tmp_path / "quite different", MissingFileError)
    assert "there is no folder" in refused(tmp_path / "none" / "a.jpg", MissingFileError)
    assert "is a folder" in refused(tmp_path, MissingFileError)
    assert "There is no file" in refused("null\0byte", MissingFileError)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind this user")
def test_no_permission(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.touch(mode=0o000)
    assert "Permission denied" in refused(file)
    try:
        tmp_path.chmod(0o500)
        with pytest.raises(OutputError, match="no permission"):
            check_output(tmp_path / "b.png")
        tmp_path.chmod(0o000)
        assert "Permission denied" in refused(file)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize("format_name", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_truncated_files_are_refused(format_name: str) -> None:
    whole = encoded(Image.fromarray(colors(64, 64)), format_name).getvalue()
    assert "damaged" in refused(io.BytesIO(whole[: len(whole) // 2]))


def test_large_images_are_refused_before_they_are_decoded() -> None:
    message = refused(png(40_000, 30_000, 8, 2, b""))
    assert "40000x30000 = 1,200,000,000 pixels" in message or "1,200,000,000 pixels" in message
    assert "200,000,000" in message and "--max-pixels" in message
    assert "12x10 = 120 pixels; the limit is 119" in refused(encoded(Image.new("L", (12, 10)), "PNG"), max_pixels=119)
    assert load_image(encoded(Image.new("L", (12, 10)), "PNG"), max_pixels=120).pixels.shape[2:] == (10, 12)


def test_the_limit_can_be_raised_above_that_of_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert load_image(encoded(Image.new("L", (30, 30)), "PNG"), max_pixels=900).pixels.shape[2:] == (30, 30)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_nothing_of_pillow_or_of_warnings_is_changed_for_good() -> None:
    before = (Image.MAX_IMAGE_PIXELS, list(warnings.filters))
    load_image(encoded(Image.new("L", (3, 3)), "PNG"))
    refused(io.BytesIO(b"GIF89a"))
    assert (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before


BOMBS = """
import resource, sys
from pathlib import Path
import impasto.images
from impasto.errors import ImageError
impasto.images.load_image(impasto.images.encode_image(__import__("torch").zeros(1, 3, 4, 4)))
held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 32 * 2**20,) * 2)
for name in sys.argv[1:]:
    try:
        impasto.images.load_image(name)
    except ImageError as error:
        print(error)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_bombs_are_refused_before_anything_is_allocated(tmp_path: Path) -> None:
    """Files of at most 300 kB that say they hold 256 to 3,600 million pixels; 32 MB of memory to find out."""
    large = Image.new("1", (20_000, 20_000))
    for format_name, options in {"PNG": {}, "GIF": {}, "TIFF": {"compression": "group4"}}.items():
        large.save(tmp_path / f"a.{format_name.lower()}", format_name, **options)
    small = Image.new("RGB", (8, 8))
    jpeg = encoded(small, "JPEG").getvalue()
    frame = jpeg.index(b"\xff\xc0") + 5
    (tmp_path / "a.jpeg").write_bytes(jpeg[:frame] + struct.pack(">HH", 60_000, 60_000) + jpeg[frame + 4 :])
    webp = encoded(small, "WEBP", xmp=b"<x/>").getvalue()
    assert webp[12:16] == b"VP8X"
    (tmp_path / "a.webp").write_bytes(webp[:24] + (15_999).to_bytes(3, "little") * 2 + webp[30:])
    bmp = encoded(small, "BMP").getvalue()
    (tmp_path / "a.bmp").write_bytes(bmp[:18] + struct.pack("<ii", 20_000, 20_000) + bmp[26:])
    files = sorted(tmp_path.iterdir())
    assert all(file.stat().st_size < 300_000 for file in files)
    command = [sys.executable, "-c", BOMBS, *map(str, files)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == len(files) == 6
    for file, line in zip(files, lines, strict=True):
        assert line.startswith(f"{file} has ") and "the limit is 200,000,000" in line


# Streams and names


def test_streams_stay_open_and_pipes_are_read() -> None:
    file = encoded(Image.new("RGB", (3, 2), "blue"), "PNG")
    for _ in range(2):
        assert as_bytes(load_image(file))[0, 0].tolist() == [0, 0, 255]
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(file.getvalue())
    with os.fdopen(reader, "rb") as stream:
        assert load_image(stream).pixels.shape[2:] == (2, 3)


def test_many_threads_may_read() -> None:
    data = encoded(Image.fromarray(colors()), "PNG").getvalue()
    results: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: results.append(as_bytes(load_image(io.BytesIO(data))))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8 and all(np.array_equal(result, colors()) for result in results)


class Meeting(io.BytesIO):
    """A PNG file whose pixels are read only when another thread, too, has come to them."""

    def __init__(self, data: bytes, barrier: threading.Barrier):
        super().__init__(data)
        self._pixels, self._barrier, self._met = data.index(b"IDAT") + 4, barrier, False

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= self._pixels and not self._met:
            self._met = True
            self._barrier.wait()
        return super().read(size)


@pytest.mark.parametrize("bits", [8, 16])
def test_two_threads_decode_at_once(bits: int) -> None:
    """Each waits, at the first byte of its pixels, until the other is there: under a common lock neither would come."""
    data, barrier = encode_image(smooth(), bits=bits), threading.Barrier(2, timeout=10)
    with ThreadPoolExecutor(2) as pool:
        reads = [pool.submit(load_image, Meeting(data, barrier)) for _ in range(2)]
    assert all(torch.equal(read.result().pixels, load_image(data).pixels) for read in reads)


def test_a_damaged_pil_image_is_an_image_error() -> None:
    data = encoded(Image.fromarray(colors()), "PNG").getvalue()
    with pytest.raises(ImageError, match="unreadable"):
        from_pil(Image.open(io.BytesIO(data[:200])))


def test_what_has_no_pixels_or_is_no_file_is_told() -> None:
    with pytest.raises(ImageError, match="0x3; both sides must be at least 1 pixel"):
        from_pil(Image.new("RGB", (0, 3)))
    assert "None is no image file" in refused(None, UsageError)


def test_bytes_are_read_like_a_file() -> None:
    data = encoded(Image.fromarray(colors()), "PNG").getvalue()
    assert np.array_equal(as_bytes(load_image(data)), colors())
    assert refused(data[:50]).startswith("The image is truncated")


def test_a_pipe_is_read_no_further_than_its_beginning_if_that_is_no_image() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb", buffering=0) as pipe, os.fdopen(reader, "rb") as stream:
        pipe.write(b"a long story " * 10)  # and the pipe stays open: reading to its end would wait forever
        assert "is a text file" in refused(stream)


class Endless(io.RawIOBase):
    """A PNG file that never ends, a few bytes at a time."""

    sent = 0

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "asked for all of it"
        start = b"\x89PNG\r\n\x1a\n" if self.sent == 0 else b""
        self.sent += min(size, 50)
        return (start + bytes(50))[: min(size, 50)]


def test_a_stream_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_LARGEST_PIPE", 10_000)
    stream = Endless()
    assert "sends more than 1 GiB" in refused(stream)
    assert stream.sent <= 10_100


@pytest.mark.parametrize("name", ["two words.png", "Gr\u00fc\u00dfe \u65e5\u672c.png", "-", "a\nb.png", "1%{x}.png"])
def test_names_of_all_kinds(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "my \u00fcber folder"
    folder.mkdir()
    save_image(smooth(), folder / "plain.png")
    (folder / "plain.png").rename(folder / name)
    assert load_image(folder / name).pixels.shape == (1, 3, 48, 64)
    if name.endswith(".png"):
        save_image(smooth(), folder / name, force=True)
    assert [file.name for file in folder.iterdir()] == [name]


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 50}, {"xmp": b"<x/>"}])
def test_the_size_of_a_webp_file_is_known_from_its_header(options: dict[str, object]) -> None:
    for width, height in [(1, 1), (300, 7), (5, 16383)]:
        header = encoded(Image.new("RGB", (width, height)), "WEBP", **options).getvalue()[:HEADER_BYTES]
        assert webp_size(header) == (width, height)
    assert webp_size(b"RIFF\0\0\0\0WEBPVP9 ") == (0, 0)


def test_libvips_is_not_imported_before_a_file_is_read_and_says_nothing_itself() -> None:
    """A TIFF file with an unknown tag and a compression that its strip does not have: libtiff tells of both."""
    code = """
import sys
import impasto.images
print("pyvips" in sys.modules)
import io
import numpy as np
from PIL import Image
file = io.BytesIO()
Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(file, "TIFF", tiffinfo={65000: 1}, compression="tiff_lzw")
data = bytearray(file.getvalue())
impasto.images.load_image(bytes(data))
print("pyvips" in sys.modules)
data[8:40] = bytes(range(32))
try:
    impasto.images.load_image(bytes(data))
except impasto.ImpastoError:
    print("refused")
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True", "refused"] and not run.stderr
