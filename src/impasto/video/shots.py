"""Where a new shot begins: nothing of it was to be seen in the frame before; and what is painted at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from impasto.video.flow import Motion, motions
from impasto.video.shot import Shown

HIDDEN = 0.6  # of the frame, which was not to be seen before: a new shot
SOME, OTHERS = 0.3, 0.5  # that much hidden, and that share of the pixels in other colors, is one too
BINS = 8  # of each channel


@dataclass(frozen=True)
class Piece:
    """Frames that follow each other, the first of them the clip's `first`-th: a shot's first one, or some more of it.

    `motions` are those to each from the one before, and back, where they are known.
    """

    first: int
    opens: bool
    frames: list[Shown] = field(default_factory=list, repr=False)
    motions: list[tuple[Motion, Motion] | None] = field(default_factory=list, repr=False)


def pieces(frames: Iterable[Shown], most: int, opens: Callable[[int], bool | None]) -> Iterator[Piece]:
    """A shot's first frame, then so many at a time, at `most`; `opens` tells of a frame whether a shot begins there.

    It is found out where that is not known.
    """
    last: Shown | None = None
    piece: Piece | None = None
    for number, now in enumerate(frames, 1):
        found, cut = None, last is None or opens(number)
        if last and cut is None:
            found = motions(last.pixels, now.pixels)
            cut = is_cut(last.pixels, now.pixels, found[0])
        if cut and piece:
            yield piece
        piece = Piece(number, True) if cut else piece or Piece(number, False)
        piece.frames.append(now)
        piece.motions.append(found)
        if cut or len(piece.frames) == most:
            yield piece
            piece = None
        last = now
    if piece:
        yield piece


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
