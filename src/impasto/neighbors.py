"""Nearest-neighbour feature matching: every place of the picture is to look like one place of a style.

Places lie on a grid of four pixels; what a place looks like is its column of features of all layers, each layer with
the same say.  Which place of the style a place of the picture is matched with is found once for each size, from the
content; so the loss is a sum over places with a fixed target, like a content loss.

Reference: Kolkin, Kucera, Paris, Sykora, Shechtman, Shakhnarovich 2022, "Neural Neighbor Style Transfer".
Differs: columns are found for the recolored content, not for the picture so far mixed with it, and styles are not
rotated; layers are weighed by what they hold, not by their number of channels; deep layers are repeated on the grid,
not interpolated, so that tiles see what the whole does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from impasto.encoders.base import Encoder
from impasto.statistics import at_least_float32
from impasto.terms import Needs, Seen
from impasto.tiling import Tile, Tiling

GRID = 4  # pixels between places
MOST_PLACES = 16_384  # of the styles, which are searched; more are thinned out evenly
ROWS = 2048  # that are compared with all of the styles' at once


def on_grid(features: Tensor, stride: int, shape: tuple[int, int]) -> Tensor:
    """A layer at every place of the grid: the mean of a finer layer, a coarser one repeated.

    Shape: (N, C, H', W') -> (N, C, *shape).
    """
    if stride < GRID:
        features = avg_pool2d(features, GRID // stride)
    for axis in (2, 3) if stride > GRID else ():
        features = features.repeat_interleave(stride // GRID, axis)
    height, width = shape
    over = width - features.shape[3], height - features.shape[2]
    if max(over) > 0:
        features = pad(features, (0, max(0, over[0]), 0, max(0, over[1])), mode="replicate")
    return features[..., :height, :width]


def nearest(rows: Tensor, others: Tensor) -> Tensor:
    """The number of the row of `others` with the greatest cosine, for each of `rows`; each set less its own mean.

    Shape: (P, D), (Q, D) -> (P,).
    """
    a, b = (_directions(each) for each in (rows, others))
    return torch.cat([(part @ b.T).argmax(1) for part in torch.split(a, ROWS)])


def _directions(rows: Tensor) -> Tensor:
    centered = rows - rows.mean(0)
    return torch.nn.functional.normalize(centered, dim=1)


@dataclass(frozen=True)
class Places:
    """What the places of styles look like, layer by layer, in units in which each layer's mean square is its weight's.

    `scales` take features to those units.

    Shape: rows (places, C) each.
    """

    rows: Mapping[str, Tensor] = field(repr=False)
    scales: Mapping[str, float]

    @classmethod
    def of(cls, encoder: Encoder, styles: Sequence[Tensor], layers: Mapping[str, float]) -> Places:
        """Those of style images, evenly thinned out beyond `MOST_PLACES`."""
        each = [rows_of(encoder, style, layers)[0] for style in styles]
        every = -(-sum(len(rows[next(iter(layers))]) for rows in each) // MOST_PLACES)
        found = {layer: torch.cat([rows[layer] for rows in each])[::every] for layer in layers}
        scales = {layer: layers[layer] / _size(rows) for layer, rows in found.items()}
        return cls({layer: rows * scales[layer] for layer, rows in found.items()}, scales)

    def nearest(self, rows: Mapping[str, Tensor]) -> Tensor:
        """The numbers of the places that other rows are nearest to.  Shape: (P, C) each -> (P,)."""
        scaled = [rows[layer] * scale for layer, scale in self.scales.items()]
        return nearest(torch.cat(scaled, 1), torch.cat(list(self.rows.values()), 1))


def rows_of(encoder: Encoder, image: Tensor, layers: Collection[str]) -> tuple[dict[str, Tensor], tuple[int, int]]:
    """What each place of an image looks like, layer by layer, and the grid's rows and columns.

    Shape: (1, 3, H, W) -> (places, C) each.
    """
    seen, shape = encoder(image, layers), (image.shape[2] // GRID, image.shape[3] // GRID)
    grids = {layer: on_grid(at_least_float32(f), encoder.layers[layer].stride, shape) for layer, f in seen.items()}
    return {layer: grids[layer][0].flatten(1).T for layer in layers}, shape


def _size(rows: Tensor) -> float:
    """The root of the mean squared length of rows."""
    return max(float(rows.square().sum(1).mean().sqrt()), 1e-12)


@dataclass(frozen=True)
class NeighborTerm:
    """`weight` * mean over places of 1 - cos(column of the picture, column of its neighbour).

    `strides` are those of the layers, `count` is the number of all places, also where this is a tile's part.

    Shape: index (1, 1, rows, columns of the grid), the numbers of the neighbours among `places`.
    """

    places: Places
    strides: Mapping[str, int]
    index: Tensor = field(repr=False)
    weight: float
    count: int
    additive: bool = True
    name: str = "neighbors"

    @classmethod
    def of(
        cls,
        encoder: Encoder,
        style_encoder: Encoder,
        picture: Tensor,
        styles: Sequence[Tensor],
        layers: Mapping[str, float],
        weight: float,
    ) -> NeighborTerm:
        """Each place of `picture` with its nearest neighbour in `styles`, as the encoders' `layers` see them."""
        places = Places.of(style_encoder, styles, layers)
        rows, shape = rows_of(encoder, picture, layers)
        index = places.nearest(rows).reshape(1, 1, *shape)
        strides = {layer: encoder.layers[layer].stride for layer in layers}
        return cls(places, strides, index, weight, index.numel())

    @cached_property
    def needs(self) -> Needs:
        """Features of its layers."""
        return Needs(features=tuple(self.strides))

    def value(self, seen: Seen) -> Tensor:
        """The mean distance."""
        shape = (self.index.shape[2], self.index.shape[3])
        products, squares = [], []
        for layer, stride in self.strides.items():
            f = on_grid(at_least_float32(seen.features[layer]), stride, shape) * self.places.scales[layer]
            products.append((f * self._targets[layer]).sum(1))
            squares.append(f.square().sum(1))
        lengths = (torch.stack(squares).sum(0) + 1e-12).sqrt() * self._lengths
        return (1 - torch.stack(products).sum(0) / lengths).sum() / self.count

    def part(self, tiling: Tiling, tile: Tile) -> NeighborTerm:
        """With the tile's part of the index."""
        return replace(self, index=tile.placed(self.index, GRID))

    @cached_property
    def _targets(self) -> dict[str, Tensor]:
        """What the neighbours look like.  Shape: (1, C, rows, columns) each."""
        size, chosen = self.index.shape[2:], self.index.flatten()
        return {layer: rows[chosen].T.reshape(1, -1, *size) for layer, rows in self.places.rows.items()}

    @cached_property
    def _lengths(self) -> Tensor:
        squares = torch.stack([target.square().sum(1) for target in self._targets.values()])
        return (squares.sum(0) + 1e-12).sqrt()
