"""What a picture is to have at one size: the terms of a recipe, whose targets are computed once from the pictures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from impasto.color import absent_colors, in_palette, samples
from impasto.encoders.base import Encoder, Sums, at_layer, sums_and_features
from impasto.footprint import KEPT, LARGE_STYLE
from impasto.losses import (
    CONTENT_LOSSES,
    SMOOTHNESS,
    STYLE_LOSSES,
    MomentLoss,
    absent_color_error,
    energy,
    flat_steps,
    flatness,
    out_of_range,
    weighted_sum,
)
from impasto.neighbors import NeighborTerm
from impasto.recipe import Recipe
from impasto.schedule import Level
from impasto.statistics import Moments, at_least_float32, blend, moments
from impasto.temporal import Past
from impasto.terms import ContentTerm, PixelTerm, RecomputedContentTerm, StyleTerm, Term
from impasto.tiling import Team, Tiling

HARDLY_ABSENT = 0.01  # of what `absent_colors` says: nearly all paintings lack no color


@dataclass(frozen=True)
class Part:
    """A part of the picture, `where` it counts, and the styles that it is to have, which count `shares` each.

    `share` is how much of the picture it is. All of it, and each position once, if `where` is None. Its fine strokes
    are those of `texture`, if there is one.

    Shape: styles (1, 3, H, W) each, alphas (1, 1, H, W) or None each, where (1, 1, height, width of the picture),
    texture and its alpha as a style.
    """

    styles: Sequence[Tensor]
    alphas: Sequence[Tensor | None]
    shares: Sequence[float]
    where: Tensor | None = None
    share: float = 1.0
    name: str = ""
    texture: tuple[Tensor, Tensor | None] | None = None

    def named(self, term: str) -> str:
        """The name of a term of this part."""
        return f"{term}/{self.name}" if self.name else term

    @property
    def samples(self) -> Tensor:
        """Colors of the styles, in proportion to their shares.  Shape: (P, 3)."""
        seen = [samples(style, alpha) for style, alpha in zip(self.styles, self.alphas, strict=True)]
        counts = [max(1, round(len(seen[0]) * share / sum(self.shares))) for share in self.shares]
        return torch.cat([colors[:: max(1, len(colors) // n)] for colors, n in zip(seen, counts, strict=True)])

    @property
    def palette(self) -> Moments:
        """The blended moments of the styles' colors."""
        seen = zip(self.styles, self.alphas, strict=True)
        return blend([moments(style, alpha) for style, alpha in seen], self.shares)

    def texture_in_its_colors(self) -> tuple[Tensor, Tensor | None] | None:
        """The texture, whose colors have the mean and covariance of the styles'."""
        if self.texture is None:
            return None
        pixels, alpha = self.texture
        return in_palette(pixels, alpha, self.palette), alpha


@dataclass(frozen=True)
class Sitting:
    """The pictures of a run as they are at a `level`, and the encoders that look at them there.

    `recipe` has the layers of `encoder`; `style_encoder` looks at the styles. `recolored` makes the content in the
    colors that the picture begins with; few terms ask for it. What `visible` says cannot be seen of the content does
    not count in its features. `past` is what a frame has from the one before. Moments of styles are kept in `known`, by
    the part and the layers.

    Shape: content and recolored (1, 3, H, W), visible (1, 1, H, W).
    """

    recipe: Recipe
    level: Level
    encoder: Encoder
    style_encoder: Encoder
    content: Tensor | None
    recolored: Callable[[], Tensor]
    parts: Sequence[Part]
    team: Team
    visible: Tensor | None = None
    past: Past | None = None
    known: dict[tuple[str, tuple[str, ...]], dict[str, Moments]] = field(default_factory=dict, repr=False)

    def terms(self) -> list[Term]:
        """All terms that weigh anything."""
        of_networks = [*self.content_terms(), *self.style_terms(), *self.neighbor_terms()]
        return [*of_networks, *self.pixel_terms(), *self.recipe.extra_terms]

    def content_terms(self) -> list[Term]:
        """Features of the content, by layer; those that are large are computed anew for each tile."""
        recipe, tile, shares = self.recipe, self.level.tile, _shares(self.recipe.content_layers, self.recipe.relative)
        scale = content_factor(recipe)
        if self.content is None or scale == 0 or not shares:
            return []
        loss = CONTENT_LOSSES[recipe.content_loss]
        alpha = self.visible
        kept = [
            each for each in shares if tile is None or alpha is not None or _bytes_per_pixel(self.encoder, each) <= KEPT
        ]
        features = _features(self.encoder, self.content, kept, tile)
        terms: list[Term] = []
        for layer, share in shares.items():
            if layer in features:
                target, visible = features[layer], at_layer(alpha, self.encoder, layer)
                if visible is not None:
                    visible = (visible / visible.mean().clamp_min(1e-12)).sqrt()
                    target = target * visible.to(target)
                terms.append(ContentTerm(layer, target, scale * share, loss, visible=visible))
                continue
            alone = Tiling(self.encoder, [layer], tile or self.level.size)
            whole = alone.wholes(self.content)[layer]
            terms.append(RecomputedContentTerm(layer, self.content, whole, alone, scale * share, loss))
        return terms

    def style_terms(self) -> list[Term]:
        """Moments of the styles, by layer."""
        recipe, shares = self.recipe, _shares(self.recipe.style_layers, self.recipe.relative)
        scale = style_factor(recipe)
        if scale == 0 or not shares:
            return []
        return [term for part in self.parts for term in self._styled(part, shares, scale * part.share)]

    def _styled(self, part: Part, shares: Mapping[str, float], scale: float) -> Iterator[StyleTerm]:
        known = part.name, tuple(shares)
        if known not in self.known:
            self.known[known] = self._style_targets(part, shares)
        targets, losses = self.known[known], STYLE_LOSSES[self.recipe.style_loss]
        new = self.past.new if self.past else None
        for layer, share in shares.items():
            loss = _in_units(losses, targets[layer], self.recipe.relative)
            guide = at_layer(part.where, self.encoder, layer)
            yield StyleTerm(layer, targets[layer], scale * share, loss, guide=guide, region=part.name)
            if new:
                guide = at_layer(new.where if part.where is None else new.where * part.where, self.encoder, layer)
                weight = scale * share * new.share
                yield StyleTerm(layer, targets[layer], weight, loss, guide=guide, region=f"{part.name or 'all'}, new")

    def neighbor_terms(self) -> list[Term]:
        """Each place of the recolored content with the nearest of the styles' places, in no layer of a texture."""
        weight, layers = self.recipe.neighbor_weight * (2 * self.recipe.strength) ** 2, self.recipe.matched_layers
        if any(part.texture for part in self.parts):
            fine = fine_layers(self.encoder, self.recipe.texture_up_to)
            layers = {layer: share for layer, share in layers.items() if layer not in fine}
        if self.content is None or weight == 0 or not layers:
            return []
        encoders, tile = (self.encoder, self.style_encoder), self.level.tile or self.level.size
        picture = self.recolored()
        return [
            NeighborTerm.of(
                encoders,
                picture,
                part.styles,
                layers,
                weight * part.share,
                tile,
                part.where,
                part.named("neighbors"),
                part.alphas,
                part.shares,
            )
            for part in self.parts
        ]

    def pixel_terms(self) -> list[Term]:
        """Smoothness, the range that can be displayed, calm where the content is, and the frame before."""
        recipe, calm = self.recipe, self.recipe.calm * self.recipe.restraint
        terms = [
            PixelTerm("tv", recipe.tv_weight, SMOOTHNESS[recipe.tv_loss]),
            PixelTerm("range", recipe.range_weight, out_of_range),
        ]
        if self.content is not None and calm > 0:
            target = self.recolored()
            terms.append(PixelTerm("calm", calm, partial(flat_steps, target=target, flatness=flatness(target))))
        if self.past:
            terms.append(self.past.term(recipe.temporal_weight))
        return [term for term in [*terms, *map(self._palette_term, self.parts)] if term and term.weight > 0]

    def _palette_term(self, part: Part) -> PixelTerm | None:
        """Colors that the styles have none of stay as they begin; where that is not in the styles' colors, away."""
        recipe, matched = self.recipe, self.content is not None and self.recipe.init == "matched"
        weight = recipe.palette_weight * (1.0 if matched else 1 - recipe.restraint)
        if weight == 0 or not part.styles:
            return None
        palette = part.palette
        absent = absent_colors(palette).to(part.styles[0])
        if float(absent.diagonal().amax()) < HARDLY_ABSENT:
            return None
        reference = self.recolored() if matched else palette.mean[..., None, None]
        loss = partial(absent_color_error, reference=reference, absent=absent, where=part.where)
        return PixelTerm(part.named("palette"), weight, loss)

    def _style_targets(self, part: Part, layers: Collection[str]) -> dict[str, Moments]:
        """The blended moments of a part's styles, by layer; those of its texture up to the layer that is its last."""

        def seen(style: Tensor, alpha: Tensor | None, layers: Collection[str]) -> dict[str, Moments]:
            return _moments(self.style_encoder, style, alpha, layers, _style_tile(style, self.level), self.team)

        texture, fine = part.texture_in_its_colors(), {}
        if texture is not None:
            finest = fine_layers(self.style_encoder, self.recipe.texture_up_to)
            fine = seen(*texture, [layer for layer in layers if layer in finest])
        coarse = [layer for layer in layers if layer not in fine]
        sums = [seen(style, alpha, coarse) for style, alpha in zip(part.styles, part.alphas, strict=True)]
        return fine | {layer: blend([each[layer] for each in sums], part.shares) for layer in coarse}


def fine_layers(encoder: Encoder, deepest: str) -> tuple[str, ...]:
    """The layers of an encoder up to `deepest`, which it has."""
    names = tuple(encoder.layers)
    return names[: names.index(deepest) + 1]


def content_factor(recipe: Recipe) -> float:
    """What all content terms are multiplied by: their weight, and what strength makes of it."""
    return recipe.content_weight * (2 * (1 - recipe.strength)) ** 2


def style_factor(recipe: Recipe) -> float:
    """What all style terms are multiplied by: their weight, and what strength makes of it."""
    return recipe.style_weight * (2 * recipe.strength) ** 2


def _bytes_per_pixel(encoder: Encoder, layer: str) -> float:
    """Of a layer's features in float32, for each pixel of the image."""
    info = encoder.layers[layer]
    return 4 * info.channels / info.stride**2


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
    encoder: Encoder, image: Tensor, alpha: Tensor | None, layers: Collection[str], tile: int | None, team: Team
) -> dict[str, Moments]:
    """Moments of layers of an image where it can be seen, in tiles, which a team shares, or whole."""
    wanted = [Sums(layer, at_layer(alpha, encoder, layer)) for layer in layers]
    if tile is None:
        sums, _ = sums_and_features(encoder, image, wanted)
    else:
        sums = Tiling(encoder, layers, tile, bands=team.size).moments(image, wanted, team=team)
    return {each.layer: found for each, found in sums.items()}


def _shares(layers: Mapping[str, float], relative: bool) -> dict[str, float]:
    """The layers that weigh anything with their weights, which sum to 1 if `relative`."""
    total = sum(layers.values()) if relative else 1.0
    return {layer: weight / total for layer, weight in layers.items() if weight > 0}


def _in_units(losses: Sequence[MomentLoss], target: Moments, relative: bool) -> MomentLoss:
    """The sum of `losses`, each in units of its target's energy if `relative`."""
    return weighted_sum(*((1 / max(float(energy(f, target)), 1e-12) if relative else 1.0, f) for f in losses))
