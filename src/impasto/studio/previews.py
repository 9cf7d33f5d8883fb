"""Previews: pictures of a run's steps as JPEG, few enough to cost next to nothing of its time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

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
        self._next = 0.0

    def make(self, run: Run, step: Step) -> None:
        """Make the preview of a step, if it is time for one: 4 a second, and for a small share of all time."""
        began = time.perf_counter()
        if began < self._next and not step.last:
            return
        self._make(run, step, began)

    def begin(self, run: Run) -> None:
        """Make the preview of what a run begins with, which is there before its first step is done."""
        began = time.perf_counter()
        self._make(run, run.beginning(), began)

    def _make(self, run: Run, at: Step | Snapshot, began: float) -> None:
        self.data = jpeg(run.seen(at))
        self.number += 1
        now = time.perf_counter()
        self._next = now + max(OFTEN, (now - began) / SHARE)


def jpeg(image: Tensor) -> bytes:
    """A picture at its own size or a smaller one.  Shape: (1, 3, H, W)."""
    from impasto.images import encode_image, resize, size_for

    height, width = image.shape[-2:]
    if max(height, width) > LARGEST:
        image = resize(image, *size_for(height, width, LARGEST))
    return encode_image(image, ".jpg", quality=QUALITY)
