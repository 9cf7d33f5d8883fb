"""Swatches as small pictures, each drawn once."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from threading import Lock

from impasto import swatches
from impasto.errors import UnknownNameError
from impasto.studio.shelf import NotThereError

LARGEST = 1024  # pixels of the long side
_SIZES = (256, 512, LARGEST)
_drawing = Lock()


@lru_cache(maxsize=16)
def thumbnail(name: str) -> bytes:
    """A swatch as the small JPEG that the page shows."""
    return (resources.files("impasto.studio") / "page" / f"swatch-{name}.jpg").read_bytes()


def swatch(name: str, size: int) -> bytes:
    """A swatch as JPEG, its long side the least of a few sizes that suffices.

    Raises:
        NotThereError: there is none of that name.
    """
    try:
        swatches.describe(name)
    except UnknownNameError as error:
        raise NotThereError(str(error)) from error
    with _drawing:
        return _drawn(name, next((each for each in _SIZES if each >= size), LARGEST))


@lru_cache(maxsize=3 * 16)
def _drawn(name: str, size: int) -> bytes:
    from io import BytesIO

    from PIL import Image

    kept = BytesIO()
    Image.fromarray(swatches.draw(name, width=size, height=size * 3 // 4)).save(kept, "JPEG", quality=88)
    return kept.getvalue()
