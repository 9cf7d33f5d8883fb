"""The same objective in bounded memory: an image of any size, evaluated tile by tile, exactly.

Every term of a network's features is a function of sums over positions: `Moments`, and squared differences from the
content. So the gradient of a whole image needs no graph of the whole image: add up the sums over tiles, differentiate
the loss with respect to the sums, and let every tile carry that back to its own pixels.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from impasto.encoders.base import Encoder, Sums
from impasto.errors import UsageError
from impasto.losses import ContentLoss, ContentTerm, ImageTerm, StyleTerm, Term, Whole
from impasto.memory import give_back, out_of_memory
from impasto.objective import Evaluation, FeatureObjective, Objective
from impasto.statistics import Moments, at_least_float32
from impasto.tiling import Alone, Team, Tile, Tiling

T = TypeVar("T")


@dataclass(frozen=True)
class RecomputedContentTerm:
    """A `ContentTerm` whose target is computed from the content `image` tile by tile, each time, instead of kept.

    For shallow layers of large images, whose features are many times the image. `whole` describes the whole target.
    """

    layer: str
    image: Tensor
    whole: Whole
    weight: float
    loss: ContentLoss

    @property
    def name(self) -> str:
        """As it is called in records: `content/relu1_1`."""
        return f"content/{self.layer}"


class TiledObjective:
    """The objective of `terms`, as `FeatureObjective` has it, with the activations of one tile at a time.

    Costs two forwards and one backward over the tiles with their halos, less the forward of the last tile, whose
    activations are still there when the way back begins. The image may be kept in main memory while the encoder is on a
    GPU, which then holds a tile at a time. In a `team` each member evaluates some of the tiles, and all have the same
    result.

    Raises:
        UsageError: there is no term, or one that is no sum over positions.
    """

    def __init__(
        self,
        encoder: Encoder,
        terms: Sequence[Term | RecomputedContentTerm],
        tile: int,
        team: Team | None = None,
    ):
        if not terms:
            raise UsageError("Nothing to optimise: the weight of every term is 0. Raise one of them.")
        self._team = team or Alone()
        self._styles = [term for term in terms if isinstance(term, StyleTerm)]
        self._kept = [term for term in terms if isinstance(term, ContentTerm)]
        self._recomputed = [term for term in terms if isinstance(term, RecomputedContentTerm)]
        self._contents: list[ContentTerm | RecomputedContentTerm] = [*self._kept, *self._recomputed]
        for term in self._contents:
            _check_additive(term.loss)
        self._style_layers = tuple(dict.fromkeys(term.layer for term in self._styles))
        layers = dict.fromkeys([*self._style_layers, *(term.layer for term in self._contents)])
        self._tiling = Tiling(encoder, tuple(layers), tile, bands=self._team.size)
        self._targets = Tiling(encoder, [term.layer for term in self._recomputed], tile)
        self._wholes = [Whole.of(term.target) for term in self._kept]
        on_image = [term for term in terms if isinstance(term, ImageTerm)]
        self._on_image = FeatureObjective(encoder, on_image) if on_image else None

    def evaluate(self, image: Tensor) -> Evaluation:
        """Value and gradient at `image`.  Shape: (N, 3, H, W), sRGB, left as it is."""
        parts = [self._on_image.evaluate(image)] if self._on_image else []
        if self._tiling.layers:
            parts.append(self._evaluate_features(image))
        return added(parts)

    def _evaluate_features(self, image: Tensor) -> Evaluation:
        *others, last = self._team.share(self._tiling.tiles(*image.shape[-2:]))
        sums: list[Tensor] = []
        for tile in others:
            _add(sums, self._sums(self._tiling.seen(image, tile), tile))
        seen = self._tiling.seen(image, last).requires_grad_(True)
        with torch.enable_grad():
            kept = self._sums(seen, last)
        _add(sums, kept)
        terms, slopes = self._differentiated(self._team.total(sums))
        grad = torch.zeros_like(image)
        last.add(_pulled_back(kept, slopes, seen), grad)
        del kept, seen
        for tile in others:
            seen = self._tiling.seen(image, tile).requires_grad_(True)
            with torch.enable_grad():
                again = self._sums(seen, tile)
            tile.add(_pulled_back(again, slopes, seen), grad)
            del again, seen
        (grad,) = self._team.total([grad])
        terms = {name: value.to(image.device) for name, value in terms.items()}
        return Evaluation(torch.stack(list(terms.values())).sum(), grad, terms)

    def _sums(self, seen: Tensor, tile: Tile) -> list[Tensor]:
        """What a tile adds to the whole: the moments of each style layer, then the value of each content term."""
        layers = tuple(dict.fromkeys(term.layer for term in self._contents))
        of_layers, features = self._tiling.sums(seen, tile, [Sums(layer) for layer in self._style_layers], layers)
        sums = [part for m in of_layers.values() for part in (m.count, m.first, m.second)]
        for term, whole in zip(self._kept, self._wholes, strict=True):
            target = self._tiling.placed(term.target, term.layer, tile).to(features[term.layer].device)
            sums.append(term.loss(features[term.layer].to(target.dtype), target, whole))
        for again in self._recomputed:
            target = at_least_float32(self._targets.interiors(again.image, tile)[again.layer])
            sums.append(again.loss(features[again.layer].to(target.dtype), target, again.whole))
        return sums

    def _differentiated(self, totals: list[Tensor]) -> tuple[dict[str, Tensor], list[Tensor]]:
        """Each term, weighted, from the sums over the whole image; the gradient of their sum in those sums."""
        leaves = [total.detach().requires_grad_(True) for total in totals]
        with torch.enable_grad():
            terms = self._values(leaves)
            loss = torch.stack(list(terms.values())).sum()
            slopes = torch.autograd.grad(loss, leaves, materialize_grads=True)
        return {name: value.detach() for name, value in terms.items()}, list(slopes)

    def _values(self, sums: Sequence[Tensor]) -> dict[str, Tensor]:
        triples = [Moments(*sums[3 * i : 3 * i + 3]) for i in range(len(self._style_layers))]
        of_layer = dict(zip(self._style_layers, triples, strict=True))
        contents = zip(self._contents, sums[3 * len(triples) :], strict=True)
        return {term.name: term.weight * value for term, value in contents} | {
            term.name: term.weight * term.loss(of_layer[term.layer], term.target) for term in self._styles
        }


def added(parts: Sequence[Evaluation]) -> Evaluation:
    """The sum of objectives of different terms, from their evaluations at one image."""
    terms = {name: value for part in parts for name, value in part.terms.items()}
    grad = parts[0].grad
    for part in parts[1:]:
        grad += part.grad
    return Evaluation(torch.stack([part.loss for part in parts]).sum(), grad, terms)


def _add(sums: list[Tensor], parts: Sequence[Tensor]) -> None:
    """Add `parts` to `sums` in place.  The first are copied: where they lie, they would split the heap."""
    if not sums:
        sums.extend(part.detach().clone() for part in parts)
        return
    for total, part in zip(sums, parts, strict=True):
        total.add_(part.detach())


def _pulled_back(sums: Sequence[Tensor], slopes: Sequence[Tensor], seen: Tensor) -> Tensor:
    """The gradient at `seen` of a function whose gradient at the sums is `slopes`."""
    pairs = [(value, slope) for value, slope in zip(sums, slopes, strict=True) if value.requires_grad]
    (grad,) = torch.autograd.grad([value for value, _ in pairs], seen, [slope for _, slope in pairs])
    return grad


def _check_additive(loss: ContentLoss) -> None:
    """Raise UsageError if `loss` cannot judge a part of the features, and so is no sum over positions."""
    if "whole" not in inspect.signature(loss).parameters:
        name = getattr(loss, "__name__", repr(loss))
        raise UsageError(
            f"The content loss {name} cannot be evaluated in tiles: it takes no `whole`, so the losses of the parts "
            "may not add up to that of the whole. Choose a smaller --size, or allow more --memory."
        )


class ShrinkingObjective:
    """An objective in smaller tiles whenever memory runs out; the same image is then evaluated again.

    `make(tile)` is the objective in tiles of that side, `make(None)` in one piece. `side` is the image's long side,
    `least` that of the smallest tile worth trying.

    Raises:
        MemoryError: the smallest tile does not fit either.
    """

    def __init__(self, make: Callable[[int | None], Objective], tile: int | None, side: int, least: int):
        self._make = make
        self._side = side
        self._least = least
        self.tile = tile
        self._objective: Objective | None = self._first_that_fits(lambda: make(self.tile))

    def evaluate(self, image: Tensor) -> Evaluation:
        """Value and gradient at `image`, in tiles that fit."""

        def attempt() -> Evaluation:
            self._objective = self._objective or self._make(self.tile)
            return self._objective.evaluate(image)

        return self._first_that_fits(attempt)

    def _first_that_fits(self, attempt: Callable[[], T]) -> T:
        while True:
            try:
                return attempt()
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                failure = str(error).partition("\n")[0] or type(error).__name__
            self._shrink(failure)  # only here: the error holds all that was computed until it is gone

    def _shrink(self, failure: str) -> None:
        smaller = (self.tile or self._side) // 2
        if smaller < self._least:
            raise MemoryError(f"There is not enough memory even for tiles of {self._least} pixels ({failure}).")
        self.tile, self._objective = smaller, None
        give_back()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
