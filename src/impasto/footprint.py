"""What a run takes in memory, in closed form: the network's features, the solver's pictures, the scaled pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise, product

from impasto.devices import has_own_memory
from impasto.encoders.chain import ChainEncoder
from impasto.schedule import Level
from impasto.solvers import Solver, history
from impasto.tiling import Tiling

PICTURE = 12  # bytes per pixel of a float32 picture
SMALLEST_TILE = 64
KEPT = 64  # bytes per pixel that a content target may take in a tiled run; beyond, it is computed again tile by tile
LARGE_STYLE = 3  # times the picture's pixels, from which on a style image is seen in tiles as large as the picture
GRADIENTS, STEP = 2, 4  # pictures more during an evaluation; during a solver's step or a term of pixels, besides
CODE = 50e6  # bytes of libraries, threads and saving, which are first used during the run
KERNELS, SHORT_KERNELS = 2e6, 17e6  # bytes for each kind of tile on a CPU, of float32 and of bfloat16
HOLES, TILE_HOLES = 1.15, 1.4  # times the tensors, for what lies unused between them; see benchmarks/memory.py

Shape = tuple[int, int]  # height, width


@dataclass(frozen=True)
class Footprint:
    """Bytes of an encoder for each pixel that it is shown.

    `forward` is without a way back, `evaluation` with it, both at their peak. `cut` comes on top where only a window of
    the features is summed, and `targets` is what content targets take of the whole picture in a tiled run.
    """

    forward: float
    evaluation: float
    cut: float
    targets: float

    @classmethod
    def of(cls, encoder: ChainEncoder, style_layers: Sequence[str], content_layers: Sequence[str]) -> Footprint:
        """Of an encoder that goes as deep as these layers.

        Until the way back every link keeps its features, and each max pooling where its maxima were, in 4 bytes. On the
        way back a convolution has its features, their gradient and that of the features before it, twice where borders
        are not zeros: they are padded. Content features are held in float32 with their difference, its square and
        the gradient.
        """
        names, size = list(encoder.layers), encoder.dtype.itemsize
        used = {*style_layers, *content_layers}
        links = names[: max((names.index(layer) + 1 for layer in used), default=0)]
        values = {name: info.channels / info.stride**2 for name, info in encoder.layers.items()}
        kept = sum(size * values[name] for name in links)
        if encoder.pooling == "max":
            kept += sum(4 * values[name] for name in links if name.startswith("pool"))
        padded = encoder.borders != ("zeros", "zeros")
        steps = list(pairwise([3.0, *(values[name] for name in links)]))  # 3: the colors
        onward = size * max((own + (1 + padded) * before for before, own in steps), default=0.0)
        back = size * max((own + max(own, (2 + padded) * before) for before, own in steps), default=0.0)
        contents = [4 * values[layer] for layer in content_layers]
        forward = PICTURE + onward
        evaluation = PICTURE + max(3 * size + kept, back) + 5 * sum(contents)
        again = forward if max(contents, default=0.0) > KEPT else 0.0
        cut = again + max((4 * values[layer] for layer in used), default=0.0)
        return cls(forward, evaluation, cut, sum(each for each in contents if each <= KEPT))


@dataclass(frozen=True, eq=False)
class Look:
    """An encoder, and the layers of it that are looked at."""

    encoder: ChainEncoder
    style_layers: tuple[str, ...]
    content_layers: tuple[str, ...]

    @cached_property
    def footprint(self) -> Footprint:
        """Of the encoder."""
        return Footprint.of(self.encoder, self.style_layers, self.content_layers)

    def tiling(self, tile: int) -> Tiling:
        """Tiles of this side."""
        return Tiling(self.encoder, tuple(dict.fromkeys((*self.style_layers, *self.content_layers))), tile)

    def network(self, level: Level, styles: Sequence[Shape]) -> float:
        """Bytes of an evaluation at a level, and of its targets: whole evaluations do not fit into what those freed."""
        shape = level.height, level.width
        shown = self._most_shown(level, shape)
        if level.tile is not None:
            return shown * (self.footprint.evaluation + (self.footprint.cut if shown < math.prod(shape) else 0.0))
        targets = max((self._most_shown(level, style) for style in styles), default=0)
        return shown * self.footprint.evaluation + targets * self.footprint.forward

    def kernels(self, levels: Sequence[Level], styles: Sequence[Sequence[Shape]]) -> float:
        """Bytes of the programs that a CPU's library makes for each kind of tile, and keeps; half on the way back."""
        if self.encoder.device.type != "cpu":
            return 0.0
        pairs = list(zip(levels, styles, strict=True))
        of_pictures = {kind for level in levels for kind in product(*self._cuts(level, (level.height, level.width)))}
        of_styles = {kind for level, shapes in pairs for each in shapes for kind in product(*self._cuts(level, each))}
        each = KERNELS if self.encoder.dtype.itemsize >= 4 else SHORT_KERNELS
        return each * (len(of_pictures) + len(of_styles - of_pictures) / 2)

    def _most_shown(self, level: Level, shape: Shape) -> int:
        """Pixels of the largest tile in which a picture of this shape is seen at a level."""
        return math.prod(max(cuts)[0] for cuts in self._cuts(level, shape))

    def _cuts(self, level: Level, shape: Shape) -> tuple[set[Shape], set[Shape]]:
        """Along each axis, how many pixels tiles are shown and how many of those count."""
        large = math.prod(shape) > LARGE_STYLE * _pixels(level)
        tile = level.tile or (level.size if large else max(shape))
        return self._lengths(shape[0], tile), self._lengths(shape[1], tile)

    @cached_property
    def _lengths(self) -> Callable[[int, int], set[Shape]]:
        """The same of an axis by its pixels and the tiles' side: asked for again with every history that is tried."""

        def found(length: int, tile: int) -> set[Shape]:
            cut, _ = self.tiling(tile).spans(length, length)
            return {(span.stop - span.start, span.last - span.first) for span in cut}

        return cache(found)


@dataclass(frozen=True)
class Work:
    """What a run looks at, level by level, coarse to fine: `looks` at the picture, the `styles`' shapes.

    `pictures` counts what else is scaled to every level: the content, a picture to begin with. All stay to the end.
    """

    looks: tuple[Look, ...]
    styles: tuple[tuple[Shape, ...], ...]
    pictures: int = 1

    @property
    def encoder(self) -> ChainEncoder:
        """That of the full size."""
        return self.looks[-1].encoder

    def scaled(self, levels: Sequence[Level]) -> int:
        """Bytes of all pictures at the sizes of all levels."""
        return PICTURE * (self.pictures * sum(map(_pixels, levels)) + sum(self._style_pixels()))

    def scaling(self) -> int:
        """Bytes that are taken while the largest style image is scaled: two more of it."""
        return 2 * PICTURE * max(self._style_pixels(), default=0)

    def networks(self, levels: Sequence[Level]) -> list[float]:
        """Bytes of an evaluation at each level, and of its targets."""
        each = zip(self.looks, levels, self.styles, strict=True)
        return [look.network(level, styles) for look, level, styles in each]

    def kernels(self, levels: Sequence[Level]) -> float:
        """Bytes of the programs that a CPU's library makes, for all looks."""
        total = 0.0
        for look in dict.fromkeys(self.looks):
            own = [i for i, each in enumerate(self.looks) if each is look]
            total += look.kernels([levels[i] for i in own], [self.styles[i] for i in own])
        return total

    def _style_pixels(self) -> list[int]:
        return [height * width for shapes in self.styles for height, width in shapes]


def _pixels(level: Level) -> int:
    return level.height * level.width


def pictures_held(solver: Solver, iterations: int) -> int:
    """Pictures that a solver and the loop hold during the last of so many evaluations.

    The image, the best one, the last gradient and two of the solver's own; two for each L-BFGS pair; two for
    each wrapper.
    """
    wrapped = getattr(solver, "solver", None)
    if wrapped is not None:
        return 2 + pictures_held(wrapped, iterations)
    return 5 + 2 * min(history(solver), max(0, iterations - 2))


@dataclass(frozen=True)
class Bytes:
    """What a run takes beside what is taken before: `near` the encoder, and in main memory if that is elsewhere."""

    near: float
    in_main: float = 0.0

    def within(self, room: Bytes) -> bool:
        """Whether it is no more than `room`, here and there."""
        return self.near <= room.near and self.in_main <= room.in_main

    @classmethod
    def of(cls, work: Work, solver: Solver, levels: Sequence[Level]) -> Bytes:
        """Of these levels, tiles included.

        Memory that is freed is kept for what comes next, so a run takes the most features of any level on top of the
        most pictures of any level; where the last level is in tiles, its pictures are not kept (`Plan.keep_freed`).
        """
        network = max(work.networks(levels))
        fixed, scaled = CODE + work.kernels(levels), work.scaled(levels)
        held_at = [_pictures(look, solver, level) for look, level in zip(work.looks, levels, strict=True)]
        held = max(held_at)
        between = max(STEP * PICTURE * _pixels(level) for level in levels)
        if levels[-1].tile is None:
            return cls(scaled + max(work.scaling(), fixed + HOLES * (held + network)))
        if has_own_memory(work.encoder.device):
            return cls(fixed + HOLES * network, scaled + max(work.scaling(), held + between))
        coarser = max(held_at[:-1], default=0.0)
        kept = TILE_HOLES * network + HOLES * coarser
        return cls(scaled + max(work.scaling(), fixed + held + max(kept, between)))


def _pictures(look: Look, solver: Solver, level: Level) -> float:
    """Bytes of what is held at a level while it is evaluated: the solver's pictures, gradients, content targets."""
    return _pixels(level) * (PICTURE * (pictures_held(solver, level.iterations) + GRADIENTS) + look.footprint.targets)
