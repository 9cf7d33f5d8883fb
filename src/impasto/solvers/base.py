"""What a solver is: it sees an image and a function for (loss, gradient), never a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from torch import Tensor

ValueAndGrad = Callable[[Tensor], tuple[Tensor, Tensor]]
Change = Callable[[Tensor], Tensor]
S = TypeVar("S", bound="Solver")


class Solver(Protocol):
    """`state` is whatever `init` made; it belongs to one image size."""

    def init(self, image: Tensor) -> Any:
        """The state before the first step."""
        ...

    def step(self, value_and_grad: ValueAndGrad, image: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Evaluate at `image` once; the next image and state."""
        ...

    def rescale(self, state: Any, image: Tensor) -> Any:
        """The state to go on with at `image`, the same picture at another size."""
        ...

    def result(self, image: Tensor, state: Any) -> Tensor:
        """The image to show or keep after a step that gave `image` and `state`."""
        ...
