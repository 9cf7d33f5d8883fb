"""A shot of a clip, painted: its first frame as a picture of its own, every other from the one before it."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from impasto.images import to_pil
from impasto.loading import Encoders
from impasto.preparation import Pictures, prepare
from impasto.recipe import Recipe
from impasto.run import Run
from impasto.temporal import Past
from impasto.video.flow import Motion


class Shot:
    """The runs of a shot's frames, which all have the size of its `first`.

    `pictures` are what a picture is made of, but for the content, which is a frame. Networks, statistics of the styles
    and maps of colors are found once, and kept for all frames.

    Shape: first (H, W, 3) uint8.
    """

    def __init__(self, first: np.ndarray, recipe: Recipe, pictures: Pictures, encoders: Encoders):
        self._recipe, self._encoders = replace(recipe, size="original"), encoders
        self._pictures = replace(pictures, content=first)

    @cached_property
    def opening(self) -> Run:
        """The run of the first frame."""
        return prepare(self._recipe, self._pictures, self._encoders)

    @cached_property
    def _following(self) -> Run:
        return prepare(self._recipe.of_next_frames, self._pictures, self._encoders)

    def next(self, frame: np.ndarray, motion: Motion, before: Tensor, opening: Tensor) -> Run:
        """The run of another frame, after a `motion` from the one that was painted `before`.

        Shape: frame (H, W, 3) uint8, before, and the `opening` as it was painted, (1, 3, H, W).
        """
        past = Past(motion.carried(before), motion.reliable, motion.still)
        return self._following.showing(planes(frame), past, opening)


def planes(frame: np.ndarray) -> Tensor:
    """A frame as a picture.  Shape: (H, W, 3) uint8 -> (1, 3, H, W) in [0, 1]."""
    return torch.tensor(frame).permute(2, 0, 1)[None].float() / 255


def eight_bits(image: Tensor) -> np.ndarray:
    """A picture as a frame, which is what is kept of it.  Shape: (1, 3, H, W) -> (H, W, 3) uint8."""
    return np.asarray(to_pil(image))


def painted(run: Run) -> Tensor:
    """What a run makes, (1, 3, H, W); what it began with if all of it stays."""
    image = None
    for step in run:
        image = step.image
    assert image is not None, "a run has at least one step"
    return image.detach().cpu()
