"""What a frame of a clip has from frames that are painted: where it begins, what holds it, and what stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from impasto.images import resize
from impasto.losses import blurred, temporal_error
from impasto.terms import PixelTerm

SETTLING = 8  # frames, until what has come into sight is held as firmly as all else
FEW = 1e-3  # of the picture, below which nothing is new
WIDE = 4.0  # pixels; what is less wide counts less: outlines alone have no style
WHOLLY = 0.99  # of a pixel
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
    """A painted frame, `warped` to where its parts are now, and how far that is to be relied on.

    `reliable` is 0 where something has come into sight, and `settled` too, or less than 1 where it has lately: there a
    place is held less, so that strokes can form. Where `still` is 1 nothing has changed in the clip.

    Shape: warped (1, 3, H, W), reliable, settled and still (1, 1, H, W) in [0, 1].
    """

    warped: Tensor = field(repr=False)
    reliable: Tensor = field(repr=False)
    settled: Tensor = field(repr=False)
    still: Tensor = field(repr=False)

    def beside(self, *others: tuple[Past, float]) -> Past:
        """Both this and frames farther away, each as firmly as it is held, times its weight; what is still stays.

        Reference: Ruder, Dosovitskiy & Brox 2016, section 4.3, whose long-term term it is: the sum of all squares.
        Differs: theirs has a farther frame only where no nearer one is to be relied on. Here it counts where both are,
        too, because it has been moved once and not once a frame.
        """
        result, held = self, self.firm
        for other, weight in others:
            more = weight * other.firm * (1 - self.still)
            held = held + more
            result = result._or(other, more / held.clamp_min(1e-6))
        return result

    def otherwise(self, other: Past) -> Past:
        """This, and the other where this says nothing."""
        return self._or(other, 1 - self.reliable)

    def _or(self, other: Past, share: Tensor) -> Past:
        return Past(
            torch.lerp(self.warped, other.warped, share),
            torch.maximum(self.reliable, other.reliable),
            torch.maximum(self.settled, other.settled),
            self.still,
        )

    def at(self, height: int, width: int) -> Past:
        """The same at another size; what is still there is so in all that a pixel is made of."""
        if self.warped.shape[-2:] == (height, width):
            return self
        smaller = (resize(each, height, width) for each in (self.warped, self.reliable, self.settled, self.still))
        warped, reliable, settled, still = smaller
        return Past(warped, reliable, settled, (still > WHOLLY).to(still))

    def where(self, same: Tensor) -> Past:
        """The same, but new where something has changed that the clip does not show.  Shape: same (1, 1, H, W)."""
        return Past(self.warped, self.reliable * same, self.settled * same, self.still * (same >= 1))

    def on(self, device: torch.device) -> Past:
        """The same on another device."""
        moved = (each.to(device) for each in (self.warped, self.reliable, self.settled, self.still))
        return Past(*moved)

    def beginning(self, unseen: Tensor, fresh: float = 0.0) -> Tensor:
        """Where a frame begins: as the one before, and as `unseen` where that says nothing.

        Of all that is not still, the share `fresh` is `unseen` too: with it what has smeared is gone after a while.

        Shape: (1, 3, H, W).
        """
        return torch.lerp(unseen, self.warped, torch.maximum(self.reliable * (1 - fresh), self.still))

    @property
    def firm(self) -> Tensor:
        """How firmly each place is held.  Shape: (1, 1, H, W) in [0, 1]."""
        return self.settled.square()

    @property
    def settling(self) -> Tensor:
        """How settled each place is once it is painted again.  Shape: (1, 1, H, W)."""
        return (self.settled + 1 / SETTLING).clamp(max=1)

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
