"""Image files of all formats, depths, alphas and profiles: read and written by impasto, and by others.

    python benchmarks/files.py

Each row is a kind of file.  "read": a file that another encoder made (Pillow, tifffile, OpenCV), as `load_image` gives
it; "written": a file of `encode_image` as another decoder gives it.  The numbers are the largest difference from the
right value over all pixels, in 1/255; the limit is larger where the format loses some.  The exit code is 1 if any
exceeds its limit.  Needs tifffile and opencv-python-headless.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import tifffile
import torch
from PIL import Image

from impasto.images import encode_image, from_array, load_image
from impasto.images.profiles import srgb_profile

HEIGHT, WIDTH = 48, 64
LOSSY = {"JPEG": 8, "WEBP": 10, "AVIF": 8}
SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp", "AVIF": ".avif"}
DEEP = ("PNG", "TIFF")
WITHOUT_ALPHA = ("JPEG", "BMP")
WITHOUT_PROFILE = ("BMP", "GIF")


@dataclass(frozen=True)
class Row:
    """One kind of file: the largest differences, in 1/255, and the limit for them."""

    format: str
    bits: int
    alpha: bool
    profile: str
    read: float | None
    written: float | None
    limit: float

    def fine(self) -> bool:
        return all(each is None or each <= self.limit for each in (self.read, self.written))


def colors(alpha: bool) -> np.ndarray:
    """(H, W, 3 or 4) in [0, 1], well inside sRGB, with a smooth alpha that is nowhere 0."""
    y, x = np.mgrid[0 : 1 : HEIGHT * 1j, 0 : 1 : WIDTH * 1j]
    planes = [0.2 + 0.6 * x, 0.2 + 0.6 * y, 0.8 - 0.6 * x * y]
    return np.stack(planes + ([0.25 + 0.75 * y] if alpha else []), axis=-1)


def wide_profile() -> bytes:
    """A profile with a gamma of 1.8 instead of sRGB's curve."""
    profile = srgb_profile()
    start = profile.index(b"para")
    kind = b"para\0\0\0\0\0\0\0\0" + round(1.8 * 65536).to_bytes(4, "big")
    return profile[:start] + kind + profile[start + len(kind) :]


def in_profile(levels: np.ndarray, profile: str) -> np.ndarray:
    """What sRGB colors a reader must find: (H, W, 3) in [0, 1]."""
    if profile != "gamma 1.8":
        return levels
    linear = levels**1.8
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def by_another(format_name: str, bits: int, values: np.ndarray, profile: bytes) -> bytes:
    """A file of theirs."""
    levels = np.rint(values * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)
    file = io.BytesIO()
    if bits == 16 and format_name == "TIFF":
        extra = {"extrasamples": ["unassalpha"]} if levels.shape[2] == 4 else {}
        tifffile.imwrite(file, levels, photometric="rgb", iccprofile=profile or None, **extra)
    elif bits == 16:
        return _deep_png(levels, profile)
    else:
        options = {"JPEG": {"quality": 98, "subsampling": 0}, "WEBP": {"lossless": True}, "AVIF": {"quality": 98}}
        options.setdefault(format_name, {})
        Image.fromarray(levels).save(file, format_name, icc_profile=profile or None, **options[format_name])
    return file.getvalue()


def _deep_png(levels: np.ndarray, profile: bytes) -> bytes:
    """A PNG file with 16 bits by OpenCV, which has no profiles: that is put in as a chunk."""
    import struct
    import zlib

    import cv2

    order = [2, 1, 0, 3][: levels.shape[2]]
    data = cv2.imencode(".png", levels[:, :, order])[1].tobytes()
    if not profile:
        return data
    body = b"iCCP" + b"x\0\0" + zlib.compress(profile)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:33] + chunk + data[33:]


def as_another_sees(format_name: str, bits: int, data: bytes) -> np.ndarray:
    """(H, W, C) in [0, 1] of a file of ours."""
    if format_name == "TIFF":
        values = tifffile.imread(io.BytesIO(data))
    elif bits == 16:
        import cv2

        values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        values = values[:, :, [2, 1, 0, 3][: values.shape[2]]]
    else:
        values = np.asarray(Image.open(io.BytesIO(data)))
    assert values.dtype == (np.uint8 if bits == 8 else np.uint16)
    return values / (2**bits - 1)


def rows() -> Iterator[Row]:
    """All kinds, one after another."""
    profiles: dict[str, Callable[[], bytes]] = {"none": bytes, "sRGB": srgb_profile, "gamma 1.8": wide_profile}
    for format_name, suffix in SUFFIXES.items():
        for bits in (8, 16) if format_name in DEEP else (8,):
            for alpha in (False,) if format_name in WITHOUT_ALPHA else (False, True):
                for profile, make in profiles.items():
                    if profile != "none" and format_name in WITHOUT_PROFILE:
                        continue
                    values = colors(alpha)
                    read = _read(by_another(format_name, bits, values, make()), values, profile)
                    written = _written(suffix, bits, values) if profile == "sRGB" or format_name == "BMP" else None
                    limit = LOSSY.get(format_name, 0.51 if bits == 8 else 0.01)
                    if profile == "gamma 1.8":
                        limit += 0.6
                    yield Row(format_name, bits, alpha, profile, read, written, limit)
    yield _gif()


def _read(data: bytes, values: np.ndarray, profile: str) -> float:
    picture = load_image(data)
    assert picture.notes == ()
    found = picture.pixels[0].permute(1, 2, 0).numpy()
    worst = np.abs(found - in_profile(values[:, :, :3], profile)).max()
    if values.shape[2] == 4:
        assert picture.alpha is not None
        worst = max(worst, np.abs(picture.alpha[0, 0].numpy() - values[:, :, 3]).max())
    return float(worst) * 255


def _written(suffix: str, bits: int, values: np.ndarray) -> float:
    planes = torch.from_numpy(values).float().permute(2, 0, 1)[None]
    data = encode_image(planes[:, :3], suffix, alpha=planes[:, 3:] if values.shape[2] == 4 else None, bits=bits)
    return float(np.abs(as_another_sees(SUFFIXES_BACK[suffix], bits, data) - values).max()) * 255


SUFFIXES_BACK = {suffix: name for name, suffix in SUFFIXES.items()}


def _gif() -> Row:
    image = Image.fromarray(np.rint(colors(False) * 255).astype(np.uint8)).quantize(200, dither=Image.Dither.NONE)
    file = io.BytesIO()
    image.save(file, "GIF")
    expected = from_array(np.asarray(image.convert("RGB"))).pixels
    return Row("GIF", 8, False, "none", float((load_image(file).pixels - expected).abs().max()) * 255, None, 0.01)


def main() -> int:
    """Print the table."""
    print("| format | bits | alpha | profile | read | written | limit |")
    print("|---|---|---|---|---|---|---|")
    bad = 0
    for row in rows():
        read, written = ("" if each is None else f"{each:.2f}" for each in (row.read, row.written))
        alpha = "yes" if row.alpha else "no"
        mark = "" if row.fine() else " WRONG"
        print(f"| {row.format} | {row.bits} | {alpha} | {row.profile} | {read} | {written} | {row.limit:.2f}{mark} |")
        bad += not row.fine()
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
