"""A run that is ready to start: its problem, and the plan that was made for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from impasto.devices import describe_device, has_own_memory
from impasto.distributed import Processes, in_strips
from impasto.encoders.chain import ChainEncoder
from impasto.engine import NotFiniteError, Snapshot, Step, iterate
from impasto.footprint import PICTURE, Work, history, with_history
from impasto.images import resize, to_pil
from impasto.memory import in_words, keep_freed
from impasto.plan import Estimate, choose
from impasto.presets import Preset
from impasto.schedule import Level
from impasto.solvers import Solver, cautious
from impasto.tasks.problem import TransferProblem

RESTARTS = 3
SHORTER = 0.1


@dataclass(frozen=True)
class Plan:
    """What a run will do, settled before it starts."""

    recipe: Preset
    encoder: ChainEncoder = field(repr=False)
    solver: Solver
    levels: tuple[Level, ...]
    notes: tuple[str, ...] = ()
    estimate: Estimate | None = None

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
            "evaluations": f"at most {self.evaluations}" if recipe.until else str(self.evaluations),
            "solver": str(self.solver),
            "content layers": ", ".join(recipe.content_layers),
            "style layers": ", ".join(recipe.style_layers),
            "style losses": " + ".join(loss.__name__.replace("_", " ") for loss in recipe.style_losses),
        } | self._expected()

    @property
    def memory(self) -> int:
        """The most bytes that the process is expected to take; 0 if nobody estimated."""
        return self.estimate.memory if self.estimate else 0

    def keep_freed(self) -> None:
        """Have the C library keep freed memory as suits this run; in tiles, not that of whole pictures."""
        last = self.levels[-1]
        keep_freed(*([PICTURE * last.height * last.width] if last.tile else []))

    def _expected(self) -> dict[str, str]:
        if self.estimate is None:
            return {}
        whole, taken = in_words(self.estimate.memory), in_words(self.estimate.memory - self.estimate.resident)
        return {"memory": f"about {whole}, {taken} of it for the run", "time": f"about {self.estimate.seconds:.0f} s"}


@dataclass(frozen=True)
class Run:
    """A task that is ready: its pictures are read, its network loaded, its plan made.

    Iterating runs it, one `Step` per evaluation; a second iteration runs it again from the start. `transparency` is
    that of the content, at its own size: (1, 1, H, W), or None. `careful` makes the same run with float32 features.
    `start` is where it begins, None for the problem's own beginning. `record` is what was asked for, as JSON: see
    `tasks.provenance`. `team` is who runs it, None for this process alone.
    """

    problem: TransferProblem = field(repr=False)
    plan: Plan
    transparency: Tensor | None = field(default=None, repr=False)
    careful: Callable[[], Run] | None = field(default=None, repr=False)
    start: Snapshot | None = field(default=None, repr=False)
    record: Mapping[str, Any] = field(default_factory=dict, repr=False)
    team: Processes | None = None

    def __iter__(self) -> Iterator[Step]:
        return self.steps()

    @property
    def home(self) -> torch.device:
        """Where the picture and the solver's state are: in main memory if a GPU is too small for the whole picture."""
        in_tiles = any(level.tile for level in self.plan.levels)
        apart = in_tiles and has_own_memory(self.plan.device) and not self.team
        return torch.device("cpu") if apart else self.plan.device

    def over(self, team: Processes) -> Run:
        """The same run by a team of processes, each of which must have prepared it and go through all its steps.

        The steps' pictures are whole; their snapshots leave out the solver's state, which lies with all.
        """
        remembered = history(self.plan.solver)
        tiles = [level.tile or level.size for level in self.plan.levels]
        *tiles, remembered = team.least([*tiles, remembered])
        levels = tuple(replace(level, tile=tile) for level, tile in zip(self.plan.levels, tiles, strict=True))
        solver = in_strips(with_history(self.plan.solver, remembered), team)
        careful = self.careful
        return replace(
            self,
            problem=self.problem.over(team),
            plan=replace(self.plan, levels=levels, solver=solver, estimate=None),
            careful=careful and (lambda: careful().over(team)),
            team=team,
        )

    def steps(self, start: Snapshot | None = None) -> Iterator[Step]:
        """The steps after `start`, a snapshot of this run, or all of them.

        Where numbers leave the finite ones, the run goes on from the best picture of its level with float32 features
        and steps a tenth as long, three times at most; the next step's `note` says so.

        Raises:
            NotFiniteError: that did not help.
        """
        start, note = start or self.start, ""
        while True:
            restarts = start.restarts if start else 0
            problem, solver = self._more_careful(restarts) if restarts else (self.problem, self.plan.solver)
            try:
                for step in iterate(self._at_home(problem), solver, self.plan.levels, start, self.plan.recipe.until):
                    snapshot = replace(step.snapshot, state=None) if self.team else step.snapshot
                    yield replace(step, note=note, snapshot=snapshot)
                    note = ""
                return
            except NotFiniteError as broken:
                if restarts == RESTARTS:
                    raise
                start = replace(broken.best, restarts=restarts + 1)
                note = (
                    f"The picture was no longer finite ({broken.where}); going on from the best one so far, "
                    f"with float32 features and steps {SHORTER ** (restarts + 1):g} times as long."
                )

    def _at_home(self, problem: TransferProblem) -> TransferProblem:
        return problem if self.home == self.plan.device else problem.kept_on(self.home)

    def _more_careful(self, restarts: int) -> tuple[TransferProblem, Solver]:
        return self._precise, cautious(self.plan.solver, SHORTER**restarts)

    @cached_property
    def _precise(self) -> TransferProblem:
        coarse = self.plan.dtype.itemsize < torch.float32.itemsize
        return self.careful().problem if coarse and self.careful else self.problem

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


def settled(
    problem: TransferProblem,
    recipe: Preset,
    encoder: ChainEncoder,
    levels: tuple[Level, ...],
    notes: Sequence[str],
    memory: int | None = None,
) -> Plan:
    """The plan that keeps a run within `memory` bytes, or within what this machine has to spare.

    Raises:
        UsageError: no tiles are small enough for that.
    """
    styles, contents = (
        tuple(layer for layer, weight in layers.items() if weight > 0)
        for layers in (recipe.style_layers, recipe.content_layers)
    )
    work = Work(encoder, styles, contents, tuple(tuple(problem.style_shapes(level)) for level in levels))
    choice = choose(work, recipe.solver, levels, problem.small_evaluation, memory)
    return Plan(recipe, encoder, choice.solver, choice.levels, (*notes, *choice.notes), choice.estimate)
