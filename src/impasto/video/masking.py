"""Masks of a clip: each a picture, which stays where it is, or a clip of as many frames as the one that is painted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import repeat
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from impasto.choices import VIDEOS
from impasto.color import luminance
from impasto.errors import UsageError
from impasto.images import resize
from impasto.preparation import Pictures
from impasto.sources import ImageSource, open_picture
from impasto.video.choosing import chosen
from impasto.video.reading import Clip, open_clip, planes

ANIMATED = (".gif", ".apng")


@dataclass(frozen=True)
class MovingMasks:
    """The masks of `pictures` for the frames of a clip; None for all of them where none moves."""

    pictures: Pictures
    clips: Sequence[Clip | None]

    @staticmethod
    def of(pictures: Pictures, clip: Clip, max_pixels: int) -> MovingMasks:
        """Open those that are clips.

        Raises:
            UsageError: one has another size than `clip`, or another number of frames.
            ImageError: one cannot be read.
        """
        clips = [_opened(each, max_pixels) if _moves(each) else None for each in mask_sources(pictures)]
        for mask in filter(None, clips):
            (height, width), (rows, columns) = mask.shape, clip.shape
            if mask.shape != clip.shape or len(mask.times) != len(clip.times):
                raise UsageError(
                    f"The mask {mask.path} has {len(mask.times)} frames of {width}x{height} pixels, but the clip has "
                    f"{len(clip.times)} of {columns}x{rows}. Make one for each of its frames, as large."
                )
        return MovingMasks(pictures, clips)

    def in_turn(self, numbers: Sequence[int], height: int, width: int) -> Iterator[np.ndarray | None]:
        """The masks of these frames of the clip, which count from 0.  Shape: (height, width, masks) uint8."""
        if not any(self.clips):
            yield from repeat(None)
        there = zip(mask_sources(self.pictures), self.clips, strict=True)
        each = [_frames(clip, numbers, height, width) if clip else _still(mask, height, width) for mask, clip in there]
        yield from (np.stack(masks, axis=2) for masks in zip(*each, strict=False))


def mask_sources(pictures: Pictures) -> list[ImageSource]:
    """All masks: first of what is kept, if anything, then those of the regions."""
    return [*([] if pictures.keep is None else [pictures.keep]), *(each.mask for each in pictures.regions)]


def with_masks(pictures: Pictures, masks: np.ndarray | None) -> Pictures:
    """The same with the masks of a frame, if they move.  Shape: (H, W, masks) uint8."""
    if masks is None:
        return pictures
    each = iter(np.repeat(masks[..., i : i + 1], 3, axis=2) for i in range(masks.shape[2]))
    keep = None if pictures.keep is None else next(each)
    regions = [replace(region, mask=next(each)) for region in pictures.regions]
    return replace(pictures, keep=keep, regions=regions, moving=True)


def _moves(mask: ImageSource) -> bool:
    path = Path(mask) if isinstance(mask, str | Path) else None
    return path is not None and (path.is_dir() or path.suffix.lower() in (*VIDEOS, *ANIMATED))


def _opened(mask: ImageSource, max_pixels: int) -> Clip:
    assert isinstance(mask, str | Path), "clips are files"
    return open_clip(mask, max_pixels=max_pixels)


def _frames(clip: Clip, numbers: Sequence[int], height: int, width: int) -> Iterator[np.ndarray]:
    wanted: list[tuple[Fraction, Fraction]] = [clip.times[number] for number in numbers]
    for frame in chosen(clip, wanted):
        yield _levels(luminance(planes(frame.scaled(height, width))))


def _still(mask: ImageSource, height: int, width: int) -> Iterator[np.ndarray]:
    picture = open_picture(mask)
    inside = luminance(picture.pixels) if picture.alpha is None else picture.alpha
    yield from repeat(_levels(resize(inside, height, width)))


def _levels(mask: Tensor) -> np.ndarray:
    """Shape: (1, 1, H, W) in [0, 1] -> (H, W) uint8."""
    return (255 * mask[0, 0].clamp(0, 1)).round().to(torch.uint8).numpy()
