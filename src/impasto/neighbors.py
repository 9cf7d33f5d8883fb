"""Nearest-neighbour feature matching: every place of the picture is to look like one place of a style.

Places lie on the grid of the deepest layer; what a place looks like is its column of features of all layers, each layer
with the same say, finer ones averaged over the place.  Which place of the style a place of the picture is matched with
is found once for each size, from the content; so the loss is a sum over places with a fixed target, like a
content loss.

Reference: Kolkin, Kucera, Paris, Sykora, Shechtman, Shakhnarovich 2022, "Neural Neighbor Style Transfer".
Differs: columns are found for the recolored content, not for the picture so far mixed with it, and styles are not
rotated; layers are weighed by what they hold, not by their number of channels; places are as far apart as those of the
deepest layer, not four pixels: deep layers that are repeated or interpolated leave a weave in the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.base import Encoder
from impasto.statistics import at_least_float32
from impasto.terms import Needs, Seen
from impasto.tiling import Tile, Tiling

MOST_PLACES = 8_192  # of the styles, which are searched; more are thinned out evenly
ROWS = 2048  # that are compared with all of the styles' at once


def on_grid(features: Tensor, stride: int, grid: int) -> Tensor:
    """A layer at every place of a grid of `grid` pixels, a multiple of its own stride: means, at least in float32.

    Shape: (N, C, H', W') -> (N, C, H, W).
    """
    factor = grid // stride
    return at_least_float32(features if factor == 1 else F.avg_pool2d(features, factor))


def nearest(rows: Tensor, others: Tensor) -> Tensor:
    """The number of the row of `others` with the greatest cosine, for each of `rows`; each set less its own mean.

    Shape: (P, D), (Q, D) -> (P,).
    """
    a, b = (_directions(each) for each in (rows, others))
    return torch.cat([(part @ b.T).argmax(1) for part in torch.split(a, ROWS)])


def _directions(rows: Tensor) -> Tensor:
    centered = rows - rows.mean(0)
    return F.normalize(centered, dim=1)


@dataclass(frozen=True)
class Places:
    """What the places of styles look like, layer by layer, in units in which each layer's mean square is its weight's.

    `scales` take features to those units.

    Shape: rows (places, C) each.
    """

    rows: Mapping[str, Tensor] = field(repr=False)
    scales: Mapping[str, float]

    @classmethod
    def of(
        cls,
        tiling: Tiling,
        styles: Sequence[Tensor],
        layers: Mapping[str, float],
        alphas: Sequence[Tensor | None] = (),
        shares: Sequence[float] = (),
    ) -> Places:
        """Those of style images that can be seen, in proportion to their shares; beyond `MOST_PLACES` thinned out."""
        each = [grids(tiling, style) for style in styles]
        seen = [_seen(f, a) for f, a in zip(each, alphas or [None] * len(each), strict=True)]
        if not any(map(torch.any, seen)):
            seen = [torch.ones_like(places) for places in seen]
        parts = [share / max(shares) for share in shares] or [1.0] * len(each)
        chosen = [_thinned(torch.nonzero(places).flatten(), part) for places, part in zip(seen, parts, strict=True)]
        step = -(-sum(map(len, chosen)) // MOST_PLACES)
        picked = list(zip(each, chosen, strict=True))
        rows = {layer: torch.cat([_rows(found[layer])[where] for found, where in picked])[::step] for layer in layers}
        scales = {layer: layers[layer] / _size(rows[layer]) for layer in layers}
        return cls({layer: rows[layer] * scales[layer] for layer in layers}, scales)

    def nearest(self, rows: Mapping[str, Tensor]) -> Tensor:
        """The numbers of the places that other rows are nearest to.  Shape: (P, C) each -> (P,)."""
        scaled = [rows[layer] * scale for layer, scale in self.scales.items()]
        return nearest(torch.cat(scaled, 1), torch.cat(list(self.rows.values()), 1))


def grids(tiling: Tiling, image: Tensor) -> dict[str, Tensor]:
    """Layers of an image on the grid of the deepest, seen in tiles, without grad.

    Shape: (1, 3, H, W) -> (1, C, rows, columns of the grid) each.
    """
    grid, (height, width) = tiling.stride, image.shape[-2:]
    whole: dict[str, Tensor] = {}
    for tile in tiling.tiles(height, width):
        for layer, features in tiling.interiors(image, tile).items():
            found = on_grid(features, tiling.strides[layer], grid)
            if layer not in whole:
                whole[layer] = found.new_empty((1, found.shape[1], height // grid, width // grid))
            tile.placed(whole[layer], grid).copy_(found)
    return whole


def _seen(found: Mapping[str, Tensor], alpha: Tensor | None) -> Tensor:
    """Which places are more than half visible.  Shape: (1, C, rows, columns) each, (1, 1, H, W) -> (places,)."""
    grid = next(iter(found.values()))[:, :1]
    whole = torch.ones_like(grid) if alpha is None else F.interpolate(alpha.to(grid), grid.shape[2:], mode="area")
    return whole.flatten() > 0.5


def _thinned(numbers: Tensor, part: float) -> Tensor:
    """As large a part of them, evenly."""
    count = round(part * len(numbers))
    return numbers if count == len(numbers) else numbers[torch.linspace(0, len(numbers) - 1, count).round().long()]


def _rows(features: Tensor) -> Tensor:
    return features[0].flatten(1).T


def _size(rows: Tensor) -> float:
    """The root of the mean squared length of rows."""
    return max(float(rows.square().sum(1).mean().sqrt()), 1e-12)


@dataclass(frozen=True)
class NeighborTerm:
    """`weight` * mean over places of 1 - cos(column of the picture, column of its neighbour).

    `strides` are those of the layers, `count` is the number of all places, also where this is a tile's part.

    Places count `where` times, once if that is None.

    Shape: index (1, 1, rows, columns of the grid), the numbers of the neighbours among `places`; where the same.
    """

    places: Places
    strides: Mapping[str, int]
    index: Tensor = field(repr=False)
    weight: float
    count: float
    where: Tensor | None = field(default=None, repr=False)
    additive: bool = True
    name: str = "neighbors"

    @classmethod
    def of(
        cls,
        encoders: tuple[Encoder, Encoder],
        picture: Tensor,
        styles: Sequence[Tensor],
        layers: Mapping[str, float],
        weight: float,
        tile: int,
        where: Tensor | None = None,
        name: str = "neighbors",
        alphas: Sequence[Tensor | None] = (),
        shares: Sequence[float] = (),
    ) -> NeighborTerm:
        """Each place of `picture` with its nearest neighbour in `styles`, as their encoders see `layers`."""
        of_picture, of_styles = (Tiling(encoder, layers, tile) for encoder in encoders)
        places = Places.of(of_styles, styles, layers, alphas, shares)
        found = grids(of_picture, picture)
        index = places.nearest({layer: _rows(found[layer]) for layer in layers})
        shape = next(iter(found.values())).shape[2:]
        counted = None if where is None else F.interpolate(where, shape, mode="area")
        count = index.numel() if counted is None else float(counted.sum())
        counted = None if counted is None else counted.to(index.device)  # the picture's may be another
        return cls(places, of_picture.strides, index.reshape(1, 1, *shape), weight, count, counted, name=name)

    @cached_property
    def needs(self) -> Needs:
        """Features of its layers."""
        return Needs(features=tuple(self.strides))

    @property
    def grid(self) -> int:
        """Pixels between places."""
        return max(self.strides.values())

    def value(self, seen: Seen) -> Tensor:
        """The mean distance."""
        products, squares = [], []
        for layer, stride in self.strides.items():
            f = on_grid(seen.features[layer], stride, self.grid) * self.places.scales[layer]
            products.append((f * self._targets[layer]).sum(1))
            squares.append(f.square().sum(1))
        lengths = (torch.stack(squares).sum(0) + 1e-12).sqrt() * self._lengths
        distances = 1 - torch.stack(products).sum(0) / lengths
        return (distances if self.where is None else distances * self.where[:, 0]).sum() / self.count

    def part(self, tiling: Tiling, tile: Tile) -> NeighborTerm:
        """With the tile's part of the index."""
        where = None if self.where is None else tile.placed(self.where, self.grid)
        return replace(self, index=tile.placed(self.index, self.grid), where=where)

    @cached_property
    def _targets(self) -> dict[str, Tensor]:
        """What the neighbours look like.  Shape: (1, C, rows, columns) each."""
        size, chosen = self.index.shape[2:], self.index.flatten()
        return {layer: rows[chosen].T.reshape(1, -1, *size) for layer, rows in self.places.rows.items()}

    @cached_property
    def _lengths(self) -> Tensor:
        squares = torch.stack([target.square().sum(1) for target in self._targets.values()])
        return (squares.sum(0) + 1e-12).sqrt()
