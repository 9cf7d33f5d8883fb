"""How features are taken to a style's statistics: the optimal-transport map between Gaussians, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.statistics import Moments, position_rows

# Of the mean variance, and of the mean square, added to the variance of every direction: what hardly varies is not
# blown up without limit, and sums of a nearly flat picture are only as precise as their numbers.
RIDGE, ROUNDING = 0.01, 1e-4


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
        return Affine(torch.lerp(same, self.matrix, amount[:, None, None]), self.offset * amount[:, None])


def transport(source: Moments, target: Moments) -> Affine:
    """The map that gives features of mean and covariance `source` those of `target`, and moves them least.

    A = S^-1/2 (S^1/2 T S^1/2)^1/2 S^-1/2.  It is the identity if both are the same.

    Reference: Olkin & Pukelsheim 1982; whitening and coloring in this form: Lu et al. 2019, "A Closed-Form Solution to
    Universal Style Transfer".  Differs: both covariances are raised a little.
    """
    (s, least), (t, _) = _raised(source), _raised(target)
    values, vectors = torch.linalg.eigh(s)
    values = values.maximum(least[:, None])[..., None, :]
    root, inverse = (vectors * values**power @ vectors.mT for power in (0.5, -0.5))
    inner, axes = torch.linalg.eigh(root @ t @ root)
    matrix = inverse @ (axes * inner.clamp_min(0).sqrt()[..., None, :] @ axes.mT) @ inverse
    offset = target.mean.to(matrix) - (matrix @ source.mean.to(matrix)[..., None])[..., 0]
    return Affine(matrix, offset)


def _raised(moments: Moments) -> tuple[Tensor, Tensor]:
    """A covariance, every direction's variance raised a little; and by how much.  Shape: (N, C, C), (N,)."""
    covariance, mean_square = moments.covariance.cpu(), moments.gram.diagonal(dim1=1, dim2=2).cpu().mean(1)
    amount = RIDGE * moments.variance.cpu().mean(1) + ROUNDING * mean_square + 1e-8
    return covariance + amount[:, None, None] * torch.eye(covariance.shape[-1], dtype=covariance.dtype), amount
