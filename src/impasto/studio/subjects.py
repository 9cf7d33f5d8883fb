"""What a photograph is of, guessed: a mask, which is kept as if it had been sent."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

from impasto.studio.shelf import LARGEST_VIEW, Sent, Shelf

if TYPE_CHECKING:
    from impasto.loading import Encoders


class Subjects:
    """Masks of what photographs are of.  `encoders` loads the network that they are found with."""

    def __init__(self, shelf: Shelf, encoders: Callable[[], Encoders]):
        self._shelf, self._load = shelf, encoders

    def find(self, id: str) -> Sent:
        """The mask of a picture on the shelf, white where its subject is, of its shape; see `impasto.masks`.

        Raises:
            NotThereError: there is no such picture.
            UsageError: there is no more room.
        """
        from impasto.images import encode_image, load_image
        from impasto.masks import subject
        from impasto.recipe import Recipe

        photo = load_image(BytesIO(self._shelf.view(id, LARGEST_VIEW)[0]))
        mask = subject(photo.pixels, self._load().load(Recipe(), "float32"))
        return self._shelf.add(BytesIO(encode_image(mask.expand(-1, 3, -1, -1), ".png")), "subject.png")
