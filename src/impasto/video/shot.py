"""A shot of a clip, painted: its first frame as a picture of its own, every other from those that are painted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from itertools import accumulate, pairwise

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
from impasto.video.flow import Motion, motion, motions
from impasto.video.masking import with_masks
from impasto.video.reading import eight_bits, planes
from impasto.video.recipes import of_key_frames, of_next_frames

CHANGED = 0.5  # of white: by so much a mask differs where it does not move along with the clip


@dataclass(frozen=True)
class Canvas:
    """A frame as it was painted, its colors not yet finished, and how `settled` each place is; others begin with it.

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


class Stretch:
    """Frames of a shot after a `key` frame up to the next one, which is painted first, and then those between.

    They count from 1, and the key frame is 0. What is known of the motions to each, and back, may be told; the rest is
    found when it is asked for.
    """

    def __init__(self, key: Made, frames: Sequence[Shown], found: Sequence[tuple[Motion, Motion] | None]):
        self._made, self._shown, self._found = {0: key}, (key.frame, *frames), list(found)
        self._count = len(frames)

    @property
    def order(self) -> tuple[int, ...]:
        """In which they are painted."""
        return (self._count, *range(1, self._count))

    def shown(self, number: int) -> Shown:
        """A frame as it is in the clip."""
        return self._shown[number]

    def made(self, number: int) -> Made:
        """A frame that is painted."""
        return self._made[number]

    def add(self, number: int, canvas: Canvas) -> None:
        """Another frame is painted."""
        self._made[number] = Made(self._shown[number], canvas)

    def is_ahead(self, number: int) -> bool:
        """Whether a frame is painted before those between."""
        return number == self._count > 1

    def past(self, number: int) -> Past:
        """What a frame has from those that are painted.

        From a key frame it is moved once, by all motions from frame to frame: the flow between frames that are far
        apart tears what is plain, though where it agrees it is more exact, and it knows what was hidden between.
        """
        now, key = self._shown[number], self._made[0]
        onward = self._motions[0][:number]
        moved = reduce(lambda earlier, later: later.after(earlier), onward)
        if self.is_ahead(number) and not moved.still.all():
            direct = motion(key.frame.pixels, now.pixels)
            return key.past(now, moved.refined(direct)).otherwise(key.past(now, direct))
        far = key.past(now, moved)
        if number == self._count:
            return far
        near = self._made[number - 1].past(now, onward[-1])
        nearness = number / self._count
        next_key = self._made[self._count].past(now, self._motions[1][number])
        return near.beside((far, 1 - nearness), (next_key, nearness))

    @cached_property
    def _motions(self) -> tuple[list[Motion], list[Motion]]:
        """Those from each frame to the next, and those from the last of all to each."""
        pairs = zip(pairwise(self._shown), self._found, strict=True)
        both = [known or motions(before.pixels, now.pixels) for (before, now), known in pairs]
        self._found.clear()
        back = accumulate((back for _, back in reversed(both)), lambda farther, back: back.after(farther))
        return [onward for onward, _ in both], list(back)[::-1]


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
        """What other frames begin with."""
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

    def next(self, frame: Shown, past: Past, opening: Canvas) -> FrameRun:
        """Another frame's, of which the `past` is known, and the shot's first one."""
        return self._showing(self._following, frame, past, opening, past.settling)

    def ahead(self, frame: Shown, past: Past, opening: Canvas) -> FrameRun:
        """That of a key frame which is painted before those between: what is new in it is made as in a picture."""
        if past.new is None:
            return self.next(frame, past, opening)
        return self._showing(self._key, frame, past, opening, torch.ones_like(past.settled))

    def _showing(self, run: Run, frame: Shown, past: Past, opening: Canvas, settled: Tensor) -> FrameRun:
        masks = None if frame.masks is None else masks_of(self._recipe, _of(frame, self._pictures))
        shown = run.showing(planes(frame.pixels), past, planes(opening.image), masks)
        return FrameRun(shown, (255 * settled[0, 0]).round().to(torch.uint8).numpy())

    @property
    def following(self) -> Plan:
        """What a frame after others will do."""
        return self._following.plan

    @property
    def leading(self) -> Plan:
        """What a key frame will do at most."""
        return self._key.plan

    @cached_property
    def _following(self) -> Run:
        return prepare(of_next_frames(self._recipe), self._pictures, self._encoders)

    @cached_property
    def _key(self) -> Run:
        return prepare(of_key_frames(self._recipe), self._pictures, self._encoders)


def _of(frame: Shown, pictures: Pictures) -> Pictures:
    """The pictures of a frame."""
    return replace(with_masks(pictures, frame.masks), content=frame.pixels)
