"""What a transfer minimises at each size: content, style and image terms with their targets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.color import matched_colors
from impasto.encoders.base import Encoder, sums_and_features
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.normalization import Normalized, mean_activations
from impasto.footprint import KEPT, LARGE_STYLE
from impasto.losses import ContentTerm, ImageTerm, MomentLoss, StyleTerm, Term, energy, weighted_sum
from impasto.objective import FeatureObjective, Objective
from impasto.plan import SMALLEST_TILE
from impasto.presets import Preset
from impasto.schedule import Level
from impasto.statistics import Moments, at_least_float32, blend, moments
from impasto.tasks.fitting import scaled, style_sides
from impasto.tiled import RecomputedContentTerm, ShrinkingObjective, TiledObjective
from impasto.tiling import Alone, Team, Tiling


class TransferProblem:
    """Content and style images at any size, and what a picture is to have of each (an `engine.Problem`).

    Without `content` nothing but styles is asked for, and the picture begins with noise, gray or a style.
    `style_encoder` looks at the styles, if it is to see them differently than the picture: with other borders, say.
    """

    def __init__(
        self,
        encoder: ChainEncoder,
        recipe: Preset,
        content: Tensor | None,
        styles: Sequence[Tensor],
        *,
        style_encoder: ChainEncoder | None = None,
        strength: float = 0.5,
        style_weights: Sequence[float] | None = None,
        style_scale: float = 1.0,
        start: Tensor | None = None,
        seed: int = 0,
    ):
        self._encoder: Encoder = encoder
        self._device = self._encoder_device = encoder.device
        self._recipe = recipe
        self._style_encoder: Encoder = style_encoder or encoder
        self._content = None if content is None else content.to(encoder.device)
        self._styles = [style.to(encoder.device) for style in styles]
        self._strength = strength
        self._style_weights = tuple(style_weights or [1.0] * len(styles))
        self._style_scale = style_scale
        self._start = None if start is None else start.to(encoder.device)
        self._seed = seed
        self._team: Team = Alone()
        if recipe.normalize:
            scales = self._mean_activations()
            self._encoder, self._style_encoder = (Normalized(e, scales) for e in (self._encoder, self._style_encoder))

    def initial(self, level: Level) -> Tensor:
        """The picture to begin with.  Shape: (1, 3, level.height, level.width)."""
        if self._start is not None:
            return self._recipe.resample(self._start, level.height, level.width)
        if self._recipe.init == "style":
            return self._recipe.resample(self._styles[0], level.height, level.width)
        if self._recipe.init in ("gray", "random"):
            noise = torch.randn((1, 3, level.height, level.width), generator=torch.Generator().manual_seed(self._seed))
            spread = self._recipe.noise if self._recipe.init == "random" else 0.0
            return 0.5 + spread * noise.to(self._device)
        return self._recolored(level).clone()

    def enlarged(self, image: Tensor, level: Level) -> Tensor:
        """The picture so far at the next level's size, with the finer detail that the start has there."""
        larger = self._recipe.resample(image, level.height, level.width)
        if self._detail == 0:
            return larger
        height, width = image.shape[-2:]
        coarse = self._recolored(Level(height, width, level.iterations))
        blurred = self._recipe.resample(coarse, level.height, level.width)
        return larger + self._detail * (self._recolored(level) - blurred)

    def objective(self, level: Level) -> Objective:
        """Content terms, style terms and image terms at this level, targets computed once.

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

    def over(self, team: Team) -> TransferProblem:
        """The same, evaluated by a team."""
        shared = copy(self)
        shared._team = team
        return shared

    def kept_on(self, device: torch.device) -> TransferProblem:
        """The same with its pictures on another device than the encoder's; it must then be evaluated in tiles."""
        moved = copy(self)
        moved._device = device
        moved._content, moved._start = (None if p is None else p.to(device) for p in (self._content, self._start))
        moved._styles = [style.to(device) for style in self._styles]
        return moved

    def small_evaluation(self, side: int) -> Callable[[], object]:
        """An evaluation of a picture of `side` by `side` pixels, to be timed."""
        level, small = Level(side, side, 1), self._reduced(side)
        objective, image = small.objective(level), small.initial(level)
        return lambda: objective.evaluate(image)

    def _reduced(self, size: int) -> TransferProblem:
        """The same for pictures of `size` by `size` pixels, coarsely made."""
        small = copy(self)
        small._content, small._start = _coarse(self._content, size), _coarse(self._start, size)
        small._styles = [F.interpolate(style, (size, size)) for style in self._styles]
        small._style_scale = 1.0
        return small

    def _objective(self, level: Level) -> Objective:
        with torch.no_grad():
            terms = [*self._content_terms(level), *self._style_terms(level), *self._image_terms()]
        if level.tile is None:
            return FeatureObjective(
                self._encoder, [term for term in terms if not isinstance(term, RecomputedContentTerm)]
            )
        return TiledObjective(self._encoder, terms, level.tile, self._team)

    @property
    def _restraint(self) -> float:
        """1 at no strength, where the content must come back as it was; 0 from half strength on."""
        return max(0.0, 1 - 2 * self._strength)

    @property
    def _detail(self) -> float:
        """How much of the start's detail joins at each enlargement; the content's own where it is to come back."""
        if self._content is None:
            return 0.0
        begun_from_content = self._start is None and self._recipe.init in ("matched", "content")
        return max(self._recipe.detail if begun_from_content else 0.0, self._restraint)

    def _recolored(self, level: Level) -> Tensor:
        """The content at this level; in the colors of the styles if `init` says so, below half strength less so."""
        content = self._content_at(level)
        if self._recipe.init != "matched":
            return content
        target = blend([moments(style) for style in self._styles_at(level)], self._style_weights)
        return matched_colors(content, moments(content), target, 1 - self._restraint).clamp(0, 1)

    def _content_at(self, level: Level) -> Tensor:
        assert self._content is not None, "a recipe that looks at the content needs one"
        return self._recipe.resample(self._content, level.height, level.width)

    def _styles_at(self, level: Level) -> list[Tensor]:
        pairs = zip(self._styles, self.style_shapes(level), strict=True)
        return [self._recipe.resample(style, *shape) for style, shape in pairs]

    def style_shapes(self, level: Level) -> list[tuple[int, int]]:
        """Heights and widths of the style images at a level."""
        if self._recipe.stretch_style:
            return [(level.height, level.width)] * len(self._styles)
        return [style_sides(style, level, self._style_scale) for style in self._styles]

    def _mean_activations(self) -> dict[str, Tensor]:
        """Of the recipe's layers, over the given pictures, their long sides at the recipe's size if they are larger."""
        recipe, pictures = self._recipe, [p for p in (self._content, *self._styles) if p is not None]
        sizes = [min(recipe.size, max(picture.shape[-2:])) for picture in pictures]
        seen = [recipe.resample(p, *scaled(p, size)) for p, size in zip(pictures, sizes, strict=True)]
        with torch.no_grad():
            return mean_activations(self._style_encoder, seen, {**recipe.content_layers, **recipe.style_layers})

    def _content_terms(self, level: Level) -> list[Term | RecomputedContentTerm]:
        recipe, shares = self._recipe, _shares(self._recipe.content_layers, self._recipe.relative)
        scale = recipe.content_weight * (2 * (1 - self._strength)) ** 2
        if self._content is None or scale == 0 or not shares:
            return []
        content = self._content_at(level)
        kept = [layer for layer in shares if level.tile is None or self._size_of(layer) <= KEPT]
        features = _features(self._encoder, content, kept, level.tile)
        others = [layer for layer in shares if layer not in kept]
        wholes = Tiling(self._encoder, others, level.tile or level.size).wholes(content) if others else {}
        return [
            ContentTerm(layer, features[layer], scale * share, recipe.content_loss)
            if layer in features
            else RecomputedContentTerm(layer, content, wholes[layer], scale * share, recipe.content_loss)
            for layer, share in shares.items()
        ]

    def _style_terms(self, level: Level) -> list[Term]:
        recipe, shares = self._recipe, _shares(self._recipe.style_layers, self._recipe.relative)
        scale = recipe.style_weight * (2 * self._strength) ** 2
        if scale == 0 or not shares:
            return []
        targets, losses = self._style_targets(level, shares), recipe.style_losses
        return [
            StyleTerm(layer, targets[layer], scale * share, _in_units(losses, targets[layer], recipe.relative))
            for layer, share in shares.items()
        ]

    def _style_targets(self, level: Level, layers: Collection[str]) -> dict[str, Moments]:
        """The blended moments of the style images, by layer."""
        styles = self._styles_at(level)
        sums = [_moments(self._style_encoder, s, layers, _style_tile(s, level), self._team) for s in styles]
        return {layer: blend([each[layer] for each in sums], self._style_weights) for layer in layers}

    def _size_of(self, layer: str) -> float:
        """Bytes of a layer's features for each pixel of the image."""
        info = self._encoder.layers[layer]
        return 4 * info.channels / info.stride**2

    def _image_terms(self) -> list[Term]:
        recipe = self._recipe
        terms = [
            ImageTerm("tv", recipe.tv_weight, recipe.tv_loss),
            ImageTerm("range", recipe.range_weight, recipe.range_loss),
        ]
        return [term for term in terms if term.weight > 0]


def _style_tile(style: Tensor, level: Level) -> int | None:
    """The side of the tiles that a style image is seen in: the picture's, or if it is much larger, the level's."""
    large = style.shape[-2] * style.shape[-1] > LARGE_STYLE * level.height * level.width
    return level.tile or (level.size if large else None)


def _coarse(image: Tensor | None, size: int) -> Tensor | None:
    return None if image is None else F.interpolate(image, (size, size))


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
        return sums_and_features(encoder, image, layers)[0]
    return Tiling(encoder, layers, tile, bands=team.size).moments(image, team)


def _shares(layers: Mapping[str, float], relative: bool) -> dict[str, float]:
    """The layers that weigh anything with their weights, which sum to 1 if `relative`."""
    total = sum(layers.values()) if relative else 1.0
    return {layer: weight / total for layer, weight in layers.items() if weight > 0}


def _in_units(losses: Sequence[MomentLoss], target: Moments, relative: bool) -> MomentLoss:
    """The sum of `losses`, each in units of its target's energy if `relative`."""
    return weighted_sum(*((1 / max(float(energy(f, target)), 1e-12) if relative else 1.0, f) for f in losses))
