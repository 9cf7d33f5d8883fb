"""What a picture begins as and what is minimised, at each size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from impasto.color import in_colors_of, luminance, matched_colors, samples, transported, with_luminance
from impasto.devices import format_name, products
from impasto.encoders.base import Encoder
from impasto.encoders.normalization import Normalized, mean_activations
from impasto.fitting import View, Views, style_shape
from impasto.fitting import style_scales as scales_of
from impasto.footprint import SMALLEST_TILE
from impasto.given import FirstFrame, Given
from impasto.images import RESAMPLERS, size_for, wrapping
from impasto.instant import Instant, Style
from impasto.losses import smoothed
from impasto.objective import Evaluation, Objective, WholeObjective
from impasto.recipe import Recipe
from impasto.regions import Masks
from impasto.schedule import Level
from impasto.sources import Resampled
from impasto.statistics import moments
from impasto.targets import Part, Sitting, fine_layers
from impasto.temporal import Past
from impasto.tiled import ShrinkingObjective, TiledObjective
from impasto.tiling import Alone, Team

FRESH = 0.1  # of a clip's frame that has no style but its beginning is that of the frame itself


class KeptObjective:
    """An objective that leaves a part of the picture as it is: no gradient moves it.

    Shape: keep (1, 1, H, W), 1 where nothing moves.
    """

    def __init__(self, objective: Objective, keep: Tensor):
        self._objective, self._free = objective, 1 - keep

    def evaluate(self, image: Tensor) -> Evaluation:
        """Value at `image`, and the gradient as far as it may move."""
        found = self._objective.evaluate(image)
        return replace(found, grad=found.grad * self._free.to(found.grad))


class PictureProblem:
    """Content and style images at any size, and what a picture is to have of each (an `engine.Problem`).

    Without content nothing but styles is asked for, and the picture begins with noise, gray or a style.
    """

    def __init__(
        self,
        recipe: Recipe,
        given: Given,
        views: Views,
        *,
        style_scales: Sequence[float] | None = None,
        instant: Instant | None = None,
    ):
        self._recipe = recipe
        self._views = views
        self._device = views.smallest.encoder.device
        self._given = given.on(self._device)
        self._style_weights = recipe.style_weights or (1.0,) * (len(given.styles) - given.textured)
        self._style_scales = style_scales if style_scales is not None else scales_of(recipe, len(given.styles))
        self._instant = instant
        self._team: Team = Alone()
        self._scales: dict[int, dict[str, Tensor]] = {}  # by the view's size
        self._known: dict[Level, dict[Any, Any]] = {}  # of the styles
        self._shot: FirstFrame | None = None
        self._past: Past | None = None

    def initial(self, level: Level) -> Tensor:
        """The picture to begin with.  Shape: (1, 3, level.height, level.width)."""
        return self._kept(self._beginning(level), level, self._given.content)

    def _beginning(self, level: Level) -> Tensor:
        size = level.height, level.width
        past = self._past_at(level)
        if past:
            unseen = self._painted(level, self._instant) if self._instant else self._recolored(level)
            return past.beginning(unseen, 0.0 if self._recipe.style_weight else FRESH)
        if self._given.start is not None:
            return self._given.start.at(*size)
        if self._recipe.init == "style":
            return self._given.styles[0].at(*size)
        if self._recipe.blank:
            seeded = torch.Generator().manual_seed(self._recipe.seed)
            noise = torch.randn((1, 3, *size), generator=seeded, dtype=torch.float32)
            spread = self._recipe.noise if self._recipe.init == "random" else 0.0
            return 0.5 + spread * noise.to(self._device)
        if self._instant:
            return self._painted(level, self._instant)
        return self._recolored(level).clone()

    def enlarged(self, image: Tensor, level: Level) -> Tensor:
        """The picture so far at the next level's size, with the finer detail that the start has there.

        Of a clip's frame, what is held is as it is in the frames that hold it.
        """
        resample = wrapping(RESAMPLERS[self._recipe.resample], self._recipe.repeats)
        larger = resample(image, level.height, level.width)
        if self._detail:
            height, width = image.shape[-2:]
            coarse = self._recolored(Level(height, width, level.iterations))
            blurred = resample(coarse, level.height, level.width)
            larger = larger + self._detail * (self._recolored(level) - blurred)
        past = self._past_at(level)
        if past:
            larger = torch.lerp(larger, self._beginning(level), past.firm)
        return self._kept(larger, level, self._given.content)

    def finished(self, image: Tensor, level: Level) -> Tensor:
        """`image`, at a level's size, as people get it: in the colors that were asked for, with what is kept."""
        if self._recipe.colors == "luminance" and self._given.own:
            own = self._given.own.at(level.height, level.width).to(image)
            image = with_luminance(own, luminance(image))
        if self._recipe.colors == "content" and self._given.content:
            there, visible = self._given.content.at(level.height, level.width).to(image), self._visible_at(level)
            image = in_colors_of(image, there, visible)
        if self._recipe.colors == "match":
            like = self._shot.painted.to(image) if self._shot else image
            image = self._mapped(image, level, 1 - self._recipe.restraint, like)
        return self._kept(image, level, self._given.own or self._given.content)

    def _kept(self, image: Tensor, level: Level, content: Resampled | None) -> Tensor:
        """With what is kept of `content`: exactly its pixels where all is."""
        if self._given.keep is None or content is None:
            return image
        keep, there = (each.at(level.height, level.width).to(image) for each in (self._given.keep, content))
        return torch.where(keep >= 1, there, torch.lerp(image, there, keep))

    def objective(self, level: Level) -> Objective:
        """All terms at this level, targets computed once.

        In tiles if the level says so, and in smaller ones if memory runs out; in a team, and where the pictures are not
        on the encoder's device, always in tiles.
        """
        if self._team.size > 1 or self._device != self._views.smallest.encoder.device:
            level = replace(level, tile=level.tile or level.size)
        if self._team.size > 1:
            return self._objective(level)

        def in_tiles(tile: int | None) -> Objective:
            return self._objective(replace(level, tile=tile))

        return ShrinkingObjective(in_tiles, level.tile, level.size, SMALLEST_TILE)

    def sitting(self, level: Level) -> Sitting:
        """The pictures at a level, and who looks at them."""
        view = self._views.at(level.size)
        encoder, style_encoder = self._encoders(view)
        content = None if self._given.content is None else self._content_at(level)
        return Sitting(
            view.recipe,
            level,
            encoder,
            style_encoder,
            content,
            cache(lambda: self._recolored(level)),
            self._parts(level),
            self._team,
            self._visible_at(level),
            self._past_at(level),
            self._known.setdefault(level, {}),
        )

    def keep_only(self, levels: Sequence[Level]) -> None:
        """Scale the pictures to the sizes that these levels look at, and let their originals go."""
        for level in levels:
            self._encoders(self._views.at(level.size))  # some look at the originals
        sizes = [(level.height, level.width) for level in levels]
        shapes = [[self.style_shapes(level)[i] for level in levels] for i in range(len(self._given.styles))]
        if self._recipe.init == "style":
            shapes[0] += sizes
        self._given = self._given.only(sizes, shapes)

    def small_evaluation(self, level: Level, side: int) -> Callable[[], object]:
        """An evaluation as at `level`, but of a picture of `side` by `side` pixels, coarsely made, to be timed."""
        small, view = copy(self), self._views.at(level.size)
        small._recipe, small._views = view.recipe, Views(view.recipe, lambda recipe: view.style_encoder)
        small._known = {}
        small._given, small._style_scales = self._given.reduced(side), [1.0] * len(self._given.styles)
        small._scales = {0: self._scales[view.size]} if view.size in self._scales else {}
        squeezed = Level(side, side, 1)
        objective, image = small.objective(squeezed), small.initial(squeezed)
        if self._instant and level.iterations == 1:  # the beginning is what takes time
            return lambda: objective.evaluate(small.initial(squeezed))
        return lambda: objective.evaluate(image)

    def showing(
        self, frame: Tensor, past: Past | None = None, painted: Tensor | None = None, masks: Masks | None = None
    ) -> PictureProblem:
        """The same for another frame of the shot whose first is the content; what is known of the styles is kept.

        With `past` it begins with the frame before. `painted` is the shot's first frame as it was made. `masks` are the
        frame's own, if they move.

        Shape: frame, painted (1, 3, H, W).
        """
        other, content = copy(self), self._given.content
        assert content is not None, "a clip has frames"
        other._given = self._given.showing(frame.to(self._device), masks)
        other._past = past and past.on(self._device)
        other._shot = None if painted is None else FirstFrame(content, painted)
        return other

    def over(self, team: Team) -> PictureProblem:
        """The same, evaluated by a team."""
        shared = copy(self)
        shared._team = team
        return shared

    def kept_on(self, device: torch.device) -> PictureProblem:
        """The same with its pictures on another device than the encoder's; it must then be evaluated in tiles."""
        moved = copy(self)
        moved._device, moved._given = device, self._given.on(device)
        moved._past, moved._shot = self._past and self._past.on(device), self._shot and self._shot.on(device)
        return moved

    def seen_by(self, views: Views) -> PictureProblem:
        """The same under other encoders, as those of another number format."""
        other = copy(self)
        other._views, other._known = views, {}
        return other

    def _encoders(self, view: View) -> tuple[Encoder, Encoder]:
        """Those that look at the picture and at the styles; if the recipe says so, with channels equally loud."""
        if not view.recipe.normalize:
            return view.encoder, view.style_encoder
        if view.size not in self._scales:
            self._scales[view.size] = self._mean_activations(view)
        scales = self._scales[view.size]
        return Normalized(view.encoder, scales), Normalized(view.style_encoder, scales)

    def _objective(self, level: Level) -> Objective:
        sitting = self.sitting(level)
        with torch.no_grad():
            terms = sitting.terms()
        objective: Objective
        if level.tile is None:
            objective = WholeObjective(sitting.encoder, terms)
        else:
            objective = TiledObjective(sitting.encoder, terms, level.tile, self._team)
        keep, past = self._given.keep, self._past_at(level)
        held = ([keep.at(level.height, level.width)] if keep else []) + ([past.still] if past else [])
        return KeptObjective(objective, torch.stack(held).amax(0)) if held else objective

    @property
    def _detail(self) -> float:
        """How much of the start's detail joins at each enlargement; the content's own where it is to come back."""
        if self._given.content is None:
            return 0.0
        begins_with_content = self._given.start is None and self._recipe.init in ("matched", "content")
        detail = self._recipe.detail * (1 - self._recipe.freedom)
        return max(detail if begins_with_content else 0.0, self._recipe.restraint)

    def _recolored(self, level: Level) -> Tensor:
        """The content at this level; in its parts' styles' colors if `init` says so, below half strength less so."""
        content = self._content_at(level)
        if self._recipe.init != "matched":
            return content
        like = self._shot.content.at(level.height, level.width) if self._shot else content
        return self._mapped(content, level, 1 - self._recipe.restraint, like)

    def _painted(self, level: Level, instant: Instant) -> Tensor:
        """The content at this level as a network paints it in the styles of its parts."""
        fine = fine_layers(instant.encoder, self._recipe.texture_up_to) if self._given.textured else ()
        styles = [
            Style(part.styles, part.alphas, part.shares, part.where, part.texture_in_its_colors(), fine)
            for part in self._parts(level)
        ]
        content, freedom = self._content_at(level), self._recipe.freedom
        painted = instant.paint(content, styles, amount=1 - self._recipe.restraint, freedom=freedom)
        return self._mapped(painted, level, 1.0, painted) if self._recipe.colors == "histogram" else painted

    def _mapped(self, image: Tensor, level: Level, amount: float, like: Tensor) -> Tensor:
        """`image` with its colors taken part of the way to those of each part's styles, by the map that `like` has."""
        result = image
        for part in self._parts(level):
            if self._recipe.colors == "histogram":
                mapped = torch.lerp(image, transported(image, samples(like, part.where), part.samples), amount)
            else:
                mapped = matched_colors(image, moments(like, part.where), part.palette, amount)
            result = result + self._area(part.name, level) * (mapped - image) if part.name else mapped
        return result.clamp(0, 1)

    def _parts(self, level: Level) -> list[Part]:
        """The parts of the picture with their styles at this level."""
        visible, styles, alphas = self._visible_at(level), self._styles_at(level), self._styles_visible_at(level)
        texture = (styles.pop(), alphas.pop()) if self._given.textured else None
        if not self._given.areas:
            return [Part(styles, alphas, self._style_weights, visible, texture=texture)]
        parts = []
        for area in self._given.areas:
            where = self._area(area.name, level) * (1.0 if visible is None else visible)
            own, share = [(styles[i], alphas[i]) for i in area.styles], float(where.mean())
            if not share:  # as a mask of a clip may be black
                continue
            part = Part([s for s, _ in own], [a for _, a in own], area.shares, where, share, area.name, texture)
            parts.append(part)
        painted = sum(part.share for part in parts)
        return [replace(part, share=part.share / painted) for part in parts]

    def _area(self, name: str, level: Level) -> Tensor:
        (where,) = (area.where for area in self._given.areas if area.name == name)
        return where.at(level.height, level.width)

    def _past_at(self, level: Level) -> Past | None:
        return self._past and self._past.at(level.height, level.width)

    def _content_at(self, level: Level) -> Tensor:
        assert self._given.content is not None, "a recipe that looks at the content needs one"
        return self._given.content.at(level.height, level.width)

    def _visible_at(self, level: Level) -> Tensor | None:
        """The content's alpha at this level."""
        return self._given.content.visible(level.height, level.width) if self._given.content else None

    def _styles_visible_at(self, level: Level) -> list[Tensor | None]:
        shapes = self.style_shapes(level)
        return [style.visible(*shape) for style, shape in zip(self._given.styles, shapes, strict=True)]

    def _styles_at(self, level: Level) -> list[Tensor]:
        shapes, contrast = self.style_shapes(level), self._recipe.at(level.size).style_smoothing
        styles = [style.at(*shape) for style, shape in zip(self._given.styles, shapes, strict=True)]
        return [smoothed(style, contrast).clamp(0, 1) for style in styles] if contrast else styles

    def style_shapes(self, level: Level) -> list[tuple[int, int]]:
        """Heights and widths of the style images at a level."""
        if self._recipe.stretch_style:
            return [(level.height, level.width)] * len(self._given.styles)
        scaled = zip(self._given.styles, self._style_scales, strict=True)
        return [style_shape(style.shape, level, scale, self._recipe.style_enlarged_up_to) for style, scale in scaled]

    def _mean_activations(self, view: View) -> dict[str, Tensor]:
        """Of a view's layers, over the given pictures, their long sides at the usual size if they are larger."""
        recipe, pictures = view.recipe, [p for p in (self._given.content, *self._given.styles) if p is not None]
        sizes = [size_for(*p.shape, min(recipe.usual_size, max(p.shape))) for p in pictures]
        seen = [picture.at(*size) for picture, size in zip(pictures, sizes, strict=True)]
        with torch.no_grad(), products(format_name(recipe.dtype, view.encoder.dtype)):
            layers = {**recipe.content_layers, **recipe.style_layers, **recipe.matched_layers}
            return mean_activations(view.style_encoder, seen, layers)
