"""What is minimised: a weighted sum of terms, with its gradient with respect to the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from impasto.encoders.base import Encoder, Sums, sums_and_features
from impasto.errors import UsageError
from impasto.losses import ContentTerm, StyleTerm, Term
from impasto.statistics import Moments


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


class FeatureObjective:
    """The sum of content, style and image terms over one encoder: one forward, one backward, one picture.

    Raises:
        UsageError: there is no term.
    """

    def __init__(self, encoder: Encoder, terms: Sequence[Term]):
        if not terms:
            raise UsageError("Nothing to optimise: the weight of every term is 0. Raise one of them.")
        self._encoder = encoder
        self._terms = tuple(terms)
        self._summed = tuple(dict.fromkeys(Sums(term.layer) for term in terms if isinstance(term, StyleTerm)))
        self._layers = tuple(dict.fromkeys(term.layer for term in terms if isinstance(term, ContentTerm)))

    def evaluate(self, image: Tensor) -> Evaluation:
        """Value and gradient at `image`.  Shape: (N, 3, H, W), sRGB, left as it is."""
        x = image.detach().requires_grad_(True)
        with torch.enable_grad():
            terms = self._values(x, *sums_and_features(self._encoder, x, self._summed, self._layers))
            loss = torch.stack(list(terms.values())).sum()
            (grad,) = torch.autograd.grad(loss, x)
        return Evaluation(loss.detach(), grad, {name: value.detach() for name, value in terms.items()})

    def _values(self, image: Tensor, sums: dict[Sums, Moments], features: dict[str, Tensor]) -> dict[str, Tensor]:
        """Each term at the image, weighted.  A layer's moments are summed once, however many terms look at it."""
        values: dict[str, Tensor] = {}
        for term in self._terms:
            if isinstance(term, ContentTerm):
                f = features[term.layer]
                value = term.loss(f.to(term.target.dtype), term.target)
            elif isinstance(term, StyleTerm):
                value = term.loss(sums[Sums(term.layer)], term.target)
            else:
                value = term.loss(image)
            values[term.name] = term.weight * value
        return values
