"""A shot of a clip, painted: its first frame as a picture of its own, every other from those before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from impasto.choices import ORIGINAL
from impasto.engine import Step
from impasto.loading import Encoders
from impasto.pictures import masks_of
from impasto.plan import Plan
from impasto.preparation import Pictures, prepare
from impasto.recipe import Recipe
from impasto.record import Record
from impasto.run import Run
from impasto.temporal import Past
from impasto.video.flow import Motion, motion
from impasto.video.masking import with_masks
from impasto.video.reading import eight_bits, planes

CHANGED = 0.5  # of white: by so much a mask differs where it does not move along with the clip


@dataclass(frozen=True)
class Canvas:
    """A frame as it was painted, its colors not yet finished, and how `settled` each place is; the next begins with it.

    Shape: image (H, W, 3) uint8, settled (H, W) uint8, 255 where nothing is new.
    """

    image: np.ndarray = field(repr=False)
    settled: np.ndarray = field(repr=False)

    @property
    def planes(self) -> tuple[Tensor, Tensor]:
        """Both as pictures.  Shape: (1, 3, H, W) and (1, 1, H, W), in [0, 1]."""
        return planes(self.image), torch.tensor(self.settled)[None, None].float() / 255


@dataclass(frozen=True)
class Shown:
    """A frame of the clip, and its masks, if these move.  Shape: pixels (H, W, 3), masks (H, W, any) uint8."""

    pixels: np.ndarray = field(repr=False)
    masks: np.ndarray | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Made:
    """A frame of the clip, and how it was painted."""

    frame: Shown
    canvas: Canvas

    def past(self, now: Shown, motion: Motion) -> Past:
        """What the frame that is shown `now` has from it after a `motion`: nothing where masks do not move along."""
        past = motion.past(*self.canvas.planes)
        if self.frame.masks is None or now.masks is None:
            return past
        before, after = planes(self.frame.masks), planes(now.masks)
        changed = (motion.carried(before) - after).abs().amax(1, keepdim=True)
        return past.where((changed < CHANGED).float())


@dataclass(frozen=True)
class Trail:
    """The frames of a shot that its next one looks back at: the `opening` one, the `last`, and a `key` frame.

    Every `interval`-th of the shot's `count` frames is a key frame.
    """

    opening: Made
    key: Made
    last: Made
    interval: int
    count: int = 1

    @staticmethod
    def of(opening: Made, interval: int) -> Trail:
        """That of a shot's first frame."""
        return Trail(opening, opening, opening, interval)

    def with_next(self, made: Made) -> Trail:
        """That after another frame."""
        key = made if self.count % self.interval == 0 else self.key
        return replace(self, key=key, last=made, count=self.count + 1)

    def past(self, now: Shown, since_last: Motion) -> Past:
        """What a frame has from the last one and from the key frame."""
        near = self.last.past(now, since_last)
        if self.key is self.last or since_last.still.all():
            return near
        return near.beside(self.key.past(now, motion(self.key.frame.pixels, now.pixels)))


class FrameRun:
    """A frame that is going to be painted: iterating makes it, step by step; then there are `canvas` and `finished`.

    Shape: settled (H, W) uint8.
    """

    def __init__(self, run: Run, settled: np.ndarray):
        self._run, self._settled = run, settled
        self._image: Tensor | None = None

    def __iter__(self) -> Iterator[Step]:
        self._run.plan.keep_freed()
        for step in self._run:
            self._image = step.image
            yield step

    @property
    def plan(self) -> Plan:
        """What it will do."""
        return self._run.plan

    @property
    def record(self) -> Record:
        """What was asked for, and what is used to carry it out."""
        return self._run.record()

    @property
    def canvas(self) -> Canvas:
        """What the next frame begins with."""
        return Canvas(eight_bits(self._made), self._settled)

    @property
    def finished(self) -> np.ndarray:
        """The frame.  Shape: (H, W, 3) uint8."""
        return eight_bits(self._run.full_size(self._made))

    @property
    def _made(self) -> Tensor:
        assert self._image is not None, "the run has not been made"
        return self._image


class Shot:
    """The runs of a shot's frames, which all have the size of its `first`.

    `pictures` are what a picture is made of, but for the content, which is a frame. Networks, statistics of the styles
    and maps of colors are found once, and kept for all frames.
    """

    def __init__(self, first: Shown, recipe: Recipe, pictures: Pictures, encoders: Encoders):
        self._recipe, self._encoders = replace(recipe, size=ORIGINAL), encoders
        self._pictures, self._shape = _of(first, pictures), first.pixels.shape[:2]

    def opening(self) -> FrameRun:
        """The first frame's."""
        run = prepare(self._recipe, self._pictures, self._encoders)
        return FrameRun(run, np.full(self._shape, 255, np.uint8))

    def next(self, frame: Shown, trail: Trail, since_last: Motion) -> FrameRun:
        """Another frame's, after the last one of the `trail` has so moved."""
        past = trail.past(frame, since_last)
        masks = None if frame.masks is None else masks_of(self._recipe, _of(frame, self._pictures))
        run = self._following.showing(planes(frame.pixels), past, planes(trail.opening.canvas.image), masks)
        return FrameRun(run, (255 * past.settling[0, 0]).round().to(torch.uint8).numpy())

    @property
    def following(self) -> Plan:
        """What every frame after the first will do."""
        return self._following.plan

    @cached_property
    def _following(self) -> Run:
        return prepare(self._recipe.of_next_frames, self._pictures, self._encoders)


def _of(frame: Shown, pictures: Pictures) -> Pictures:
    """The pictures of a frame."""
    return replace(with_masks(pictures, frame.masks), content=frame.pixels)
