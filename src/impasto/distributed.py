"""One picture made by several processes, on one machine or many: each evaluates some of the tiles and moves a strip.

Sums over positions are added up over all (see `tiled`), so every process knows the same loss and gradient, to the bit.
The solver's memory, which is many times the picture, is cut into strips: each process keeps its own, and inner products
are sums over all. The picture and its gradient are whole everywhere, 24 bytes per pixel.

Tests run on CPUs, where processes talk by gloo. Of CUDA they see only which devices and backends are asked for: that
NCCL adds up over several GPUs, and how it tells that a process is gone, is untested.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import PartError, TeamError, UsageError
from impasto.solvers import Solver, ValueAndGrad, changed, dot
from impasto.tiling import Tile
from impasto.torchrun import launched, local_rank

PATIENCE = timedelta(minutes=10)  # for one answer: longer than any process's share of an evaluation or of loading takes


@contextmanager
def _answered() -> Iterator[None]:
    """The block speaks with the other processes.

    Raises:
        TeamError: one of them does not answer.
    """
    try:
        yield
    except RuntimeError as error:  # of gloo as it is, of NCCL a subclass
        reason = str(error).partition("\n")[0]
        raise TeamError(f"Another process of this run is gone ({reason}). Start all of them again.") from error


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
        with _answered():
            dist.all_reduce(flat)
        pieces = torch.split(flat, [part.numel() for part in parts])
        return [piece.view(part.shape) for piece, part in zip(pieces, parts, strict=True)]

    def dot(self, a: Tensor, b: Tensor) -> Tensor:
        """The inner product of two images of which each process has a strip."""
        spoken_on = a.device if a.device.type == "cuda" else "cpu"  # gloo and NCCL take nothing on other accelerators
        return self.total([dot(a, b).to(spoken_on).double()])[0].to(a)

    def least(self, values: Sequence[int]) -> list[int]:
        """Each of `values` as small as any process has it."""
        found = torch.tensor(values)
        with _answered():
            dist.all_reduce(found, dist.ReduceOp.MIN)
        return list(map(int, found.tolist()))

    @contextmanager
    def agreeing(self) -> Iterator[None]:
        """A block that every process goes through, and that fails in all of them if it fails in one.

        Raises:
            Exception: what the block raises in the first process.
            PartError: the block fails here, and in no process before this one.
            TeamError: it fails in another, which tells why.
        """
        problem = None
        try:
            yield
        except Exception as error:
            problem = error
        try:
            (failed,) = self.least([self.rank if problem else self.size])
        except TeamError as gone:
            raise problem or gone from None
        if problem and failed == self.rank:
            if self.rank == 0:
                raise problem
            raise PartError(f"Process {self.rank + 1} of {self.size} cannot do its part: {problem}") from problem
        if failed < self.size:
            raise TeamError(f"Process {failed + 1} of {self.size} cannot do its part, and says why.") from problem

    def strip(self, image: Tensor) -> Tensor:
        """This process's rows.  Shape: (N, C, H, W) -> (N, C, h, W)."""
        rows = self._rows(image.shape[-2])
        return image[..., rows * self.rank : rows * (self.rank + 1), :].contiguous()

    def whole(self, strip: Tensor, height: int) -> Tensor:
        """The image of `height` rows of which each process has a strip."""
        rows = self._rows(height)
        padded = F.pad(strip, (0, 0, 0, rows - strip.shape[-2])).contiguous()
        strips = [torch.empty_like(padded) for _ in range(self.size)]
        with _answered():
            dist.all_gather(strips, padded)
        return torch.cat(strips, -2)[..., :height, :].contiguous()

    def joined(self, strip: Tensor) -> Tensor:
        """The image, whatever its height, of which each process has a strip."""
        (height,) = self.total([torch.tensor(strip.shape[-2])])
        return self.whole(strip, int(height))

    def _rows(self, height: int) -> int:
        return -(-height // self.size)


@contextmanager
def processes(patience: timedelta = PATIENCE) -> Iterator[Processes]:
    """Meet the other processes that `torchrun` started.

    One whose connection breaks is missed at once; one that merely falls silent, as when its machine loses power, after
    `patience`.

    Raises:
        UsageError: there are none.
        TeamError: they do not come, or one of them does not answer later.
    """
    if not launched():
        raise UsageError("There is only this process; start several with torchrun.")
    with _answered():
        dist.init_process_group(_backend(), timeout=patience)
    try:
        yield Processes(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def _backend() -> str:
    """Gloo for tensors in main memory, and NCCL for those on GPUs, with this process's own GPU as the current one."""
    rank = local_rank()
    if not torch.cuda.is_available() or rank is None or rank >= torch.cuda.device_count():
        return "gloo"
    torch.cuda.set_device(rank)
    os.environ.setdefault("TORCH_NCCL_BLOCKING_WAIT", "1")  # or NCCL ends who waits in vain, picture and all
    return "cpu:gloo,cuda:nccl"


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
        return self.solver.rescale(state.mapped(self.team.joined), image).mapped(self.team.strip)

    def result(self, image: Tensor, state: Any) -> Tensor:
        """The wrapped solver's result, whole."""
        return self.team.whole(self.solver.result(self.team.strip(image), state), image.shape[-2])


def in_strips(solver: Solver, team: Processes) -> Strips:
    """`solver` on a team."""
    return Strips(changed(solver, "dot", lambda _: team.dot), team)
