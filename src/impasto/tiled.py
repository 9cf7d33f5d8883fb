"""The same objective in bounded memory: an image of any size, evaluated tile by tile, exactly.

Every term of a network's features is a function of sums over positions: `Moments`, and squared differences from the
content. So the gradient of a whole image needs no graph of the whole image: add up the sums over tiles, differentiate
the loss with respect to the sums, and let every tile carry that back to its own pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from impasto.encoders.base import Encoder
from impasto.errors import UsageError
from impasto.memory import give_back, out_of_memory
from impasto.objective import Evaluation, Objective, WholeObjective, check_terms, weighted
from impasto.statistics import Moments
from impasto.terms import Seen, Term
from impasto.tiling import Alone, Team, Tile, Tiling

T = TypeVar("T")


class TiledObjective:
    """The objective of `terms`, as `WholeObjective` has it, with the activations of one tile at a time.

    Costs two forwards and one backward over the tiles with their halos, less the forward of the last tile, whose
    activations are still there when the way back begins. The image may be kept in main memory while the encoder is on a
    GPU, which then holds a tile at a time. In a `team` each member evaluates some of the tiles, and all have the same
    result.

    Raises:
        UsageError: there is no term, or one that cannot be had of parts.
    """

    def __init__(self, encoder: Encoder, terms: Sequence[Term], tile: int, team: Team | None = None):
        check_terms(terms)
        self._team = team or Alone()
        self._of_sums = [term for term in terms if term.needs.sums]
        self._of_features = [term for term in terms if term.needs.features]
        for term in (each for each in terms if each.needs.features or (each.needs.sums and each.needs.pixels)):
            _check_additive(term)
        self._summed = tuple(dict.fromkeys(each for term in self._of_sums for each in term.needs.sums))
        self._layers = tuple(dict.fromkeys(layer for term in self._of_features for layer in term.needs.features))
        layers = dict.fromkeys([*(each.layer for each in self._summed), *self._layers])
        self._tiling = Tiling(encoder, tuple(layers), tile, bands=self._team.size)
        of_pixels = [term for term in terms if term.needs.pixels]
        self._of_pixels = WholeObjective(encoder, of_pixels) if of_pixels else None

    def evaluate(self, image: Tensor) -> Evaluation:
        """Value and gradient at `image`.  Shape: (N, 3, H, W), sRGB, left as it is."""
        parts = [self._of_pixels.evaluate(image)] if self._of_pixels else []
        if self._tiling.layers:
            parts.append(self._evaluate_layers(image))
        return added(parts)

    def _evaluate_layers(self, image: Tensor) -> Evaluation:
        *others, last = self._team.share(self._tiling.tiles(*image.shape[-2:]))
        sums: list[Tensor] = []
        for tile in others:
            _add(sums, self._sums(self._tiling.seen(image, tile), tile))
        seen = self._tiling.seen(image, last).requires_grad_(True)
        with torch.enable_grad():
            kept = self._sums(seen, last)
        _add(sums, kept)
        terms, slopes = self._differentiated(image, self._team.total(sums))
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
        """What a tile adds to the whole: its sums over positions, then the value of each term of features."""
        sums, features = self._tiling.sums(seen, tile, self._summed, self._layers)
        part = Seen(seen, features=features)
        return [
            *(number for each in self._summed for number in (sums[each].count, sums[each].first, sums[each].second)),
            *(term.part(self._tiling, tile).value(part) for term in self._of_features),
        ]

    def _differentiated(self, image: Tensor, totals: list[Tensor]) -> tuple[dict[str, Tensor], list[Tensor]]:
        """Each term, weighted, from the sums over the whole image; the gradient of their sum in those sums."""
        leaves = [total.detach().requires_grad_(True) for total in totals]
        with torch.enable_grad():
            terms = self._values(image, leaves)
            loss = torch.stack(list(terms.values())).sum()
            slopes = torch.autograd.grad(loss, leaves, materialize_grads=True)
        return {name: value.detach() for name, value in terms.items()}, list(slopes)

    def _values(self, image: Tensor, sums: Sequence[Tensor]) -> dict[str, Tensor]:
        count = 3 * len(self._summed)
        moments = [Moments(*sums[i : i + 3]) for i in range(0, count, 3)]
        seen = Seen(image, sums=dict(zip(self._summed, moments, strict=True)))
        pairs = zip(self._of_features, sums[count:], strict=True)
        return {term.name: term.weight * value for term, value in pairs} | {
            term.name: weighted(term, seen) for term in self._of_sums
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


def _check_additive(term: Term) -> None:
    """Raise UsageError if the values of a term's parts do not add up to its own, or if it needs more than features."""
    needs = term.needs
    if not getattr(term, "additive", False) or needs.sums or needs.pixels:
        raise UsageError(
            f"The term {term.name} cannot be evaluated in tiles: its parts do not add up to the whole. "
            "Choose a smaller --size, or allow more --memory."
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
