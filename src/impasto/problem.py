"""What a picture begins as and what is minimised, at each size: content, style and pixel terms with their targets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from impasto.color import matched_colors
from impasto.devices import format_name, products
from impasto.encoders.base import Encoder, Sums, sums_and_features
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.normalization import Normalized, mean_activations
from impasto.fitting import style_shape
from impasto.images import RESAMPLERS, size_for
from impasto.losses import CONTENT_LOSSES, SMOOTHNESS, STYLE_LOSSES, MomentLoss, energy, out_of_range, weighted_sum
from impasto.objective import Objective, WholeObjective
from impasto.recipe import Recipe
from impasto.schedule import Level
from impasto.sources import Resampled
from impasto.statistics import Moments, at_least_float32, blend, moments
from impasto.terms import ContentTerm, PixelTerm, RecomputedContentTerm, StyleTerm, Term
from impasto.tiled import ShrinkingObjective, TiledObjective
from impasto.tiling import Alone, Team, Tiling

KEPT = 64  # bytes per pixel that a content target may take in a tiled run; beyond, it is computed again tile by tile
SMALLEST_TILE = 64
LARGE_STYLE = 3  # times the picture's pixels, from which on a style image is seen in tiles as large as the picture


@dataclass(frozen=True)
class Given:
    """The pictures of a run: the content, if it has any, the styles, and an image to begin with, if there is one."""

    content: Resampled | None
    styles: tuple[Resampled, ...]
    start: Resampled | None = None

    def on(self, device: torch.device) -> Given:
        """The same on another device."""
        content, start = (None if each is None else each.on(device) for each in (self.content, self.start))
        return Given(content, tuple(style.on(device) for style in self.styles), start)

    def reduced(self, side: int) -> Given:
        """The same, squeezed into `side` by `side` pixels."""
        content, start = (None if each is None else each.reduced(side) for each in (self.content, self.start))
        return Given(content, tuple(style.reduced(side) for style in self.styles), start)


class PictureProblem:
    """Content and style images at any size, and what a picture is to have of each (an `engine.Problem`).

    Without content nothing but styles is asked for, and the picture begins with noise, gray or a style.
    `style_encoder` looks at the styles, if it is to see them differently than the picture: with other borders, say.
    """

    def __init__(
        self,
        recipe: Recipe,
        given: Given,
        encoder: ChainEncoder,
        *,
        style_encoder: ChainEncoder | None = None,
        style_scale: float | None = None,
    ):
        self._recipe = recipe
        self._given = given.on(encoder.device)
        self._device = encoder.device
        self._style_weights = recipe.style_weights or (1.0,) * len(given.styles)
        self._style_scale = recipe.style_scale if style_scale is None else style_scale
        self._team: Team = Alone()
        self._scales: dict[str, Tensor] | None = None
        if recipe.normalize:
            self._scales = self._mean_activations(style_encoder or encoder)
        self._set_encoders(encoder, style_encoder)

    def initial(self, level: Level) -> Tensor:
        """The picture to begin with.  Shape: (1, 3, level.height, level.width)."""
        size = level.height, level.width
        if self._given.start is not None:
            return self._given.start.at(*size)
        if self._recipe.init == "style":
            return self._given.styles[0].at(*size)
        if self._recipe.blank:
            noise = torch.randn((1, 3, *size), generator=torch.Generator().manual_seed(self._recipe.seed))
            spread = self._recipe.noise if self._recipe.init == "random" else 0.0
            return 0.5 + spread * noise.to(self._device)
        return self._recolored(level).clone()

    def enlarged(self, image: Tensor, level: Level) -> Tensor:
        """The picture so far at the next level's size, with the finer detail that the start has there."""
        resample = RESAMPLERS[self._recipe.resample]
        larger = resample(image, level.height, level.width)
        if self._detail == 0:
            return larger
        height, width = image.shape[-2:]
        coarse = self._recolored(Level(height, width, level.iterations))
        blurred = resample(coarse, level.height, level.width)
        return larger + self._detail * (self._recolored(level) - blurred)

    def objective(self, level: Level) -> Objective:
        """All terms at this level, targets computed once.

        In tiles if the level says so, and in smaller ones if memory runs out; in a team, and where the pictures are not
        on the encoder's device, always in tiles.
        """
        if self._team.size > 1 or self._device != self._encoder_device:
            level = replace(level, tile=level.tile or level.size)
        if self._team.size > 1:
            return self._objective(level)

        def in_tiles(tile: int | None) -> Objective:
            return self._objective(replace(level, tile=tile))

        return ShrinkingObjective(in_tiles, level.tile, level.size, SMALLEST_TILE)

    def keep_only(self, levels: Sequence[Level]) -> None:
        """Scale the pictures to the sizes that these levels look at, and let their originals go."""
        sizes = [(level.height, level.width) for level in levels]
        shapes = [[self.style_shapes(level)[i] for level in levels] for i in range(len(self._given.styles))]
        if self._recipe.init == "style":
            shapes[0] += sizes
        self._given = Given(
            self._given.content and self._given.content.only(sizes),
            tuple(style.only(wanted) for style, wanted in zip(self._given.styles, shapes, strict=True)),
            self._given.start and self._given.start.only([sizes[0], sizes[-1]]),
        )

    def small_evaluation(self, side: int) -> Callable[[], object]:
        """An evaluation of a picture of `side` by `side` pixels, coarsely made, to be timed."""
        small, level = copy(self), Level(side, side, 1)
        small._given, small._style_scale = self._given.reduced(side), 1.0
        objective, image = small.objective(level), small.initial(level)
        return lambda: objective.evaluate(image)

    def over(self, team: Team) -> PictureProblem:
        """The same, evaluated by a team."""
        shared = copy(self)
        shared._team = team
        return shared

    def kept_on(self, device: torch.device) -> PictureProblem:
        """The same with its pictures on another device than the encoder's; it must then be evaluated in tiles."""
        moved = copy(self)
        moved._device, moved._given = device, self._given.on(device)
        return moved

    def seen_by(self, encoder: ChainEncoder, style_encoder: ChainEncoder | None = None) -> PictureProblem:
        """The same under other encoders, as those of another number format."""
        other = copy(self)
        other._set_encoders(encoder, style_encoder)
        return other

    def _set_encoders(self, encoder: ChainEncoder, style_encoder: ChainEncoder | None) -> None:
        self._encoder_device = encoder.device
        pair: tuple[Encoder, Encoder] = encoder, style_encoder or encoder
        if self._scales is not None:
            pair = Normalized(pair[0], self._scales), Normalized(pair[1], self._scales)
        self._encoder, self._style_encoder = pair

    def _objective(self, level: Level) -> Objective:
        with torch.no_grad():
            terms = [*self._content_terms(level), *self._style_terms(level), *self._pixel_terms()]
        terms += self._recipe.extra_terms
        if level.tile is None:
            return WholeObjective(self._encoder, terms)
        return TiledObjective(self._encoder, terms, level.tile, self._team)

    @property
    def _restraint(self) -> float:
        """1 at no strength, where the content must come back as it was; 0 from half strength on."""
        return max(0.0, 1 - 2 * self._recipe.strength)

    @property
    def _detail(self) -> float:
        """How much of the start's detail joins at each enlargement; the content's own where it is to come back."""
        if self._given.content is None:
            return 0.0
        begins_with_content = self._given.start is None and self._recipe.init in ("matched", "content")
        return max(self._recipe.detail if begins_with_content else 0.0, self._restraint)

    def _recolored(self, level: Level) -> Tensor:
        """The content at this level; in the colors of the styles if `init` says so, below half strength less so."""
        content = self._content_at(level)
        if self._recipe.init != "matched":
            return content
        target = blend([moments(style) for style in self._styles_at(level)], self._style_weights)
        return matched_colors(content, moments(content), target, 1 - self._restraint).clamp(0, 1)

    def _content_at(self, level: Level) -> Tensor:
        assert self._given.content is not None, "a recipe that looks at the content needs one"
        return self._given.content.at(level.height, level.width)

    def _styles_at(self, level: Level) -> list[Tensor]:
        return [style.at(*shape) for style, shape in zip(self._given.styles, self.style_shapes(level), strict=True)]

    def style_shapes(self, level: Level) -> list[tuple[int, int]]:
        """Heights and widths of the style images at a level."""
        if self._recipe.stretch_style:
            return [(level.height, level.width)] * len(self._given.styles)
        return [style_shape(style.shape, level, self._style_scale) for style in self._given.styles]

    def _mean_activations(self, encoder: ChainEncoder) -> dict[str, Tensor]:
        """Of the recipe's layers, over the given pictures, their long sides at the usual size if they are larger."""
        recipe, pictures = self._recipe, [p for p in (self._given.content, *self._given.styles) if p is not None]
        sizes = [size_for(*p.shape, min(recipe.usual_size, max(p.shape))) for p in pictures]
        seen = [picture.at(*size) for picture, size in zip(pictures, sizes, strict=True)]
        with torch.no_grad(), products(format_name(recipe.dtype, encoder.dtype)):
            return mean_activations(encoder, seen, {**recipe.content_layers, **recipe.style_layers})

    def _content_terms(self, level: Level) -> list[Term]:
        recipe, shares = self._recipe, _shares(self._recipe.content_layers, self._recipe.relative)
        scale = recipe.content_weight * (2 * (1 - recipe.strength)) ** 2
        if self._given.content is None or scale == 0 or not shares:
            return []
        content, loss = self._content_at(level), CONTENT_LOSSES[recipe.content_loss]
        kept = [layer for layer in shares if level.tile is None or self._size_of(layer) <= KEPT]
        features = _features(self._encoder, content, kept, level.tile)
        terms: list[Term] = []
        for layer, share in shares.items():
            if layer in features:
                terms.append(ContentTerm(layer, features[layer], scale * share, loss))
                continue
            alone = Tiling(self._encoder, [layer], level.tile or level.size)
            whole = alone.wholes(content)[layer]
            terms.append(RecomputedContentTerm(layer, content, whole, alone, scale * share, loss))
        return terms

    def _style_terms(self, level: Level) -> list[Term]:
        recipe, shares = self._recipe, _shares(self._recipe.style_layers, self._recipe.relative)
        scale = recipe.style_weight * (2 * recipe.strength) ** 2
        if scale == 0 or not shares:
            return []
        targets, losses = self._style_targets(level, shares), STYLE_LOSSES[recipe.style_loss]
        return [
            StyleTerm(layer, targets[layer], scale * share, _in_units(losses, targets[layer], recipe.relative))
            for layer, share in shares.items()
        ]

    def _style_targets(self, level: Level, layers: Collection[str]) -> dict[str, Moments]:
        """The blended moments of the style images, by layer."""
        sums = [
            _moments(self._style_encoder, style, layers, _style_tile(style, level), self._team)
            for style in self._styles_at(level)
        ]
        return {layer: blend([each[layer] for each in sums], self._style_weights) for layer in layers}

    def _size_of(self, layer: str) -> float:
        """Bytes of a layer's features for each pixel of the image."""
        info = self._encoder.layers[layer]
        return 4 * info.channels / info.stride**2

    def _pixel_terms(self) -> list[Term]:
        recipe = self._recipe
        terms = [
            PixelTerm("tv", recipe.tv_weight, SMOOTHNESS[recipe.tv_loss]),
            PixelTerm("range", recipe.range_weight, out_of_range),
        ]
        return [term for term in terms if term.weight > 0]


def _style_tile(style: Tensor, level: Level) -> int | None:
    """The side of the tiles that a style image is seen in: as the picture; if it is much larger, as large as that."""
    height, width = style.shape[-2:]
    large = height * width > LARGE_STYLE * level.height * level.width
    return level.tile or (level.size if large else None)


def _features(encoder: Encoder, image: Tensor, layers: Collection[str], tile: int | None) -> dict[str, Tensor]:
    """Layers of an image, seen in tiles or whole."""
    if tile is None:
        return {layer: at_least_float32(f) for layer, f in encoder(image, layers).items()}
    return Tiling(encoder, layers, tile).features(image)


def _moments(
    encoder: Encoder, image: Tensor, layers: Collection[str], tile: int | None, team: Team
) -> dict[str, Moments]:
    """Moments of layers of an image, seen in tiles, which a team shares, or whole."""
    if tile is None:
        sums, _ = sums_and_features(encoder, image, [Sums(layer) for layer in layers])
    else:
        sums = Tiling(encoder, layers, tile, bands=team.size).moments(image, team=team)
    return {each.layer: found for each, found in sums.items()}


def _shares(layers: Mapping[str, float], relative: bool) -> dict[str, float]:
    """The layers that weigh anything with their weights, which sum to 1 if `relative`."""
    total = sum(layers.values()) if relative else 1.0
    return {layer: weight / total for layer, weight in layers.items() if weight > 0}


def _in_units(losses: Sequence[MomentLoss], target: Moments, relative: bool) -> MomentLoss:
    """The sum of `losses`, each in units of its target's energy if `relative`."""
    return weighted_sum(*((1 / max(float(energy(f, target)), 1e-12) if relative else 1.0, f) for f in losses))
