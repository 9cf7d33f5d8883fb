"""Solvers that follow the gradient by its running means: Adam, RMSprop, SGD."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.solvers.base import Change, ValueAndGrad


@dataclass(frozen=True)
class FirstOrderState:
    """Steps done, and running means of the gradient (`first`) and its square (`second`), shaped like the image."""

    steps: int
    first: Tensor
    second: Tensor

    def mapped(self, change: Change) -> FirstOrderState:
        """The state with `change` applied to its images."""
        return FirstOrderState(self.steps, change(self.first), change(self.second))


Stepped = tuple[Tensor, FirstOrderState]  # the next image and state


class _FirstOrder:
    """What Adam, RMSprop and SGD share: their state, and how it grows with the picture."""

    def init(self, image: Tensor) -> FirstOrderState:
        """Zero moments."""
        return FirstOrderState(0, torch.zeros_like(image), torch.zeros_like(image))

    def rescale(self, state: FirstOrderState, image: Tensor) -> FirstOrderState:
        """Moments resampled to the new size, so that the next level starts warm (Crowson 2021)."""
        size = image.shape[-2:]
        first = F.interpolate(state.first, size=size, mode="bilinear", align_corners=False)
        second = F.interpolate(state.second, size=size, mode="bilinear", align_corners=False).clamp_min_(0)
        return replace(state, first=first, second=second)

    def result(self, image: Tensor, state: FirstOrderState) -> Tensor:
        """The image itself."""
        return image


@dataclass(frozen=True)
class Adam(_FirstOrder):
    """x -= lr * m / (sqrt(v) + epsilon), with bias-corrected m and v.

    Reference: Kingma & Ba 2015, algorithm 1.
    """

    lr: float = 0.02
    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-8

    def step(self, value_and_grad: ValueAndGrad, image: Tensor, state: FirstOrderState) -> Stepped:
        """One evaluation, one update."""
        _, grad = value_and_grad(image)
        steps = state.steps + 1
        first = torch.lerp(state.first, grad, 1 - self.beta1)
        second = torch.lerp(state.second, grad.square(), 1 - self.beta2)
        root = (second / (1 - self.beta2**steps)).sqrt_().add_(self.epsilon)
        moved = image - self.lr / (1 - self.beta1**steps) * first / root
        return moved, FirstOrderState(steps, first, second)


@dataclass(frozen=True)
class RMSprop(_FirstOrder):
    """v = rho v + (1 - rho) g^2;  x -= lr * g / sqrt(v + epsilon), as Keras computes it.

    `epsilon_placement="outside"` gives lr * g / (sqrt(v) + epsilon), as PyTorch does.
    Reference: Tieleman & Hinton 2012, lecture 6.5.
    """

    lr: float = 1e-3
    rho: float = 0.9
    epsilon: float = 1e-7
    epsilon_placement: Literal["inside", "outside"] = "inside"

    def step(self, value_and_grad: ValueAndGrad, image: Tensor, state: FirstOrderState) -> Stepped:
        """One evaluation, one update."""
        _, grad = value_and_grad(image)
        second = torch.lerp(state.second, grad.square(), 1 - self.rho)
        root = (second + self.epsilon).sqrt() if self.epsilon_placement == "inside" else second.sqrt() + self.epsilon
        return image - self.lr * grad / root, replace(state, steps=state.steps + 1, second=second)


@dataclass(frozen=True)
class SGD(_FirstOrder):
    """x -= lr * decay^(step / decay_steps) * g, the decay continuous, as Keras's ExponentialDecay."""

    lr: float = 1.0
    decay: float = 1.0
    decay_steps: int = 100

    def step(self, value_and_grad: ValueAndGrad, image: Tensor, state: FirstOrderState) -> Stepped:
        """One evaluation, one update."""
        _, grad = value_and_grad(image)
        rate = self.lr * self.decay ** (state.steps / self.decay_steps)
        return image - rate * grad, replace(state, steps=state.steps + 1)
