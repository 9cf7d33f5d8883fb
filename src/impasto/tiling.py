"""An image cut into tiles, and what an encoder sees of it tile by tile, exactly as if it saw the whole.

A tile is seen with a halo, wide enough that no feature of its interior depends on what lies beyond; only the interior
counts. At the image's own edges there is no halo, so that the network pads there and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from impasto.encoders.base import Encoder, Sums, sums_and_features
from impasto.losses import Whole
from impasto.statistics import Moments, at_least_float32


@dataclass(frozen=True)
class Span:
    """A tile along one axis of `length` pixels: `first` to `last` is its interior, `start` to `stop` all that it sees.

    What is seen goes beyond the axis only if the image repeats.
    """

    first: int
    last: int
    start: int
    stop: int
    length: int

    def pieces(self) -> Iterator[tuple[slice, slice]]:
        """What is seen, as slices of the tile and of the image: one, or several where it wraps around."""
        at = self.start
        while at < self.stop:
            begin = at % self.length
            count = min(self.stop - at, self.length - begin)
            yield slice(at - self.start, at - self.start + count), slice(begin, begin + count)
            at += count

    def counted(self, stride: int) -> slice:
        """The interior's positions in a layer that was computed from what is seen."""
        return slice((self.first - self.start) // stride, (self.last - self.start) // stride)

    def placed(self, stride: int) -> slice:
        """The same positions in that layer of the whole image."""
        return slice(self.first // stride, self.last // stride)


@dataclass(frozen=True)
class Tile:
    """A rectangle of the image."""

    rows: Span
    columns: Span

    @property
    def area(self) -> int:
        """Pixels that the network is shown."""
        return (self.rows.stop - self.rows.start) * (self.columns.stop - self.columns.start)

    def seen(self, image: Tensor) -> Tensor:
        """A copy of the part of `image` that the network is shown.  Shape: (N, C, H, W) -> (N, C, h, w)."""
        rows = torch.cat([image[..., there, :] for _, there in self.rows.pieces()], -2)
        return torch.cat([rows[..., there] for _, there in self.columns.pieces()], -1)

    def add(self, part: Tensor, whole: Tensor) -> None:
        """Add a gradient of `seen` to the gradient of the image it was seen in, in place."""
        for here, there in self.rows.pieces():
            for here_too, there_too in self.columns.pieces():
                whole[..., there, there_too] += part[..., here, here_too]

    def window(self, stride: int) -> tuple[slice, slice]:
        """The rows and columns of the interior in a layer that was computed from `seen`."""
        return self.rows.counted(stride), self.columns.counted(stride)

    def counted(self, features: Tensor, stride: int) -> Tensor:
        """The interior of a layer that was computed from `seen`."""
        return features[(..., *self.window(stride))]

    def placed(self, features: Tensor, stride: int) -> Tensor:
        """The interior's place in that layer of the whole image."""
        return features[..., self.rows.placed(stride), self.columns.placed(stride)]


def spans(length: int, tile: int, stride: int, halo: int, *, multiple: int = 1, repeats: bool = False) -> list[Span]:
    """`length` pixels cut into interiors of about `tile` on average, all beginning at multiples of `stride`.

    All see as many pixels, but for the last, which may see fewer: the first and the last have a halo on one side only
    and are wider by it. So all tiles take the same memory, and what a library keeps for each size it meets, once. Where
    there is no room for that, interiors are equal to within a stride. Their number is a multiple of `multiple`, if
    there is room for as many.
    """
    parts = math.ceil(length / (tile * multiple)) * multiple
    parts = min(parts, max(1, length // stride))
    if parts == 1:
        return [Span(0, length, 0, length, length)]
    step = math.ceil((length - 2 * halo) / (parts * stride)) * stride
    inner = [halo + step * i for i in range(1, parts)]
    if repeats or step < stride or length - inner[-1] < stride:
        inner = [length * i // parts // stride * stride for i in range(1, parts)]
    low, high = (-halo, length + halo) if repeats else (0, length)
    return [
        Span(first, last, max(low, first - halo), min(high, last + halo), length)
        for first, last in pairwise([0, *inner, length])
    ]


class Team(Protocol):
    """Who evaluates an image together: which tiles are whose, and sums over all."""

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def share(self, tiles: Sequence[Tile]) -> Sequence[Tile]:
        """The tiles that are evaluated here."""
        ...

    def total(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """Each of `parts` added up over all."""
        ...


class Alone:
    """A team of one."""

    size = 1

    def share(self, tiles: Sequence[Tile]) -> Sequence[Tile]:
        """All of them."""
        return tiles

    def total(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """The parts as they are."""
        return list(parts)


class Tiling:
    """How `encoder` sees `layers` of an image in tiles whose interior is about `tile` pixels a side.

    Sides are multiples of the deepest layer's stride; tiles at the image's edges are wider, but see no more.
    `halo` is the reach of the deepest layer's receptive field to one side, rounded up to that stride. The rows of tiles
    are a multiple of `bands`, so that as many bands of the image have the same number of tiles.
    """

    def __init__(self, encoder: Encoder, layers: Collection[str], tile: int, *, bands: int = 1):
        infos = [encoder.layers[layer] for layer in layers]
        self.layers = tuple(layers)
        self.tile = tile
        self.stride = max((info.stride for info in infos), default=1)
        reach = max(((info.receptive_field - info.stride) // 2 for info in infos), default=0)
        self.halo = math.ceil(reach / self.stride) * self.stride
        self._bands = bands
        self._encoder = encoder
        self.strides = {layer: encoder.layers[layer].stride for layer in layers}
        borders = getattr(getattr(encoder, "encoder", encoder), "borders", (None, None))
        self._repeats = [padding == "circular" for padding in borders]

    def tiles(self, height: int, width: int) -> list[Tile]:
        """The tiles of an image, row by row; their interiors cover it once."""
        rows, columns = self.spans(height, width)
        return [Tile(row, column) for row in rows for column in columns]

    def spans(self, height: int, width: int) -> tuple[list[Span], list[Span]]:
        """The rows and the columns of the tiles."""
        down, across = self._repeats
        rows = spans(height, self.tile, self.stride, self.halo, multiple=self._bands, repeats=down)
        return rows, spans(width, self.tile, self.stride, self.halo, repeats=across)

    def seen(self, image: Tensor, tile: Tile) -> Tensor:
        """`tile.seen(image)`, in memory that a GPU copies from on its own if the image is not kept there."""
        part = tile.seen(image)
        on_gpu = getattr(self._encoder, "device", part.device).type == "cuda"
        return part.pin_memory() if on_gpu and part.device.type == "cpu" else part

    def interiors(self, image: Tensor, tile: Tile) -> dict[str, Tensor]:
        """Features of the tile's interior in `image`, without grad."""
        with torch.no_grad():
            features = self._encoder(self.seen(image, tile), self.layers)
        return {layer: tile.counted(f, self.strides[layer]) for layer, f in features.items()}

    def sums(
        self, seen: Tensor, tile: Tile, summed: Collection[Sums], layers: Collection[str] = ()
    ) -> tuple[dict[Sums, Moments], dict[str, Tensor]]:
        """Moments of the tile's interior as `summed` says and features of it in `layers`, from what the tile sees.

        Weights are those of the whole image's positions.
        """
        here = {each: self._placed_weight(each, tile) for each in summed}
        sums, features = sums_and_features(self._encoder, seen, here.values(), layers, tile.window)
        return {each: sums[part] for each, part in here.items()}, {
            layer: tile.counted(f, self.strides[layer]) for layer, f in features.items()
        }

    def placed(self, whole: Tensor, layer: str, tile: Tile) -> Tensor:
        """The part of a layer of the whole image that is the tile's interior: a view."""
        return tile.placed(whole, self.strides[layer])

    def _placed_weight(self, sums: Sums, tile: Tile) -> Sums:
        return sums if sums.weight is None else Sums(sums.layer, self.placed(sums.weight, sums.layer, tile))

    def moments(
        self, image: Tensor, summed: Collection[Sums] | None = None, team: Team | None = None
    ) -> dict[Sums, Moments]:
        """Moments over the whole image as `summed` says, without grad; of each layer, unweighted, if it is None.

        They are summed by a `team`, if there are tiles for all of it.

        Shape: (N, 3, H, W).
        """
        summed = [Sums(layer) for layer in self.layers] if summed is None else summed
        tiles = self.tiles(*image.shape[-2:])
        if team is None or len(tiles) < team.size:
            team = Alone()
        sums: dict[Sums, Moments] = {}
        for tile in team.share(tiles):
            with torch.no_grad():
                found, _ = self.sums(self.seen(image, tile), tile, summed)
            sums = {each: sums[each] + m for each, m in found.items()} if sums else found
        totals = iter(team.total([part for m in sums.values() for part in (m.count, m.first, m.second)]))
        return {each: Moments(next(totals), next(totals), next(totals)) for each in sums}

    def features(self, image: Tensor) -> dict[str, Tensor]:
        """The layers of the whole image, at least in float32, without grad, where the image is.

        Shape: (N, 3, H, W) -> (N, C, H', W').
        """
        batch, _, height, width = image.shape
        whole: dict[str, Tensor] = {}
        for tile in self.tiles(height, width):
            for layer, features in self.interiors(image, tile).items():
                f = at_least_float32(features)
                if layer not in whole:
                    stride = self.strides[layer]
                    shape = (batch, f.shape[1], height // stride, width // stride)
                    empty = torch.empty(shape, dtype=f.dtype, device=image.device)
                    whole[layer] = empty.contiguous(memory_format=torch.channels_last)
                self.placed(whole[layer], layer, tile).copy_(f)
        return whole

    def wholes(self, image: Tensor) -> dict[str, Whole]:
        """What content losses must know of each layer of the whole image."""
        wholes: dict[str, Whole] = {}
        for tile in self.tiles(*image.shape[-2:]):
            for layer, f in self.interiors(image, tile).items():
                part, before = Whole.of(at_least_float32(f)), wholes.get(layer)
                wholes[layer] = Whole(part.count + before.count, part.energy + before.energy) if before else part
        return wholes
