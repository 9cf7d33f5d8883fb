"""What a frame of a clip has from the frame before it: where it begins, what holds it, and what stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from impasto.losses import temporal_error
from impasto.terms import PixelTerm


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

    def term(self, weight: float) -> PixelTerm:
        """What holds a frame to the one before."""
        return PixelTerm("temporal", weight, partial(temporal_error, warped=self.warped, firm=self.firm))
