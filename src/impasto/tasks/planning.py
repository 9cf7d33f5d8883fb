"""What a run takes in memory and time, and the tiles and the solver's history that keep it within what there is.

Nothing is looked up in a table: small evaluations and solver steps are run, the bytes of their tensors counted at two
sizes, and the line through both is followed to the size of the run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from impasto.devices import has_own_memory
from impasto.encoders.chain import ChainEncoder
from impasto.engine import Step, iterate
from impasto.errors import UsageError
from impasto.memory import LiveBytes, free_memory, give_back, in_words, resident_memory
from impasto.objective import Evaluation, Objective
from impasto.schedule import Level
from impasto.solvers import Solver, history, with_history
from impasto.tasks.problem import SMALLEST_TILE, TransferProblem
from impasto.tiling import Tiling

IMAGE = 12  # bytes per pixel of a float32 picture
START = 8  # pictures at once while a level's first picture is made
OVERHEAD = 40e6  # bytes that PyTorch takes beside tensors once it computes: threads, scratch buffers
SLACK, SLACK_IN_TILES = 1.3, 1.06  # of tensors, for what lies between them; see benchmarks/memory.py
SPREAD = 2.5  # of a tile's activations that are smaller than the picture: they do not fill the heap's holes
SHARE = 0.9  # of free memory that a run may plan with
CAREFUL = 0.93  # of the memory that was allowed: estimates of runs in tiles are up to 6 % too low
LARGE_HISTORY = 10  # L-BFGS pairs at most for a picture that is too large to be evaluated whole
AMPLE = 4  # times the features of all layers in float32, more than an evaluation of a whole image ever takes
ENOUGH = 0.2  # seconds of turns, to tell what one takes
HISTORIES = (10, 7, 5, 3, 2)


@dataclass(frozen=True)
class Line:
    """A cost that grows with the pixels: `fixed` + `per_pixel` * pixels."""

    fixed: float
    per_pixel: float

    def at(self, pixels: float) -> float:
        """The cost of so many pixels."""
        return self.fixed + self.per_pixel * pixels

    @classmethod
    def through(cls, small: tuple[float, float], large: tuple[float, float]) -> Line:
        """The line through two points (pixels, cost), never falling."""
        slope = max(0.0, (large[1] - small[1]) / (large[0] - small[0]))
        return cls(max(0.0, small[1] - slope * small[0]), slope)


@dataclass(frozen=True)
class EvaluationCost:
    """Bytes of an objective: `held` between evaluations, by its targets, and `peak` during one, those included."""

    held: Line
    peak: Line

    @property
    def passing(self) -> Line:
        """What is taken during an evaluation only."""
        return Line(self.peak.fixed - self.held.fixed, self.peak.per_pixel - self.held.per_pixel)


@dataclass(frozen=True)
class SolverBytes:
    """Per pixel, of a solver and the loop around it: `held` while the objective is evaluated, `peak` otherwise."""

    held: float
    peak: float


class Measured:
    """The costs of a problem under a solver, each measured when it is first asked for."""

    def __init__(self, problem: TransferProblem, smallest_side: int):
        self._problem = problem
        self._sides = (max(128, smallest_side), 2 * max(128, smallest_side))
        self._solvers: dict[tuple[Solver, int], SolverBytes] = {}
        self._times: dict[tuple[Solver, int], float] = {}

    @cached_property
    def whole(self) -> EvaluationCost:
        """Of an image that is evaluated at once."""
        return self._evaluation(tiled=False)

    @cached_property
    def tiled(self) -> EvaluationCost:
        """Of an image that is one tile; `held` is that of the whole image, `passing` that of the largest tile."""
        return self._evaluation(tiled=True)

    def solver(self, solver: Solver, iterations: int) -> SolverBytes:
        """Of a solver whose history is as full as it gets in so many steps."""
        steps = min(iterations, history(solver) + 3)
        if (solver, steps) not in self._solvers:
            self._solvers[solver, steps] = _solver_bytes(solver, steps)
        return self._solvers[solver, steps]

    def solver_seconds(self, solver: Solver, iterations: int) -> float:
        """Per pixel, of one step of the same."""
        steps = min(iterations, history(solver) + 3)
        if (solver, steps) not in self._times:
            self._times[solver, steps] = _solver_seconds(solver, steps)
        return self._times[solver, steps]

    @cached_property
    def seconds(self) -> Line:
        """Of one evaluation of a whole image."""
        points = []
        for side in self._sides:
            objective, image = self._case(side, tiled=False)
            objective.evaluate(image)
            points.append((side**2, _fastest(lambda: objective.evaluate(image))))  # noqa: B023
        return Line.through(*points)

    def _evaluation(self, *, tiled: bool) -> EvaluationCost:
        held, peaks = [], []
        for side in self._sides:
            with LiveBytes() as live:
                objective, image = self._case(side, tiled=tiled)
                held.append((side**2, live.now - image.nbytes))
                live.peak = 0
                objective.evaluate(image)
                peaks.append((side**2, live.peak - image.nbytes))
        return EvaluationCost(Line.through(*held), Line.through(*peaks))

    def _case(self, side: int, *, tiled: bool) -> tuple[Objective, Tensor]:
        level = Level(side, side, 1, side if tiled else None)
        small = self._problem.reduced(side)
        return small.objective(level), small.initial(level)


class _Bowl:
    """A smooth problem of any size that keeps every solver busy, and nothing else to compute."""

    def __init__(self, watch: Callable[[], None] = lambda: None):
        self._watch = watch

    def initial(self, level: Level) -> Tensor:
        return torch.linspace(0, 1, 3 * level.height * level.width).reshape(1, 3, level.height, level.width)

    def enlarged(self, image: Tensor, level: Level) -> Tensor:
        return image

    def objective(self, level: Level) -> Objective:
        return self

    def evaluate(self, image: Tensor) -> Evaluation:
        self._watch()
        grad = image * torch.linspace(0.1, 1, image.shape[-1])
        return Evaluation((grad * image).sum() / 2, grad, {})


def _solver_bytes(solver: Solver, iterations: int) -> SolverBytes:
    side, held = 64, [0]
    with LiveBytes() as live:
        _drain(iterate(_Bowl(lambda: held.append(live.now)), solver, [Level(side, side, iterations)]))
    return SolverBytes(max(held) / side**2, live.peak / side**2)


def _solver_seconds(solver: Solver, iterations: int) -> float:
    """Per pixel, of the last of so many steps."""
    side, marks = 512, [0.0]
    marks += [step.seconds for step in iterate(_Bowl(), solver, [Level(side, side, iterations)])]
    return (marks[-1] - marks[-2]) / side**2


def _drain(steps: Iterator[Step]) -> None:
    """Run to the end, with the latest step at hand as a command has it."""
    for _ in steps:
        pass


def _fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of several turns, of more where they are short: noise in those would tilt the line."""
    turns: list[float] = []
    while len(turns) < 2 or sum(turns) < ENOUGH:
        began = time.perf_counter()
        work()
        turns.append(time.perf_counter() - began)
    return min(turns)


@dataclass(frozen=True)
class Estimate:
    """What a run will take: `resident` bytes are taken already, `memory` is the most that the process will have.

    Both `memory` and `seconds` may measure before they answer, which takes a second or so.
    """

    resident: int
    taken: Callable[[], float] = field(repr=False)
    timed: Callable[[], float] = field(repr=False)

    @cached_property
    def memory(self) -> int:
        """Bytes at the peak."""
        return self.resident + round(self.taken())

    @cached_property
    def seconds(self) -> float:
        """Of all evaluations, and of the solver between them."""
        return self.timed()


@dataclass(frozen=True)
class Choice:
    """How a run is carried out."""

    solver: Solver
    levels: tuple[Level, ...]
    estimate: Estimate
    notes: tuple[str, ...] = ()


class Planner:
    """Chooses tiles and history for runs of `problem` on `encoder`, whose layers in use are `layers`."""

    def __init__(self, problem: TransferProblem, encoder: ChainEncoder, layers: Collection[str]):
        self._encoder = encoder
        self._layers = tuple(layers)
        smallest = max((encoder.smallest_side(layer) for layer in layers), default=1)
        self._measured = Measured(problem, smallest)

    def choose(self, solver: Solver, levels: Sequence[Level], memory: int | None = None) -> Choice:
        """Whole images where they fit, else the largest tiles that do, and a shorter history where nothing else helps.

        `memory` is the most the process may take; None is what this machine has to spare.

        Raises:
            UsageError: there is no way; the message says what the least is.
        """
        device = self._encoder.device
        if memory is None and self._plenty(levels[-1], solver):
            return self._choice(solver, solver, levels, resident_memory(device))
        self._bytes(levels[-1], solver)  # measures, after which PyTorch has its threads and buffers
        give_back()
        resident = resident_memory(device)
        room = SHARE * free_memory(device) if memory is None else min(free_memory(device), CAREFUL * memory - resident)
        for smallest in (4 * self._tiling(1).halo, SMALLEST_TILE):
            for candidate in _candidates(solver):
                fitted = [self._fitted(level, candidate, room, smallest) for level in levels]
                if all(fitted) and (history(candidate) <= LARGE_HISTORY or not any(f and f.tile for f in fitted)):
                    return self._choice(solver, candidate, [f for f in fitted if f], resident)
        raise self._impossible(levels[-1], solver, resident, memory)

    def _plenty(self, level: Level, solver: Solver) -> bool:
        """Whether free memory is many times what the picture can take: then nothing needs to be measured."""
        infos = self._encoder.layers.values()
        features = sum(info.channels / info.stride**2 for info in infos)
        per_pixel = AMPLE * 4 * features + IMAGE * (START + 2 * min(history(solver), level.iterations))
        return level.height * level.width * per_pixel < free_memory(self._encoder.device) / 4

    def _fitted(self, level: Level, solver: Solver, room: float, smallest: int) -> Level | None:
        """The level, in tiles if need be; None if even tiles of `smallest` pixels are too much."""
        if self._bytes(level, solver) <= room:
            return level
        if self._bytes(replace(level, tile=smallest), solver) > room or not self._has_a_home(level, solver):
            return None
        for parts in range(2, max(2, level.size // smallest) + 1):
            tiled = replace(level, tile=math.ceil(level.size / parts))
            if self._bytes(tiled, solver) <= room:
                return tiled
        return None

    def _has_a_home(self, level: Level, solver: Solver) -> bool:
        """Whether main memory holds what is not on the encoder's device once the level is evaluated in tiles there."""
        if not has_own_memory(self._encoder.device):
            return True
        pixels, cost = level.height * level.width, self._measured.solver(solver, level.iterations)
        taken = pixels * (max(cost.held + 2 * IMAGE, cost.peak) + self._measured.tiled.held.per_pixel)
        return SLACK_IN_TILES * taken <= SHARE * free_memory(torch.device("cpu"))

    def _bytes(self, level: Level, solver: Solver) -> float:
        """The most that is taken at a level on the encoder's device, beside what is taken before the run begins."""
        pixels, cost = level.height * level.width, self._measured.solver(solver, level.iterations)
        if level.tile is None:
            evaluating = self._measured.whole.peak.at(pixels)
        else:
            rows, columns = self._tiling(level.tile).spans(level.height, level.width)
            largest = max(row.stop - row.start for row in rows) * max(column.stop - column.start for column in columns)
            copied = self._copied if len(rows) * len(columns) > 1 else 0
            tile = self._spread(largest, pixels) * (self._measured.tiled.passing.at(largest) + copied * largest)
            if has_own_memory(self._encoder.device):  # the rest is in main memory
                return SLACK_IN_TILES * tile + OVERHEAD
            evaluating = self._measured.tiled.held.at(pixels) + 2 * IMAGE * pixels + tile
        most = max(cost.held * pixels + evaluating, cost.peak * pixels, START * IMAGE * pixels)
        return (SLACK if level.tile is None else SLACK_IN_TILES) * most + OVERHEAD

    def _spread(self, tile: float, picture: float) -> float:
        """How many times its tensors a tile of so many pixels takes; see `Plan.keep_freed`."""
        sizes = [info.channels / info.stride**2 for info in self._encoder.layers.values()]
        in_heap = sum(size for size in sizes if self._encoder.dtype.itemsize * size * tile < IMAGE * picture)
        return 1 + (SPREAD - 1) * in_heap / sum(sizes)

    def _time(self, levels: Sequence[Level], solver: Solver) -> float:
        return sum(self._level_time(level, solver) for level in levels)

    def _level_time(self, level: Level, solver: Solver) -> float:
        """Of a level's evaluations, its targets (about one more), and the solver."""
        pixels, factor = level.height * level.width, 1.0
        if level.tile is not None:
            tiles = self._tiling(level.tile).tiles(level.height, level.width)
            factor = sum(tile.area for tile in tiles) / pixels * (1.5 - 0.5 / len(tiles))
        evaluation = self._measured.seconds.at(pixels) * factor
        step = self._measured.solver_seconds(solver, level.iterations) * pixels
        return (level.iterations + 1) * evaluation + level.iterations * step

    @property
    def _copied(self) -> float:
        """Bytes per pixel of the interior of the largest layer, which a tile that is cut at its sides must copy."""
        infos = [self._encoder.layers[layer] for layer in self._layers]
        return max((4 * info.channels / info.stride**2 for info in infos), default=0.0)

    def _tiling(self, tile: int) -> Tiling:
        return Tiling(self._encoder, self._layers, tile)

    def _choice(self, asked: Solver, solver: Solver, levels: Sequence[Level], resident: int) -> Choice:
        estimate = Estimate(
            resident, lambda: max(self._bytes(level, solver) for level in levels), lambda: self._time(levels, solver)
        )
        notes = []
        for level in levels:
            if level.tile is not None:
                tiles = self._tiling(level.tile).tiles(level.height, level.width)
                notes.append(
                    f"{level.width}x{level.height} is evaluated in {len(tiles)} tiles of at most {level.tile} pixels a "
                    "side, to keep within memory; the result is the same."
                )
        if history(solver) < history(asked):
            notes.append(f"L-BFGS remembers {history(solver)} steps, not {history(asked)}, to keep within memory.")
        return Choice(solver, tuple(levels), estimate, tuple(notes))

    def _impossible(self, level: Level, solver: Solver, resident: int, memory: int | None) -> UsageError:
        least = resident + self._bytes(replace(level, tile=SMALLEST_TILE), _candidates(solver)[-1])
        given = f"memory is {in_words(memory)}" if memory else f"{in_words(free_memory(self._encoder.device))} are free"
        return UsageError(
            f"{given}, but {level.width}x{level.height} pixels take at least {in_words(least)} with this encoder and "
            "solver. Choose a smaller --size, or allow more --memory."
        )


def _candidates(solver: Solver) -> list[Solver]:
    """The solver, then itself with ever shorter histories."""
    return [solver, *(with_history(solver, pairs) for pairs in HISTORIES if pairs < history(solver))]
