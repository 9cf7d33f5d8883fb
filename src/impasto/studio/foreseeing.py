"""What would fail before its first step, told when it is asked for: masks are looked at, and the run is planned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from impasto.choices import SWATCH
from impasto.errors import UsageError
from impasto.studio.asking import Asked, pictures_of
from impasto.studio.shelf import Shelf

if TYPE_CHECKING:
    from impasto.images import Picture
    from impasto.loading import Encoders

LARGEST = 2**15  # pixels of the long side
_SWATCH_SHAPE = 3, 4


def check(asked: Asked, shelf: Shelf, encoders: Encoders) -> None:
    """Let pass what can be carried out.

    Nothing is opened but masks and what they are of: the plan is made for plain pictures of the same sizes, in some
    hundredths of a second.

    Raises:
        UsageError: settings, masks or memory with which there is no picture.
        WeightsError: a network that is not on this computer.
    """
    from impasto.pictures import Pictures, check_masks, check_pictures
    from impasto.preparation import check_plan

    size = asked.recipe.long_side or 0
    if size > LARGEST:
        raise UsageError(f"size is {size}; the studio paints pictures of at most {LARGEST} pixels a side.")
    pictures = pictures_of(asked.body, shelf.source)
    check_pictures(asked.recipe, pictures)
    check_masks(asked.recipe, pictures)

    def plain(ids: Iterable[str | None]) -> list[Picture]:
        return [_plain(each, shelf) for each in ids if each]

    body = asked.body
    (content,), textures = plain([body["content"]]), plain([body.get("texture")])
    styles = plain([*body.get("styles", ()), *(each["style"] for each in body.get("regions", ()))])
    init = content if pictures.init is not None else None
    recipe = replace(asked.recipe, style_weights=None, colors="style")  # which make the plan no other
    check_plan(recipe, Pictures(content, styles, init, texture=next(iter(textures), None)), encoders)


def _plain(id: str, shelf: Shelf) -> Picture:
    """A gray picture as large as another, which takes no memory."""
    import torch

    from impasto.images import Picture

    drawn = id.startswith(SWATCH)
    height, width = (256 * side for side in _SWATCH_SHAPE) if drawn else (shelf[id].height, shelf[id].width)
    return Picture(torch.full((1, 3, 1, 1), 0.5).expand(-1, -1, height, width))
