"""What would fail before its first step, told when it is asked for: masks are looked at, and the run is planned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from impasto.choices import ORIGINAL, SWATCH
from impasto.studio.asking import Asked, pictures_of
from impasto.studio.shelf import Shelf

if TYPE_CHECKING:
    from torch import Tensor

    from impasto.loading import Encoders

_SWATCH_SHAPE = 3, 4


def check(asked: Asked, shelf: Shelf, encoders: Encoders) -> None:
    """Let pass what can be carried out.

    Nothing is opened but masks and what they are of: the plan is made for plain pictures of the same shapes, in some
    hundredths of a second.

    Raises:
        UsageError: settings, masks or memory with which there is no picture.
        WeightsError: a network that is not on this computer.
    """
    from impasto.pictures import Pictures, check_masks, check_pictures
    from impasto.preparation import prepare

    pictures = pictures_of(asked.body, shelf.source)
    check_pictures(asked.recipe, pictures)
    check_masks(asked.recipe, pictures)
    most = None if asked.recipe.size == ORIGINAL else asked.recipe.long_side or asked.recipe.usual_size

    def plain(ids: Iterable[str | None]) -> list[Tensor]:
        return [_plain(each, shelf, most) for each in ids if each]

    body = asked.body
    (content,) = plain([body["content"]])
    styles = plain([*body.get("styles", ()), *(each["style"] for each in body.get("regions", ()))])
    init = content if pictures.init is not None else None
    unweighted = replace(asked.recipe, style_weights=None)
    prepare(
        unweighted, Pictures(content, styles, init, texture=next(iter(plain([body.get("texture")])), None)), encoders
    )


def _plain(id: str, shelf: Shelf, most: int | None) -> Tensor:
    """A gray picture of the shape of another, its long side at most `most`.  Shape: (1, 3, H, W)."""
    import torch

    from impasto.images import size_for

    drawn = id.startswith(SWATCH)
    height, width = (256 * side for side in _SWATCH_SHAPE) if drawn else (shelf[id].height, shelf[id].width)
    if most is not None:
        height, width = size_for(height, width, min(most, max(height, width)))
    return torch.full((1, 3, height, width), 0.5)
