"""What a picture may look like, at once: the network of instant mode paints it small, and nothing of it is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING

from impasto.choices import INSTANT, SWATCH
from impasto.presets import preset
from impasto.studio.asking import Asked, pictures_of
from impasto.studio.previews import jpeg
from impasto.studio.shelf import Shelf
from impasto.studio.swatchbook import thumbnail

if TYPE_CHECKING:
    from impasto.loading import Encoders

LARGEST = 384  # pixels of the long side
_ENOUGH = 512  # pixels of the pictures that it is made of
_HEEDED = ("strength", "style_weights", "style_scale", "colors", "texture_up_to")  # what the network knows of


class Looks:
    """Looks of what is asked for, one at a time.  `encoders` loads the network."""

    def __init__(self, shelf: Shelf, encoders: Callable[[], Encoders]):
        self._shelf, self._load = shelf, encoders
        self._painting = Lock()

    def look(self, asked: Asked) -> bytes:
        """The picture as the network paints it, as JPEG.

        Raises:
            UsageError: pictures or settings that do not go together.
        """
        from impasto.preparation import prepare

        heeded = {name: getattr(asked.recipe, name) for name in _HEEDED}
        recipe = preset(INSTANT).override(size=LARGEST, **heeded)
        pictures = replace(pictures_of(asked.body, self._small), init=None)
        with self._painting:
            run = prepare(recipe, pictures, self._load())
            return jpeg(run.seen(run.beginning()))

    def _small(self, id: str) -> BytesIO:
        """A picture as a small file."""
        if id.startswith(SWATCH):
            return BytesIO(thumbnail(id.split(":")[1]))
        return BytesIO(self._shelf.view(id, _ENOUGH)[0])
