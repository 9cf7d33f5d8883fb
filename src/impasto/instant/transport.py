"""How features are taken to a style's statistics: the optimal-transport map between Gaussians, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.statistics import Moments, exactly, position_rows

# Of the mean variance, and of the mean square, added to the variance of every direction: what hardly varies is not
# blown up without limit, and sums of a nearly flat picture are only as precise as their numbers.
RIDGE, ROUNDING = 0.01, 1e-4
SMALLEST = 1e-12  # eigenvalue
BOUND = 1.0  # typical distances from the mean: what lies farther out is held back
FARTHER = 0.2  # by how much what lies e times as far may exceed the bound

Roots = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Affine:
    """f -> `matrix` f + `offset` at every position.  Shape: (N, C, C), (N, C)."""

    matrix: Tensor
    offset: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """Shape: (N, C, H, W), or (1, C, H, W) for N maps of one picture -> (N, C, H, W)."""
        rows = position_rows(features) @ self.matrix.mT.to(features) + self.offset[:, None].to(features)
        return rows.view(len(rows), *features.shape[-2:], -1).permute(0, 3, 1, 2)

    def part(self, amount: Tensor) -> Affine:
        """Only part of the way: `amount`, (N,), is 0 for the identity and 1 for all of it."""
        same = torch.eye(self.matrix.shape[-1], device=self.matrix.device, dtype=self.matrix.dtype)
        return Affine(same + amount[:, None, None] * (self.matrix - same), self.offset * amount[:, None])

    def times(self, factor: Tensor) -> Affine:
        """What it gives, times `factor`, (N,)."""
        return Affine(self.matrix * factor[:, None, None], self.offset * factor[:, None])


@dataclass(frozen=True)
class Held:
    """Pulls features that lie far from their mean back towards it, along the line between them.

    Distances are in units of typical ones, in all directions alike: |`whitening` (f - `mean`)| / C^1/2. A photograph is
    plain but for a few edges, a painting busy everywhere; the map that makes such features as busy as the painting's
    makes more of those edges than any painting has, which is seen as rims of light. `amount`, (N,), of the way.

    Shape: mean (N, C), whitening (N, C, C).
    """

    mean: Tensor
    whitening: Tensor
    amount: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """Shape: (N, C, H, W), or (1, C, H, W) for N parts of one picture -> (N, C, H, W)."""
        mean = self.mean[:, None].to(features)
        rows = position_rows(features) - mean
        distance = (rows @ self.whitening.mT.to(features)).square().mean(-1, keepdim=True).sqrt()
        farther = (distance / BOUND).clamp_min(1)
        held = (1 + FARTHER * farther.log()) / farther
        rows = mean + rows * torch.lerp(torch.ones_like(held), held, self.amount[:, None, None].to(features))
        return rows.view(len(rows), *features.shape[-2:], -1).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Origin:
    """Where features come from: their mean, and the root of their covariance with its inverse, in float64.

    `roots` finds the roots of matrices, none of whose eigenvalues are below a least one.

    Shape: mean (N, C), root (N, C, C), inverse (N, C, C).
    """

    mean: Tensor
    root: Tensor
    inverse: Tensor
    roots: Roots

    @classmethod
    def of(cls, moments: Moments, roots: Roots | None = None) -> Origin:
        """That of features with these moments; roots are found by eigenvalues, or as `roots` does."""
        roots = roots or roots_by_eigenvalues
        return cls(moments.mean, *roots(*_raised(moments)), roots)

    def held(self, amount: Tensor) -> Held:
        """What holds its features back, `amount`, (N,), of the way."""
        return Held(self.mean, self.inverse.to(self.mean), amount)

    def to(self, target: Moments) -> Affine:
        """The map that gives its features mean and covariance of `target`, and moves them least: optimal transport.

        A = S^-1/2 (S^1/2 T S^1/2)^1/2 S^-1/2.  It is the identity if both are the same.

        Reference: Olkin & Pukelsheim 1982; whitening and coloring in this form: Lu et al. 2019, "A Closed-Form Solution
        to Universal Style Transfer".  Differs: both covariances are raised a little.
        """
        covariance, least = _raised(target)
        inner, _ = self.roots(self.root @ covariance @ self.root, torch.full_like(least, SMALLEST))
        matrix = (self.inverse @ inner @ self.inverse).to(self.mean)
        offset = target.mean - (matrix @ self.mean[..., None])[..., 0]
        return Affine(matrix, offset)


def roots_by_eigenvalues(matrix: Tensor, least: Tensor) -> tuple[Tensor, Tensor]:
    """The symmetric root and its inverse of matrices with no eigenvalue below `least`.  Shape: (N, C, C), (N,)."""
    values, vectors = torch.linalg.eigh(matrix)
    values = values.maximum(least[:, None])[..., None, :]
    root, inverse = (vectors * values**power @ vectors.mT for power in (0.5, -0.5))
    return root, inverse


def _raised(moments: Moments) -> tuple[Tensor, Tensor]:
    """A covariance, every direction's variance raised a little; and by how much.  Shape: (N, C, C), (N,), float64."""
    precise = Moments(*(exactly(each) for each in (moments.count, moments.first, moments.second)))
    mean_square = precise.gram.diagonal(dim1=1, dim2=2).mean(1)
    amount = RIDGE * precise.variance.mean(1) + ROUNDING * mean_square + 1e-8
    same = torch.eye(precise.first.shape[1], dtype=torch.float64, device=precise.first.device)
    return precise.covariance + amount[:, None, None] * same, amount
