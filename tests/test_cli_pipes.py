"""`-` for standard input and output, names of all kinds, and 16 bits on the command line."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from impasto.cli import main
from impasto.images import encode_image, load_image, save_image

SMALL = ("swatch:mosaic", "--preset", "fast", "--size", "48", "--iterations", "2")
Command = Callable[..., tuple[object, bytes, str]]


@pytest.fixture
def photo() -> bytes:
    return encode_image(torch.rand(1, 3, 40, 48, generator=torch.Generator().manual_seed(0)))


@pytest.fixture
def transfer(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Command:
    """transfer(*arguments, stdin=b""): (exit code, standard output, standard error)."""

    def run(*arguments: object, stdin: bytes = b"") -> tuple[object, bytes, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as left:
            main(["transfer", *map(str, arguments)])
        said = capsysbinary.readouterr()
        return left.value.code, said.out, said.err.decode()

    return run


def test_a_picture_goes_through_a_pipe_and_nothing_else_does(transfer: Command, photo: bytes, tmp_path: Path) -> None:
    code, piped, said = transfer("-", *SMALL, "-o", "-", "--bits", "16", stdin=photo)
    assert code == 0 and "Wrote" not in said
    (tmp_path / "photo.png").write_bytes(photo)
    code, out, _ = transfer(tmp_path / "photo.png", *SMALL, "-o", tmp_path / "a.png")
    assert code == 0 and b"Wrote" in out
    difference = (load_image(piped).pixels - load_image(tmp_path / "a.png").pixels).abs().max()
    assert 0 < difference < 0.51 / 255  # the same picture, with more bits


def test_without_a_name_the_result_of_a_pipe_is_named_so(
    transfer: Command, photo: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert transfer("-", *SMALL, "-q", stdin=photo)[0] == 0
    assert [file.name for file in tmp_path.iterdir()] == ["stdin-mosaic.png"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (("-", "-"), b"", "holds one picture"),
        (("-", "swatch:mosaic"), b"no picture", "is a text file"),
        (("-", "swatch:mosaic"), b"", "is empty"),
        (("swatch:batik", "swatch:mosaic", "--json"), b"", "have no place"),
        (("swatch:batik", "swatch:mosaic", "--save-every", "1"), b"", "have no place"),
    ],
)
def test_what_a_pipe_cannot_do_is_told(transfer: Command, arguments: tuple[str, ...], stdin: bytes, words: str) -> None:
    code, out, said = transfer(*arguments, "-o", "-", stdin=stdin)
    assert code in (1, 2) and out == b""
    assert said.startswith("Error: ") and words in said


def test_what_cannot_be_written_on_the_way_to_a_pipe_is_told_of_standard_output(
    transfer: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("impasto.files._flush", full)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, out, said = transfer("swatch:batik", *SMALL, "-o", "-")
    assert (code, out) == (1, b"")
    assert said == (
        "Error: Standard output cannot be written: No space left on device. Free some space or choose another disk.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_textures_go_through_pipes_too(
    capsysbinary: pytest.CaptureFixture[bytes], photo: bytes, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["texture", "swatch:mosaic", "--size", "48", "--iterations", "2", "-o", "-"])
    assert left.value.code == 0
    assert load_image(capsysbinary.readouterr().out).pixels.shape == (1, 3, 48, 48)


def test_formats_with_eight_bits_are_told_before_the_work(transfer: Command, tmp_path: Path) -> None:
    code, _, said = transfer("swatch:batik", "swatch:mosaic", "-o", tmp_path / "a.jpg", "--bits", "16")
    assert code == 2 and "8 bits per channel" in said


def test_spaces_and_unicode_in_names(transfer: Command, photo: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "my \u00fcber folder \u65e5\u672c"
    folder.mkdir()
    save_image(load_image(photo).pixels, folder / "a photo \u2192.png")
    result = folder / "the result \u00e9.webp"
    assert transfer(folder / "a photo \u2192.png", *SMALL, "-o", result, "-q")[0] == 0
    assert load_image(result).pixels.shape == (1, 3, 40, 48)
