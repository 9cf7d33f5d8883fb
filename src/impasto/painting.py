"""A finished picture: an image of Pillow's that keeps the record of how it was made when it is saved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from impasto.errors import UsageError
from impasto.images import WRITABLE_FORMATS, kept_exif, save_image, to_pil
from impasto.notebook import bundle
from impasto.record import KEYWORD, Record, Result


class Painting(Image.Image):
    """A PIL image, RGB or RGBA, made by impasto.

    `pixels` are its sRGB values in [0, 1] with all their precision, (1, 3, H, W), `alpha` its transparency, (1, 1, H,
    W) or None, and `record` says how it was made, `kept` is
    EXIF of its photograph's. `save` to a file whose ending tells the format keeps the record
    there, for `impasto show` and `impasto replay`, and replaces a file of that name, as any PIL image does.
    """

    pixels: Tensor
    alpha: Tensor | None
    record: Record
    kept: bytes

    def save(self, fp: Any, format: str | None = None, **params: Any) -> None:
        """Write an image file; with a `format` or encoder's parameters, or into a stream, as Pillow does, unrecorded.

        Raises:
            UsageError, OutputError: the file cannot be written.
        """
        if not format and isinstance(fp, str | Path) and Path(fp).suffix.lower() not in Image.registered_extensions():
            raise UsageError(f"{fp} has no ending of an image file. Choose one of {', '.join(WRITABLE_FORMATS)}.")
        if format or params or not isinstance(fp, str | Path) or Path(fp).suffix.lower() not in WRITABLE_FORMATS:
            super().save(fp, format, **params)
            return
        save_image(self.pixels, fp, alpha=self.alpha, force=True, text={KEYWORD: self.record.to_text()}, exif=self.kept)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, str], dict[str, Any]]:
        """What a notebook shows: the picture, at most `notebook.LARGEST` pixels wide and high, and a line of words."""
        result, made = self.record.result, self.record.settings["preset"]
        words = f"A {self.record.task} of {self.width}x{self.height} pixels, preset {made}"
        return bundle(self, words if result is None else f"{words}, {result.evaluations} evaluations")

    def _repr_png_(self) -> None:
        """Nothing: a notebook that has the one above would keep the picture twice."""

    def _repr_jpeg_(self) -> None:
        """Nothing."""


def painting(pixels: Tensor, alpha: Tensor | None, record: Record, exif: bytes = b"") -> Painting:
    """The picture of `pixels`, (1, 3, H, W), and `alpha`, which keeps what is safe of a photograph's `exif`."""
    image: Any = to_pil(pixels, alpha)
    image.__class__ = Painting  # so that it is what Pillow made, whatever Pillow's images hold
    image.pixels, image.alpha, image.record, image.kept = pixels, alpha, record, kept_exif(exif)
    made: Painting = image
    return made


def pixels_hash(image: Tensor, alpha: Tensor | None) -> str:
    """The sha256 of a picture's 8-bit pixels, with its transparency if it has any."""
    return hashlib.sha256(to_pil(image, alpha).tobytes()).hexdigest()


def result_of(image: Tensor, alpha: Tensor | None, step: Mapping[str, Any]) -> Result:
    """What came of a run: how far it was at a step (see `Step.record`), how good, and the picture's pixels."""
    return Result(
        evaluations=step["done"],
        of=step["total"],
        loss=step["loss"],
        terms=step["terms"],
        pixels=pixels_hash(image, alpha),
        kept="best" if step.get("best") else "last",
    )
