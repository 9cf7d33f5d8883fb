"""Muon: momentum whose matrix is replaced by the nearest orthogonal one (Jordan et al. 2024), for convolution weights."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def orthogonalised(matrix: Tensor, iterations: int = 5) -> Tensor:
    """About U V^T of the singular value decomposition, by a quintic Newton-Schulz iteration.  Shape: (m, n) -> (m, n)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix / (matrix.norm() + 1e-7)
    if flip := x.shape[0] > x.shape[1]:
        x = x.T
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if flip else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised.  Each update of a (rows, columns) weight has row norms of about `lr`."""

    def __init__(self, params: Iterable[nn.Parameter], lr: float = 0.02, momentum: float = 0.95):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                buffer = self.state[p].setdefault("momentum_buffer", torch.zeros_like(p))
                buffer.lerp_(p.grad, 1 - group["momentum"])
                direction = p.grad.lerp(buffer, group["momentum"]).flatten(1)
                update = orthogonalised(direction) * max(1.0, direction.shape[0] / direction.shape[1]) ** 0.5
                p.add_(update.view_as(p), alpha=-group["lr"])
