"""What is minimised: a weighted sum of terms, with its gradient with respect to the picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from impasto.encoders.base import Encoder, sums_and_features
from impasto.errors import UsageError
from impasto.terms import Seen, Term


@dataclass(frozen=True)
class Evaluation:
    """The objective at one image.  `loss` and each of `terms` (weighted, so that they add up to it) are 0-dimensional
    tensors without grad; `grad` has the image's shape.
    """

    loss: Tensor
    grad: Tensor
    terms: dict[str, Tensor]


class Objective(Protocol):
    """Anything with a value and a gradient."""

    def evaluate(self, image: Tensor) -> Evaluation:
        """Value and gradient at `image`.  Shape: (N, 3, H, W), left as it is."""
        ...


class WholeObjective:
    """The sum of terms over one encoder: one forward, one backward, one picture.

    Raises:
        UsageError: there is no term, or two of one name.
    """

    def __init__(self, encoder: Encoder, terms: Sequence[Term]):
        check_terms(terms)
        self._encoder = encoder
        self._terms = tuple(terms)
        # A layer is summed once, however many terms look at it.
        self._summed = tuple(dict.fromkeys(each for term in terms for each in term.needs.sums))
        self._layers = tuple(dict.fromkeys(layer for term in terms for layer in term.needs.features))

    def evaluate(self, image: Tensor) -> Evaluation:
        """Value and gradient at `image`.  Shape: (N, 3, H, W), sRGB, left as it is."""
        x = image.detach().requires_grad_(True)
        with torch.enable_grad():
            seen = Seen(x, *sums_and_features(self._encoder, x, self._summed, self._layers))
            terms = {term.name: weighted(term, seen) for term in self._terms}
            loss = torch.stack(list(terms.values())).sum()
            (grad,) = torch.autograd.grad(loss, x)
        return Evaluation(loss.detach(), grad, {name: value.detach() for name, value in terms.items()})


def weighted(term: Term, seen: Seen) -> Tensor:
    """A term's value at what is seen, times its weight.

    Raises:
        UsageError: it is no number.
    """
    value = term.value(seen)
    if getattr(value, "ndim", None) != 0:
        raise UsageError(f"The term {term.name} gave {value!r}; its value must be a tensor of no dimensions.")
    return term.weight * value


def check_terms(terms: Sequence[Term]) -> None:
    """Raise UsageError if there is no term, or if two have one name: records could not tell them apart."""
    if not terms:
        raise UsageError("Nothing to optimise: the weight of every term is 0. Raise one of them.")
    name, count = Counter(term.name for term in terms).most_common(1)[0]
    if count > 1:
        raise UsageError(f"{count} terms are called {name!r}; give each a name of its own.")
