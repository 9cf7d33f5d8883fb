"""A run that is ready to start: its problem, and the plan that was made for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from PIL import Image
from torch import Tensor

from impasto.devices import describe_device
from impasto.encoders.chain import ChainEncoder
from impasto.engine import Problem, Step, iterate
from impasto.images import resize, to_pil
from impasto.presets import Preset
from impasto.schedule import Level
from impasto.solvers import LBFGS, Solver


@dataclass(frozen=True)
class Plan:
    """What a run will do, settled before it starts."""

    recipe: Preset
    encoder: ChainEncoder = field(repr=False)
    solver: Solver
    levels: tuple[Level, ...]
    notes: tuple[str, ...] = ()

    @property
    def device(self) -> torch.device:
        """Where the features are computed."""
        return self.encoder.device

    @property
    def dtype(self) -> torch.dtype:
        """The number format of features."""
        return self.encoder.dtype

    @property
    def evaluations(self) -> int:
        """Evaluations in all."""
        return sum(level.iterations for level in self.levels)

    @property
    def memory(self) -> int:
        """Estimated bytes at the largest level: activations kept for the gradient, statistics and solver state."""
        last = self.levels[-1]
        pixels = last.height * last.width
        per_pixel = sum(
            layer.channels / layer.stride**2 for name, layer in self.encoder.layers.items() if name in self._used
        )
        activations = 2.2 * per_pixel * self.dtype.itemsize * pixels
        return round(activations + pixels * 3 * 4 * (12 + 2 * _history(self.solver)))

    @property
    def _used(self) -> frozenset[str]:
        """Every link of the chain up to the deepest layer that is asked for."""
        names = list(self.encoder.layers)
        asked = [names.index(n) for n in (*self.recipe.content_layers, *self.recipe.style_layers)]
        return frozenset(names[: max(asked, default=-1) + 1])

    def summary(self) -> dict[str, str]:
        """The plan in words, in the order a reader wants it."""
        recipe, last = self.recipe, self.levels[-1]
        sizes = ", ".join(f"{level.width}x{level.height} ({level.iterations})" for level in self.levels)
        return {
            "preset": recipe.name,
            "encoder": f"{self.encoder.name} ({self.encoder.pooling} pooling, {self.encoder.padding} padding)",
            "device": describe_device(self.device),
            "dtype": str(self.dtype).removeprefix("torch."),
            "size": f"{last.width}x{last.height}",
            "levels": sizes,
            "evaluations": str(self.evaluations),
            "solver": str(self.solver),
            "content layers": ", ".join(recipe.content_layers),
            "style layers": ", ".join(recipe.style_layers),
            "style losses": " + ".join(loss.__name__.replace("_", " ") for loss in recipe.style_losses),
            "memory": f"about {self.memory / 2**20:.0f} MB beside the program itself",
        }


@dataclass(frozen=True)
class Run:
    """A task that is ready: its pictures are read, its network loaded, its plan made.

    Iterating runs it, one `Step` per evaluation; a second iteration runs it again from the start. `transparency` is
    that of the content, at its own size: (1, 1, H, W), or None.
    """

    problem: Problem = field(repr=False)
    plan: Plan
    transparency: Tensor | None = field(default=None, repr=False)

    def __iter__(self) -> Iterator[Step]:
        return iterate(self.problem, self.plan.solver, self.plan.levels)

    def alpha(self) -> Tensor | None:
        """The content's transparency at the size of the result.  Shape: (1, 1, H, W)."""
        if self.transparency is None:
            return None
        last = self.plan.levels[-1]
        return resize(self.transparency, last.height, last.width)

    def picture(self) -> Image.Image:
        """Run to the end; the result as a PIL image."""
        image = None
        for step in self:
            image = step.image
        assert image is not None
        return to_pil(image, self.alpha())


def _history(solver: Solver) -> int:
    """Images that a solver keeps two of per iteration remembered."""
    inner = getattr(solver, "solver", solver)
    inner = getattr(inner, "solver", inner)
    return inner.history if isinstance(inner, LBFGS) else 2
