"""Whether a file has a picture's pixels."""

from __future__ import annotations

import os
from typing import Final

import torch
from torch import Tensor

from impasto.images.deep_reading import deep_samples
from impasto.images.encoding import encode_image
from impasto.images.opening import opened
from impasto.images.reading import load_image

_LOSSLESS: Final = ("PNG", "TIFF", "BMP")


def same_pixels(file: str | os.PathLike[str], image: Tensor, alpha: Tensor | None = None) -> bool | None:
    """Tell if `file` is what `image` becomes when it is written with as many bits; None if its format loses some.

    Shape: image (1, 3, H, W), alpha (1, 1, H, W)

    Raises:
        MissingFileError, ImageError: as for `load_image`
    """
    with opened(file) as found:
        if found.format not in _LOSSLESS:
            return None
        bits = 8 if deep_samples(found) is None else 16
    kept, made = load_image(file), load_image(encode_image(image, ".png", alpha=alpha, bits=bits))
    return _equal(kept.pixels, made.pixels) and _equal(kept.alpha, made.alpha)


def _equal(a: Tensor | None, b: Tensor | None) -> bool:
    return a is b if a is None or b is None else torch.equal(a, b)
