"""What a picture is measured by: terms, each with a name, a weight, what it needs to see, and a value.

A style term compares sums over positions with those of a style, a content term features with features, a pixel term
looks at the picture itself. An objective shows every term what it needs, and asks no further what kind it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from torch import Tensor

from impasto.encoders.base import Sums
from impasto.losses import ContentLoss, ImageLoss, MomentLoss, Whole, gram_error, mean_squared_error, total_variation
from impasto.statistics import Moments, at_least_float32
from impasto.tiling import Tile, Tiling


@dataclass(frozen=True)
class Needs:
    """What a term looks at: sums over positions, features of layers, or the pixels."""

    sums: tuple[Sums, ...] = ()
    features: tuple[str, ...] = ()
    pixels: bool = False


@dataclass(frozen=True)
class Seen:
    """What terms are shown of a picture, (N, 3, H, W): the sums and the features that they need."""

    image: Tensor
    sums: Mapping[Sums, Moments] = field(default_factory=dict)
    features: Mapping[str, Tensor] = field(default_factory=dict)


class Term(Protocol):
    """A weighted part of what is minimised.

    `additive` says of a term that needs features whether its value is the sum of those of its `part`s; a function of
    sums over positions can always be had of parts, and pixels are always seen whole.
    """

    @property
    def name(self) -> str:
        """As it is called in records: `style/relu1_1`, `tv`."""
        ...

    @property
    def weight(self) -> float:
        """The factor of its value in the loss."""
        ...

    @property
    def needs(self) -> Needs:
        """What `value` looks at."""
        ...

    @property
    def additive(self) -> bool:
        """Whether the values of its parts add up to its value."""
        ...

    def value(self, seen: Seen) -> Tensor:
        """The term without its weight, a tensor of no dimensions; differentiable in what is seen."""
        ...

    def part(self, tiling: Tiling, tile: Tile) -> Term:
        """The same term for the interior of a tile."""
        ...


@dataclass(frozen=True)
class StyleTerm:
    """`weight` * `loss`(moments of `layer`, `target`), each position counted `guide` times.

    Shape: guide (1, 1, H', W') at the layer's resolution, None to count each once.
    """

    layer: str
    target: Moments
    weight: float
    loss: MomentLoss = gram_error
    guide: Tensor | None = None
    region: str = ""
    additive: bool = True

    @property
    def name(self) -> str:
        """`style/relu1_1`; with a region, `style/relu1_1/sky`."""
        return f"style/{self.layer}" + (f"/{self.region}" if self.region else "")

    @cached_property
    def needs(self) -> Needs:
        """Sums of its layer."""
        return Needs(sums=(Sums(self.layer, self.guide),))

    def value(self, seen: Seen) -> Tensor:
        """The distance from the target."""
        return self.loss(seen.sums[self.needs.sums[0]], self.target)

    def part(self, tiling: Tiling, tile: Tile) -> StyleTerm:
        """Itself: sums add up before it sees them."""
        return self


class _OfContent:
    """What terms of the content have in common: a layer, whose features they compare."""

    layer: str

    @property
    def name(self) -> str:
        """`content/relu4_2`."""
        return f"content/{self.layer}"

    @property
    def needs(self) -> Needs:
        """Features of its layer."""
        return Needs(features=(self.layer,))


@dataclass(frozen=True)
class ContentTerm(_OfContent):
    """`weight` * `loss`(features of `layer`, `target`).

    `whole` describes the whole target, where `target` is that of a part. Features count in proportion to `visible`, by
    which `target` has been multiplied, if it is given.

    Shape: target (N, C, H', W'), visible (1, 1, H', W').
    """

    layer: str
    target: Tensor
    weight: float
    loss: ContentLoss = mean_squared_error
    whole: Whole | None = None
    visible: Tensor | None = None
    additive: bool = True

    def value(self, seen: Seen) -> Tensor:
        """The distance from the target, in the target's format."""
        features = seen.features[self.layer]
        target = self.target.to(features.device)
        features = features.to(target.dtype)
        return self.loss(features if self.visible is None else features * self.visible.to(features), target, self.whole)

    def part(self, tiling: Tiling, tile: Tile) -> ContentTerm:
        """With the tile's part of the target."""
        target = tiling.placed(self.target, self.layer, tile)
        visible = None if self.visible is None else tiling.placed(self.visible, self.layer, tile)
        return replace(self, target=target, whole=self._of_all, visible=visible)

    @cached_property
    def _of_all(self) -> Whole:
        return self.whole or Whole.of(self.target)


@dataclass(frozen=True)
class RecomputedContentTerm(_OfContent):
    """A `ContentTerm` whose target is computed from the content `image` tile by tile, each time, instead of kept.

    For shallow layers of large images, whose features are many times the image. `features_of` sees the content;
    `whole` describes the whole target.
    """

    layer: str
    image: Tensor
    whole: Whole
    features_of: Tiling
    weight: float
    loss: ContentLoss
    additive: bool = True

    def value(self, seen: Seen) -> Tensor:
        """Not to be had of the whole picture at once.

        Raises:
            NotImplementedError: always; see `part`.
        """
        raise NotImplementedError(f"{self.name} is computed tile by tile; evaluate it with TiledObjective.")

    def part(self, tiling: Tiling, tile: Tile) -> ContentTerm:
        """With the target's features in the tile."""
        target = at_least_float32(self.features_of.interiors(self.image, tile)[self.layer])
        return ContentTerm(self.layer, target, self.weight, self.loss, self.whole)


@dataclass(frozen=True)
class PixelTerm:
    """`weight` * `loss`(image), as smoothness."""

    name: str
    weight: float
    loss: ImageLoss = total_variation
    additive: bool = True

    @property
    def needs(self) -> Needs:
        """The picture."""
        return Needs(pixels=True)

    def value(self, seen: Seen) -> Tensor:
        """The loss at the picture."""
        return self.loss(seen.image)

    def part(self, tiling: Tiling, tile: Tile) -> PixelTerm:
        """Itself: pixels are seen whole."""
        return self


@dataclass(frozen=True)
class FeatureTerm:
    """`weight` * `loss`({layer: features}): whatever a caller wants of `layers`; not to be had in tiles.

    Shape: features (N, C, H', W') each.
    """

    name: str
    weight: float
    layers: tuple[str, ...]
    loss: Callable[[Mapping[str, Tensor]], Tensor]
    additive: bool = False

    @property
    def needs(self) -> Needs:
        """Features of its layers."""
        return Needs(features=tuple(self.layers))

    def value(self, seen: Seen) -> Tensor:
        """The loss at the features."""
        return self.loss({layer: at_least_float32(seen.features[layer]) for layer in self.layers})

    def part(self, tiling: Tiling, tile: Tile) -> FeatureTerm:
        """Itself, where the loss of a picture is the sum of those of its tiles."""
        return self
