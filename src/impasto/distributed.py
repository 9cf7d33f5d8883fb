"""One picture made by several processes, on one machine or many: each evaluates some of the tiles and moves a strip.

Sums over positions are added up over all (see `tiled`), so every process knows the same loss and gradient, to the bit.
The solver's memory, which is many times the picture, is cut into strips: each process keeps its own, and inner products
are sums over all. The picture and its gradient are whole everywhere, 24 bytes per pixel.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import ProcessError, UsageError
from impasto.solvers import LBFGS, LBFGSState, Solver, ValueAndGrad, dot
from impasto.tiling import Tile

S = TypeVar("S", bound=Solver)


def launched() -> bool:
    """Whether `torchrun`, or what sets the same variables, started this process beside others."""
    return "RANK" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


@dataclass(frozen=True)
class Processes:
    """This process and those that `torchrun` started with it (a `tiling.Team`): it is number `rank` of `size`."""

    rank: int
    size: int

    def share(self, tiles: Sequence[Tile]) -> Sequence[Tile]:
        """The tiles that are evaluated here, a run of neighbours.

        Raises:
            UsageError: there are fewer tiles than processes.
        """
        if len(tiles) < self.size:
            raise UsageError(
                f"The picture has {len(tiles)} tiles at its smallest size, too few for {self.size} processes. "
                "Start fewer, or choose a larger --size."
            )
        return tiles[len(tiles) * self.rank // self.size : len(tiles) * (self.rank + 1) // self.size]

    def total(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """Each of `parts`, of one format, added up over all processes."""
        flat = torch.cat([part.detach().reshape(-1) for part in parts])
        with _met():
            dist.all_reduce(flat)
        pieces = torch.split(flat, [part.numel() for part in parts])
        return [piece.view(part.shape) for piece, part in zip(pieces, parts, strict=True)]

    def dot(self, a: Tensor, b: Tensor) -> Tensor:
        """The inner product of two images of which each process has a strip."""
        local = dot(a, b).to(_reduced_on(a.device)).double()
        with _met():
            dist.all_reduce(local)
        return local.to(a)

    def least(self, values: Sequence[int]) -> list[int]:
        """Each of `values` as small as any process has it."""
        found = torch.tensor(values, device=_reduced_on(_own_device()))
        with _met():
            dist.all_reduce(found, dist.ReduceOp.MIN)
        return [int(value) for value in found.tolist()]

    def strip(self, image: Tensor) -> Tensor:
        """This process's rows.  Shape: (N, C, H, W) -> (N, C, h, W)."""
        rows = self._rows(image.shape[-2])
        return image[..., rows * self.rank : rows * (self.rank + 1), :].contiguous()

    def whole(self, strip: Tensor, height: int) -> Tensor:
        """The image of `height` rows of which each process has a strip."""
        rows = self._rows(height)
        padded = F.pad(strip, (0, 0, 0, rows - strip.shape[-2])).contiguous()
        strips = [torch.empty_like(padded) for _ in range(self.size)]
        with _met():
            dist.all_gather(strips, padded)
        return torch.cat(strips, -2)[..., :height, :].contiguous()

    def _rows(self, height: int) -> int:
        return -(-height // self.size)


@contextmanager
def processes() -> Iterator[Processes]:
    """Meet the other processes that `torchrun` started.

    Raises:
        UsageError: there are none.
    """
    if not launched():
        raise UsageError("There is only this process; start several with torchrun.")
    if torch.cuda.is_available():
        torch.cuda.set_device(_own_device())
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Processes(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


@contextmanager
def _met() -> Iterator[None]:
    """The block meets the other processes.

    Raises:
        ProcessError: one of them is not there.
    """
    try:
        yield
    except RuntimeError as problem:
        raise ProcessError(
            "Another process of this run is gone, or cannot be reached. Start all of them again."
        ) from problem


def _own_device() -> torch.device:
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if torch.cuda.is_available() else _CPU


def _reduced_on(device: torch.device) -> torch.device:
    """Where numbers must lie to be reduced: MPS has no float64, and NCCL wants its own device."""
    return device if device.type == "cuda" else _CPU


_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Strips:
    """Another solver whose state is cut into strips; its images are whole."""

    solver: Solver
    team: Processes

    def __str__(self) -> str:
        return f"{self.solver} on {self.team.size} processes"

    def init(self, image: Tensor) -> Any:
        """The wrapped solver's state for this process's strip."""
        return self.solver.init(self.team.strip(image))

    def step(self, value_and_grad: ValueAndGrad, image: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The wrapped solver's step."""
        height = image.shape[-2]

        def at_strip(strip: Tensor) -> tuple[Tensor, Tensor]:
            value, grad = value_and_grad(self.team.whole(strip, height))
            return value, self.team.strip(grad)

        moved, state = self.solver.step(at_strip, self.team.strip(image), state)
        return self.team.whole(moved, height), state

    def rescale(self, state: Any, image: Tensor) -> Any:
        """The wrapped solver's, which looks beyond the borders of a strip."""
        heights = [torch.tensor([float(strip.shape[-2])]) for strip in _images(state)[:1]]
        if not heights:
            return self.solver.rescale(state, self.team.strip(image))
        height = int(self.team.total(heights)[0])
        whole = _mapped(state, lambda strip: self.team.whole(strip, height))
        return _mapped(self.solver.rescale(whole, image), self.team.strip)

    def result(self, image: Tensor, state: Any) -> Tensor:
        """The wrapped solver's result, whole."""
        return self.team.whole(self.solver.result(self.team.strip(image), state), image.shape[-2])


def in_strips(solver: Solver, team: Processes) -> Strips:
    """`solver` on a team."""
    return Strips(_with_dot(solver, team.dot), team)


def _with_dot(solver: S, inner: Callable[[Tensor, Tensor], Tensor]) -> S:
    """The same solver, wrapped ones included, with another inner product."""
    changes: dict[str, Any] = {"dot": inner} if isinstance(solver, LBFGS) else {}
    if hasattr(solver, "solver"):
        changes["solver"] = _with_dot(solver.solver, inner)
    return replace(solver, **changes)  # type: ignore[type-var]  # every solver is a dataclass


def _mapped(state: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """A solver's state with its images changed. L-BFGS carries nothing to another size, so its are left alone."""
    if isinstance(state, Tensor):
        return change(state)
    if isinstance(state, LBFGSState) or not is_dataclass(state):
        return state
    return replace(state, **{f.name: _mapped(getattr(state, f.name), change) for f in fields(state)})  # type: ignore[type-var]


def _images(state: Any) -> list[Tensor]:
    """What `_mapped` changes."""
    found: list[Tensor] = []
    _mapped(state, lambda image: found.append(image) or image)  # type: ignore[func-returns-value]
    return found
