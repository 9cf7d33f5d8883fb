"""Where a new shot begins: nothing of it was to be seen in the frame before."""

from __future__ import annotations

import numpy as np

from impasto.video.flow import Motion

HIDDEN = 0.6  # of the frame, which was not to be seen before: a new shot
SOME, OTHERS = 0.3, 0.5  # that much hidden, and that share of the pixels in other colors, is one too
BINS = 8  # of each channel


def is_cut(before: np.ndarray, now: np.ndarray, motion: Motion) -> bool:
    """Whether `now` begins a new shot.  Shape: (H, W, 3) uint8 each."""
    return motion.hidden > HIDDEN or (motion.hidden > SOME and other_colors(before, now) > OTHERS)


def other_colors(before: np.ndarray, now: np.ndarray) -> float:
    """The share of the pixels by which the histograms of two frames differ, 0 to 1."""
    first, second = (_histogram(frame) for frame in (before, now))
    return 1 - float(np.minimum(first, second).sum())


def _histogram(frame: np.ndarray) -> np.ndarray:
    """The share of the pixels in each bin.  Shape: (H, W, 3) -> (BINS^3,)."""
    bins = (frame // (256 // BINS)).reshape(-1, 3).astype(np.int64)
    return np.bincount(bins @ [BINS * BINS, BINS, 1], minlength=BINS**3) / len(bins)
