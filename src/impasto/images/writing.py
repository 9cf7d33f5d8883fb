"""A tensor -> a file."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image, PngImagePlugin
from torch import Tensor

from impasto.errors import MissingFileError, OutputError, UnknownNameError, UsageError
from impasto.images.formats import WRITABLE_FORMATS
from impasto.images.profiles import srgb_profile

_WITHOUT_ALPHA: Final = ("JPEG", "BMP")

_REMEDIES: Final = {
    errno.ENOSPC: "Free some space or choose another disk.",
    errno.EDQUOT: "Free some space or choose another disk.",
    errno.EFBIG: "Free some space or choose another disk.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
}


def to_pil(image: Tensor, alpha: Tensor | None = None) -> Image.Image:
    """Convert to an 8-bit PIL image, RGB or RGBA: clamped to [0, 1], rounded to the nearest of the 256 levels.

    Shape:
        image (1, 3, H, W), alpha (1, 1, H, W) -> (H, W)
    """
    if image.dim() != 4 or image.shape[:2] != (1, 3):
        raise UsageError(f"The image has shape {tuple(image.shape)}; it must be (1, 3, H, W).")
    if alpha is None:
        return Image.fromarray(_levels(image))
    if alpha.shape != (1, 1, *image.shape[2:]):
        raise UsageError(
            f"alpha has shape {tuple(alpha.shape)}; it must be {(1, 1, *image.shape[2:])}, like the image."
        )
    return Image.fromarray(np.concatenate([_levels(image), _levels(alpha)], axis=2))


def save_image(
    image: Tensor,
    path: str | os.PathLike[str],
    *,
    alpha: Tensor | None = None,
    force: bool = False,
    quality: int = 95,
    text: Mapping[str, str] | None = None,
) -> None:
    """Write an image file in the format that its extension names, with 8 bits per channel and an sRGB profile.

    The file appears whole or not at all.  `alpha` is kept by PNG, WebP, TIFF and AVIF; JPEG and BMP have none, so there
    the image is composited over white.  `quality` (1 to 100) is for JPEG, WebP and AVIF.  `text` goes into PNG only.

    Raises:
        UsageError: see `check_output`; a wrong shape or quality
        OutputError: the format cannot hold an image of this size, the disk is full, no permission
    """
    check_output(path, force=force)
    if not 1 <= quality <= 100:
        raise UsageError(f"quality is {quality}; it must lie between 1 and 100.")
    format_name = WRITABLE_FORMATS[Path(path).suffix.lower()]
    if alpha is not None and format_name in _WITHOUT_ALPHA:
        image, alpha = 1 - alpha * (1 - image.clamp(0, 1)), None
    data = _encode(to_pil(image, alpha), path, format_name, quality, text or {})
    _write_atomically(Path(os.path.realpath(path)), data)


def check_output(path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Make sure, before any work starts, that an image can be written to `path`.  Nothing is created.

    Raises:
        UsageError: no known extension, a folder, or a file that exists while `force` is not set
        MissingFileError: the folder is not there
        OutputError: no permission to write into the folder
    """
    target = Path(path)
    try:
        if target.is_dir():
            raise UsageError(f"{target} is a folder; name a file in it, such as {target / 'result.png'}.")
        _check_extension(target)
        _check_folder(target)
        if target.exists() and not force:
            raise UsageError(
                f"{target} exists already. Choose another name, or overwrite it with --force (force=True)."
            )
    except OSError as problem:
        raise _output_error(target, problem) from problem


def _check_extension(target: Path) -> None:
    extension = target.suffix.lower()
    accepted = ", ".join(WRITABLE_FORMATS)
    if not extension:
        raise UsageError(f"{target} has no extension to tell the format by. Add one of {accepted}.")
    if extension in (".gif", ".heic", ".heif"):
        raise UsageError(f"{target}: impasto reads {extension} files but does not write them. Use one of {accepted}.")
    if extension not in WRITABLE_FORMATS:
        raise UnknownNameError("extension", extension, WRITABLE_FORMATS, of=str(target))
    Image.init()
    if WRITABLE_FORMATS[extension] not in Image.SAVE:
        raise UsageError(f"{target}: this Pillow cannot write {extension} files. Install a newer one, or use .png.")


def _check_folder(target: Path) -> None:
    folder = target.parent
    if folder.exists() and not folder.is_dir():
        raise MissingFileError(f"{target} cannot be written: {folder} is a file, not a folder.")
    if not folder.is_dir():
        raise MissingFileError(f"{target} cannot be written: there is no folder {folder}. Create it first.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{target} cannot be written: no permission for the folder {folder}. Choose another folder.")


def _levels(image: Tensor) -> np.ndarray:
    """Round values in [0, 1] to the 256 levels of a byte; what is not a number becomes 0.

    Shape:
        (1, C, H, W) -> (H, W, C) uint8
    """
    values = image.detach().to("cpu", torch.float32).nan_to_num(nan=0.0)
    levels = values.clamp_(0, 1).mul_(255).round_().to(torch.uint8)
    return levels[0].permute(1, 2, 0).contiguous().numpy()


def _encode(
    image: Image.Image, path: str | os.PathLike[str], format_name: str, quality: int, text: Mapping[str, str]
) -> bytes:
    """Encode in memory, so that what the encoder refuses and what the disk refuses stay apart."""
    options = _encoder_options(format_name, quality, text)
    buffer = BytesIO()
    try:
        image.save(buffer, format_name, icc_profile=srgb_profile(), **options)
    except Exception as problem:
        raise OutputError(
            f"{os.fspath(path)} cannot be written: {format_name} refuses the image of {image.width}x{image.height} "
            f"({problem}). Save it as .png instead."
        ) from problem
    return buffer.getvalue()


def _encoder_options(format_name: str, quality: int, text: Mapping[str, str]) -> dict[str, Any]:
    """Choose the encoder's settings: full chroma resolution wherever the format has it.

    No `optimize` for JPEG: Pillow then guesses a buffer's size, which noise at high quality exceeds.
    """
    options: dict[str, dict[str, Any]] = {
        "PNG": {"pnginfo": _png_text(text)},
        "JPEG": {"quality": quality, "subsampling": "4:4:4"},
        "WEBP": {"quality": quality, "method": 4, "use_sharp_yuv": True},
        "TIFF": {"compression": "tiff_adobe_deflate"},
        "AVIF": {"quality": quality, "subsampling": "4:4:4", "speed": 8},
    }
    return options.get(format_name, {})


def _png_text(text: Mapping[str, str]) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for keyword, value in text.items():
        info.add_text(keyword, value)  # tEXt; iTXt where the value does not fit into Latin-1
    return info


def _write_atomically(target: Path, data: bytes) -> None:
    """Write into a temporary file beside `target`, then put it into its place; nothing is left behind on failure."""
    temporary = target.with_name(f".impasto-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as problem:
        raise _output_error(target, problem) from problem
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _output_error(target: Path, problem: OSError) -> OutputError:
    remedy = _REMEDIES.get(problem.errno or 0, "Choose another folder or name.")
    return OutputError(f"{target} cannot be written: {problem.strerror or problem}. {remedy}")
