"""What a frame of a clip has from the frame before it: where it begins, what holds it, and what stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from impasto.losses import blurred, temporal_error
from impasto.terms import PixelTerm

FEW = 1e-3  # of the picture, below which nothing is new
WIDE = 4.0  # pixels; what is less wide counts less: outlines alone have no style
FREE = 20.0  # the weight that would hold a place about as firmly as the other terms do


@dataclass(frozen=True)
class NewPart:
    """The part of a frame that is new, painted as a picture of its own: beside what is there, it would not be missed.

    `where` is what counts in its statistics: the new part as much as all else. `share` is how much of the frame that
    is.

    Shape: where (1, 1, H, W).
    """

    where: Tensor = field(repr=False)
    share: float


@dataclass(frozen=True)
class Past:
    """The painted frame before, `warped` to where its parts are now, and how far that is to be relied on.

    `reliable` is 0 where something has come into sight, `firm` how much each place is held: less where it has come into
    sight lately, so that strokes can form there. Where `still` is 1 nothing has changed in the clip.

    Shape: warped (1, 3, H, W), reliable, firm and still (1, 1, H, W) in [0, 1].
    """

    warped: Tensor = field(repr=False)
    reliable: Tensor = field(repr=False)
    firm: Tensor = field(repr=False)
    still: Tensor = field(repr=False)

    def on(self, device: torch.device) -> Past:
        """The same on another device."""
        moved = (each.to(device) for each in (self.warped, self.reliable, self.firm, self.still))
        return Past(*moved)

    def beginning(self, unseen: Tensor) -> Tensor:
        """Where a frame begins: as the one before, and as `unseen` where that says nothing.  Shape: (1, 3, H, W)."""
        return torch.lerp(unseen, self.warped, self.reliable)

    @property
    def new(self) -> NewPart | None:
        """What has come into sight lately; None if hardly anything has."""
        new = 1 - self.firm
        new = new * blurred(new, WIDE).clamp(0, 1)
        share = float(new.mean())
        if share < FEW:
            return None
        return NewPart(new + (1 - new) * min(1.0, share / max(1 - share, 1e-6)), min(1.0, 2 * share))

    def units(self, weight: float) -> Tensor:
        """How stiff each place is, held with this weight, relative to one that is free: a solver's units for it."""
        return (1 + self.firm * (weight / FREE)).sqrt()

    def term(self, weight: float) -> PixelTerm:
        """What holds a frame to the one before."""
        return PixelTerm("temporal", weight, partial(temporal_error, warped=self.warped, firm=self.firm))
