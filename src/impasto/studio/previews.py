"""Previews: pictures of a run's steps as JPEG, few enough to cost next to nothing of its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from impasto.clock import Seldom

if TYPE_CHECKING:
    from torch import Tensor

    from impasto.engine import Snapshot, Step
    from impasto.run import Run

LARGEST = 768  # pixels of the long side
OFTEN = 0.25  # seconds between two
SHARE = 0.012  # of the run's time
QUALITY = 85


class Previews:
    """The latest preview of a run, and its number; 0 is none yet."""

    def __init__(self) -> None:
        self.number = 0
        self.data = b""
        self._now_and_then = Seldom(OFTEN, SHARE)

    def make(self, run: Run, step: Step) -> None:
        """Make the preview of a step, if it is time for one: 4 a second, and for a small share of all time."""
        if self._now_and_then.due or step.last:
            with self._now_and_then.doing():
                self._make(run, step)

    def begin(self, run: Run) -> None:
        """Make the preview of what a run begins with, which is there before its first step is done."""
        with self._now_and_then.doing():
            self._make(run, run.beginning())

    def _make(self, run: Run, at: Step | Snapshot) -> None:
        self.data = jpeg(run.seen(at))
        self.number += 1


def jpeg(image: Tensor) -> bytes:
    """A picture at its own size or a smaller one.  Shape: (1, 3, H, W)."""
    from impasto.images import at_most, encode_image

    return encode_image(at_most(image, LARGEST), ".jpg", quality=QUALITY)
