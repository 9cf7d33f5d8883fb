"""A run that is ready to start: its problem, and the plan that was made for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor

from impasto.clock import Clock
from impasto.devices import describe_device, has_own_memory, own_modes, products
from impasto.distributed import Processes, in_strips
from impasto.engine import NotFiniteError, Snapshot, Step, iterate
from impasto.images import resize, to_pil
from impasto.notebook import Screen, table, watched
from impasto.painting import Painting, painting, result_of
from impasto.plan import Plan
from impasto.problem import PictureProblem
from impasto.recipe import Recipe
from impasto.record import EncoderUsed, Input, Made, PlannedLevel, Record, Result
from impasto.record import Plan as RecordedPlan
from impasto.regions import Masks
from impasto.schedule import STOPS
from impasto.solvers import InUnits, Solver, cautious, history, with_history
from impasto.temporal import Past
from impasto.version import __version__

RESTARTS = 3
SHORTER = 0.1


@dataclass(frozen=True)
class Run:
    """A picture that is ready to be made: its pictures are read, its network loaded, its plan made.

    Iterating makes it, one `Step` per evaluation; a second iteration makes it again from the start. `recipe` is what
    was asked for, `inputs` and `networks` what it is made of. `precise` gives the same problem with float32 features.
    `alpha` is the result's transparency, (1, 1, H, W), or None, `exif` what the photograph's file says. `start` is
    where it begins, None for the problem's own beginning, and `origin` the record of the run whose picture that is.
    `team` is who makes it, None for this process alone.
    """

    recipe: Recipe
    problem: PictureProblem = field(repr=False)
    plan: Plan
    inputs: tuple[Input, ...] = ()
    networks: tuple[EncoderUsed, ...] = ()
    precise: Callable[[], PictureProblem] | None = field(default=None, repr=False)
    alpha: Tensor | None = field(default=None, repr=False)
    exif: bytes = field(default=b"", repr=False)
    start: Snapshot | None = field(default=None, repr=False)
    origin: Record | None = field(default=None, repr=False)
    team: Processes | None = None

    def __iter__(self) -> Iterator[Step]:
        return self.steps()

    @property
    def home(self) -> torch.device:
        """Where the picture and the solver's state are: in main memory if a GPU is too small for the whole picture."""
        device = self.plan.encoder.device
        in_tiles = any(level.tile for level in self.plan.levels)
        return torch.device("cpu") if in_tiles and has_own_memory(device) and not self.team else device

    def over(self, team: Processes) -> Run:
        """The same run by a team of processes, each of which must have prepared it and go through all its steps.

        The steps' pictures are whole; their snapshots leave out the solver's state, which lies with all.
        """
        tiles = [level.tile or level.size for level in self.plan.levels]
        *tiles, remembered = team.least([*tiles, history(self.plan.solver)])
        levels = tuple(replace(level, tile=tile) for level, tile in zip(self.plan.levels, tiles, strict=True))
        solver = in_strips(with_history(self.plan.solver, remembered), team)
        precise = self.precise
        return replace(
            self,
            problem=self.problem.over(team),
            plan=replace(self.plan, levels=levels, solver=solver, estimate=None),
            precise=precise and (lambda: precise().over(team)),
            team=team,
        )

    def steps(self, start: Snapshot | None = None) -> Iterator[Step]:
        """The steps after `start`, a snapshot of this run, or all of them.

        Where numbers leave the finite ones, the run goes on from the best picture of its level with float32 features
        and steps a tenth as long, three times at most; the next step's `note` says so.

        Raises:
            NotFiniteError: that did not help.
        """
        start, note, until = start or self.start, "", self.plan.recipe.until
        while True:
            restarts = start.restarts if start else 0
            problem, solver = self._more_careful(restarts) if restarts else (self.problem, self.plan.solver)
            number_format = "float32" if restarts else self.plan.number_format
            steps = iterate(self._at_home(problem), solver, self.plan.levels, start, STOPS[until] if until else None)
            try:
                for step in _computed_in(number_format, steps):
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

    def showing(
        self, frame: Tensor, past: Past | None = None, painted: Tensor | None = None, masks: Masks | None = None
    ) -> Run:
        """The same run of another frame of a clip; see `PictureProblem.showing`."""

        def shown(problem: PictureProblem) -> PictureProblem:
            return problem.showing(frame, past, painted, masks)

        precise, plan = self.precise, self.plan
        if past and len(plan.levels) == 1:  # coarse to fine there are evaluations enough
            plan = replace(plan, solver=InUnits(plan.solver, past.units(self.recipe.temporal_weight).to(self.home)))
        return replace(self, problem=shown(self.problem), plan=plan, precise=precise and (lambda: shown(precise())))

    def watch(self) -> Iterator[Step]:
        """The steps, as iterating gives them, while a notebook shows the picture that grows, and the time left.

        It is shown twice a second at most, and once more when the loop ends, however that does: where the kernel is
        interrupted, `painting` of the last step is the picture so far.

        Raises:
            UsageError: this is no notebook.
        """
        last = self.plan.levels[-1]
        return watched(self.steps(), self.look, Clock(self.plan.levels), Screen(last.width, last.height))

    def painting(self, step: Step) -> Painting:
        """The picture of a step as people get it: at full size, with what its file is to say of how it was made."""
        image = self.full_size(step.image).detach().cpu().clamp(0, 1)
        return painting(image, self.alpha, self.record(result_of(image, self.alpha, step.record())), self.exif)

    def beginning_with(self, image: Tensor) -> Run:
        """This run from `image`, at the size of its first level."""
        first = self.plan.levels[0]
        return replace(self, start=Snapshot(1, 0, resize(image.to(self.home), first.height, first.width)))

    def full_size(self, image: Tensor) -> Tensor:
        """`image` as people get it: at the size and in the colors of the result, even if it is of a coarser level."""
        last = self.plan.levels[-1]
        return self.problem.finished(resize(image, last.height, last.width), last)

    def record(self, result: Result | None = None) -> Record:
        """What was asked for, what is used to carry it out, and what came of it."""
        levels = tuple(PlannedLevel(lv.width, lv.height, lv.iterations, lv.tile) for lv in self.plan.levels)
        return Record(
            task=self.recipe.task,
            settings=self.recipe.to_json(),
            inputs=self.inputs,
            encoders=self.networks,
            plan=RecordedPlan(levels, history(self.plan.solver)),
            made=self.made(),
            result=result,
            start=self.origin,
        )

    def made(self) -> Made:
        """The versions, the device, the number format, the threads and processes: the last bits depend on them."""
        return Made(
            impasto=__version__,
            torch=torch.__version__,
            device=describe_device(self.plan.encoder.device),
            dtype=self.plan.number_format,
            threads=torch.get_num_threads(),
            processes=self.team.size if self.team else 1,
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the plan."""
        return table(self.plan.outline())

    def look(self, step: Step) -> Image:
        """A step in the colors of the result, at its own size."""
        return to_pil(self.seen(step))

    def seen(self, at: Step | Snapshot) -> Tensor:
        """The same as a tensor, of a step or of where a run begins.  Shape: (1, 3, H, W)."""
        return self.problem.finished(at.image, self.plan.levels[at.level - 1]).detach()

    def beginning(self) -> Snapshot:
        """What its first step begins with."""
        return self.start or Snapshot(1, 0, self._at_home(self.problem).initial(self.plan.levels[0]))

    def _at_home(self, problem: PictureProblem) -> PictureProblem:
        return problem if self.home == self.plan.encoder.device else problem.kept_on(self.home)

    def _more_careful(self, restarts: int) -> tuple[PictureProblem, Solver]:
        return self._exact_problem, cautious(self.plan.solver, SHORTER**restarts)

    @cached_property
    def _exact_problem(self) -> PictureProblem:
        coarse = self.plan.encoder.dtype.itemsize < torch.float32.itemsize
        return self.precise() if coarse and self.precise else self.problem


def _computed_in(number_format: str, steps: Iterator[Step]) -> Iterator[Step]:
    """The steps, each computed with the products of a number format; between them they are as the caller has them."""
    while True:
        with own_modes(), products(number_format):
            step = next(steps, None)
        if step is None:
            return
        yield step
