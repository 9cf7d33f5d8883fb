"""The pictures that a run is given, at any size: content, styles, a beginning, masks; and those of a clip's shot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from impasto.color import gray
from impasto.fitting import Shape
from impasto.images import resize
from impasto.regions import Area, Masks
from impasto.sources import Resampled


@dataclass(frozen=True)
class Given:
    """The pictures of a run: the content, if it has any, the styles, and an image to begin with, if there is one.

    With `textured` the last of the styles is the texture, of which all parts have the fine strokes.

    `areas` say where which styles count; without any, all count everywhere. Where `keep` is 1, the content stays. `own`
    is the content in its own colors, if it is looked at in others.
    """

    content: Resampled | None
    styles: tuple[Resampled, ...]
    start: Resampled | None = None
    areas: tuple[Area, ...] = ()
    keep: Resampled | None = None
    own: Resampled | None = None
    textured: bool = False

    def on(self, device: torch.device) -> Given:
        """The same on another device."""
        return self._each(lambda picture: picture.on(device))

    def reduced(self, side: int) -> Given:
        """The same, squeezed into `side` by `side` pixels."""
        return self._each(lambda picture: picture.reduced(side))

    def showing(self, frame: Tensor, masks: Masks | None = None) -> Given:
        """The same with another content of the same size, (1, 3, H, W); with other `masks` if there are some."""
        own, device = self.own, frame.device
        keep, areas, hidden = self.keep, self.areas, None
        if masks:
            areas = tuple(replace(area, where=area.where.on(device)) for area in masks.areas)
            hidden = None if masks.keep is None else masks.keep.to(device)
            keep = None if hidden is None else Resampled(hidden, resize, device)
        content = self.content and self.content.like(gray(frame) if own else frame, hidden)
        return replace(self, content=content, own=own and own.like(frame), keep=keep, areas=areas)

    def only(self, sizes: Sequence[Shape], styles: Sequence[Sequence[Shape]]) -> Given:
        """The same at these sizes alone, each of the styles at its own."""
        kept = self._each(lambda picture: picture.only(sizes))
        there = zip(self.styles, styles, strict=True)
        return replace(kept, styles=tuple(style.only(wanted) for style, wanted in there))

    def _each(self, change: Callable[[Resampled], Resampled]) -> Given:
        content, start, keep, own = (each and change(each) for each in (self.content, self.start, self.keep, self.own))
        areas = tuple(replace(area, where=change(area.where)) for area in self.areas)
        return Given(content, tuple(map(change, self.styles)), start, areas, keep, own, self.textured)


@dataclass(frozen=True)
class FirstFrame:
    """The first frame of a shot, whose maps of colors all of its frames have: its `content`, and as it was `painted`.

    Shape: painted (1, 3, H, W).
    """

    content: Resampled
    painted: Tensor = field(repr=False)

    def on(self, device: torch.device) -> FirstFrame:
        """The same on another device."""
        return FirstFrame(self.content.on(device), self.painted.to(device))
