"""Pictures -> files, whole or not at all."""

from __future__ import annotations

import io
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import (
    as_bytes,
    smooth,
)
from PIL import Image, ImageCms, features

import warm
from impasto.errors import MissingFileError, OutputError, UsageError
from impasto.images import (
    WRITABLE_FORMATS,
    check_output,
    encode_image,
    load_image,
    save_image,
    to_pil,
)

LOSSLESS = (".png", ".tif", ".tiff", ".bmp")


def test_levels_are_rounded_clamped_and_survive_the_round_trip() -> None:
    levels = torch.arange(256, dtype=torch.float32) / 255
    for offset in (-0.49, 0, 0.49):
        image = (levels + offset / 255).reshape(1, 1, 16, 16).expand(1, 3, 16, 16)
        assert np.asarray(to_pil(image))[:, :, 0].flatten().tolist() == list(range(256))
    wild = torch.tensor([-1.0, 2.0, float("nan")]).reshape(1, 1, 1, 3).expand(1, 3, 1, 3)
    assert np.asarray(to_pil(wild))[0, :, 0].tolist() == [0, 255, 0]


@pytest.mark.parametrize("extension", [*WRITABLE_FORMATS, ".PNG", ".Jpg"])
def test_every_writable_format_is_written_and_read_back(tmp_path: Path, extension: str) -> None:
    if extension == ".avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    image = smooth()
    save_image(image, tmp_path / f"a{extension}")
    with Image.open(tmp_path / f"a{extension}") as file:
        assert file.format == WRITABLE_FORMATS[extension.lower()]
        assert ("icc_profile" in file.info) == (file.format != "BMP")
    tolerance = 0.5 / 255 if extension in LOSSLESS else 8 / 255
    assert (load_image(tmp_path / f"a{extension}").pixels - image).abs().max() <= tolerance + 1e-6
    assert [file.name for file in tmp_path.iterdir()] == [f"a{extension}"]


def test_the_embedded_profile_is_srgb_and_the_file_is_the_same_every_time(tmp_path: Path) -> None:
    save_image(smooth(), tmp_path / "a.png")
    save_image(smooth(), tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as file:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(file.info["icc_profile"]))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
    assert profile.profile.creation_date is not None and profile.profile.creation_date.year == 2000


def test_jpeg_keeps_the_full_resolution_of_color(tmp_path: Path) -> None:
    stripes = torch.zeros(1, 3, 32, 32)
    stripes[:, 0, :, ::2] = 1
    stripes[:, 2, :, 1::2] = 1
    save_image(stripes, tmp_path / "a.jpg")
    assert (load_image(tmp_path / "a.jpg").pixels - stripes).abs().max() < 0.1


def test_noise_is_encoded_at_any_quality(tmp_path: Path) -> None:
    noise = torch.rand(1, 3, 300, 400, generator=torch.Generator().manual_seed(0))
    for quality in (1, 100):
        for extension in (".jpg", ".webp"):
            save_image(noise, tmp_path / f"a{extension}", quality=quality, force=True)
            assert load_image(tmp_path / f"a{extension}").pixels.shape == noise.shape
    with pytest.raises(UsageError, match="quality is 101"):
        save_image(noise, tmp_path / "b.jpg", quality=101)


@pytest.mark.parametrize("extension", [".png", ".webp", ".tif", ".avif"])
def test_alpha_is_kept_where_the_format_has_it(tmp_path: Path, extension: str) -> None:
    if extension == ".avif" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    alpha = torch.linspace(0, 1, 64).expand(1, 1, 48, 64)
    save_image(smooth(), tmp_path / f"a{extension}", alpha=alpha)
    read = load_image(tmp_path / f"a{extension}").alpha
    assert read is not None and (read - alpha).abs().max() < 3 / 255


@pytest.mark.parametrize("extension", [".jpg", ".bmp"])
def test_alpha_becomes_white_where_the_format_has_none(tmp_path: Path, extension: str) -> None:
    alpha = torch.zeros(1, 1, 16, 32)
    alpha[..., 16:] = 1
    save_image(torch.zeros(1, 3, 16, 32), tmp_path / f"a{extension}", alpha=alpha)
    pixels = as_bytes(load_image(tmp_path / f"a{extension}"))
    assert pixels[:, :16].min() >= 250 and pixels[:, 16:].max() <= 5


def test_existing_files_are_kept_unless_forced(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"precious")
    with pytest.raises(UsageError, match="--force"):
        save_image(smooth(), file)
    assert file.read_bytes() == b"precious"
    save_image(smooth(), file, force=True)
    assert load_image(file).pixels.shape == (1, 3, 48, 64)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("a", UsageError, "no extension"),
        ("a.jpgg", UsageError, "closest is '.jpg'"),
        ("a.gif", UsageError, "reads .gif files but does not write"),
        ("a.psd", UsageError, ".png, .jpg"),
        ("", UsageError, "is a folder"),
        ("none/a.png", MissingFileError, "there is no folder"),
        ("file/a.png", MissingFileError, "is a file, not a folder"),
        ("n" * 300 + ".png", OutputError, "shorter name"),
    ],
)
def test_impossible_outputs_are_refused_early(tmp_path: Path, name: str, kind: type[Exception], words: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(kind, match=words.replace(".", r"\.")):
        check_output(tmp_path / name)
    check_output(tmp_path / "fine.png")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_what_the_format_cannot_hold_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"WEBP refuses the image of 16384x1 .* Save it as \.png"):
        save_image(torch.zeros(1, 3, 1, 16384), tmp_path / "a.webp")
    for wrong in (torch.zeros(3, 4, 4), torch.zeros(2, 3, 4, 4), torch.zeros(1, 1, 4, 4)):
        with pytest.raises(UsageError, match="must be"):
            save_image(wrong, tmp_path / "a.png")
    with pytest.raises(UsageError, match="alpha has shape"):
        save_image(smooth(), tmp_path / "a.png", alpha=torch.zeros(1, 1, 4, 4))
    assert list(tmp_path.iterdir()) == []


FULL_DISK = """
import resource, sys, torch
from impasto.errors import OutputError
from impasto.images import save_image
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    save_image(torch.rand(1, 3, 64, 64), sys.argv[1], force=True)
except OutputError as problem:
    print(problem)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on file sizes there")
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"precious")
    output = warm.run(["-c", FULL_DISK, file], capture_output=True, text=True, check=True).stdout
    assert f"{file} cannot be written" in output and "Free some space" in output
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]
    assert file.read_bytes() == b"precious"


@pytest.mark.skipif(sys.platform == "win32", reason="no umask there")
def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        save_image(smooth(), tmp_path / "a.png")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o640


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.png").symlink_to(tmp_path / "folder" / "b.png")
    save_image(smooth(), tmp_path / "a.png")
    assert (tmp_path / "a.png").is_symlink()
    assert load_image(tmp_path / "folder" / "b.png").pixels.shape == (1, 3, 48, 64)


def test_the_input_of_writing_is_not_touched(tmp_path: Path) -> None:
    image = smooth() * 3 - 1
    before = image.clone()
    save_image(image, tmp_path / "a.jpg", alpha=torch.rand(1, 1, 48, 64))
    assert torch.equal(image, before)


def test_what_is_not_a_number_is_written_as_black_and_told(tmp_path: Path) -> None:
    image = smooth()
    image[..., :2, 0] = float("nan")
    with pytest.warns(RuntimeWarning, match="6 values of the image are not numbers"):
        save_image(image, tmp_path / "a.png")
    assert (as_bytes(load_image(tmp_path / "a.png"))[:2, 0] == 0).all()


def test_a_stream_gets_a_png_and_other_formats_come_as_bytes() -> None:
    stream = io.BytesIO()
    save_image(smooth(), stream)
    assert stream.getvalue() == encode_image(smooth()) and stream.getvalue().startswith(b"\x89PNG")
    assert encode_image(smooth(), ".JPG").startswith(b"\xff\xd8\xff")
    with pytest.raises(UsageError, match=r"Unknown extension '\.gif'"):
        encode_image(smooth(), ".gif")
