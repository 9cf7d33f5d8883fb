"""How alike two networks see: a small one's features beside a large one's at the same positions.

Gram distances depend on features through their inner products alone: <G_a, G_b> is the sum, over the positions of a and
those of b, of squared inner products. So two networks whose inner products agree, up to one factor, measure style alike,
whatever their channels. `disagreement` is 1 less the cosine between the two matrices of inner products, of which nothing
larger than channels x channels is ever made. Of centered features it is 1 less the linear CKA of Kornblith et al. 2019.
"""

from __future__ import annotations

import torch
from torch import Tensor


def disagreement(products: Tensor, mixed: Tensor, others: Tensor) -> Tensor:
    """1 - cos(a a^T, b b^T), of a^T a, a^T b and b^T b.  Shape: (c, c), (c, d), (d, d) -> ()."""
    return 1 - mixed.square().sum() / (products.norm() * others.norm()).clamp_min(1e-12)


def disagreements(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """`disagreement` of features as they are, and centered.  Shape: (positions, c), (positions, d) -> (), ()."""
    sums = (a.mT @ a, a.mT @ b, b.mT @ b)
    mean_a, mean_b, count = a.mean(0), b.mean(0), len(a)
    means = (mean_a.outer(mean_a), mean_a.outer(mean_b), mean_b.outer(mean_b))
    return disagreement(*sums), disagreement(*(s - count * m for s, m in zip(sums, means, strict=True)))


def centered(features: Tensor) -> Tensor:
    """Less their mean over positions.  Shape: (positions, channels)."""
    return features - features.mean(0)


def linear_map(source: Tensor, target: Tensor, ridge: float = 1e-4) -> tuple[Tensor, Tensor]:
    """The weight and bias of the linear map that brings `source` nearest to `target`.

    Shape: (positions, c), (positions, d) -> (c, d), (d,).
    """
    x, y = centered(source).double(), centered(target).double()
    gram = x.mT @ x
    gram.diagonal().add_(ridge * gram.diagonal().mean())
    weight = torch.linalg.solve(gram, x.mT @ y)
    return weight.float(), (target.double().mean(0) - source.double().mean(0) @ weight).float()


def unexplained(source: Tensor, target: Tensor, weight: Tensor, bias: Tensor) -> float:
    """1 - R^2 of a linear map, over all channels together.  Shape: (positions, c), (positions, d), (c, d), (d,)."""
    left = (target - source @ weight - bias).square().sum()
    return float(left / centered(target).square().sum())
