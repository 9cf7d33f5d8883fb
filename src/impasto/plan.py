"""What a run will do: its levels, the tiles and the history that keep it within memory, and what it will take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import product
from typing import Any

import torch

from impasto.devices import describe_device, format_name
from impasto.encoders.chain import ChainEncoder
from impasto.errors import UsageError
from impasto.fitting import View
from impasto.footprint import PICTURE, SMALLEST_TILE, Bytes, Look, Work
from impasto.memory import free_memory, keep_freed, resident_memory
from impasto.quantities import duration, in_words, rounded_up
from impasto.recipe import Recipe
from impasto.schedule import Level
from impasto.solvers import Solver, history, with_history

LARGE_HISTORY = 10  # L-BFGS pairs at most for a picture that is too large to be evaluated whole
HISTORIES = (10, 7, 5, 3, 2)
FEW_PARTS = 32  # of a side, up to which every number of tiles is tried
SHARE = 0.9  # of free memory that a run may plan with
CAREFUL = 0.96  # of the memory that was allowed: what a command does beside the run takes some
MARGIN = 1.01  # of the least memory that is named: what is resident is not the same to the byte in the next process
PASSES, PASSES_PER_PAIR = 12, 4  # over pictures in a solver's step
_NUMBERS = {"size", "levels", "evaluations", "memory", "time", "time of levels"}  # of the plan in words
ENOUGH = 0.2  # seconds of turns, to tell what one takes

# A level and a side in pixels -> an evaluation as at that level, of a picture of that side.
Small = Callable[[Level, int], Callable[[], object]]


@dataclass(frozen=True)
class Estimate:
    """What a run will take: `resident` bytes are taken already, `taken` come on top at the peak."""

    resident: int
    taken: Bytes
    timed: Callable[[], Sequence[float]] = field(repr=False)

    @property
    def memory(self) -> int:
        """Bytes at the peak, of the device that the encoder is on."""
        return self.resident + round(self.taken.near)

    @cached_property
    def by_level(self) -> Sequence[float]:
        """Seconds of each level's evaluations, and of the solver between them; measured when it is first read."""
        return self.timed()

    @property
    def seconds(self) -> float:
        """Of all levels; the first time takes a second or two."""
        return sum(self.by_level)


@dataclass(frozen=True)
class Plan:
    """What a run will do: its levels, coarse to fine, with their tiles, and how each is seen."""

    views: tuple[View, ...] = field(repr=False)
    solver: Solver
    levels: tuple[Level, ...]
    notes: tuple[str, ...] = ()
    estimate: Estimate | None = None

    @property
    def recipe(self) -> Recipe:
        """As it is at the full size, with the layers of `encoder`."""
        return self.views[-1].recipe

    @property
    def encoder(self) -> ChainEncoder:
        """That of the full size."""
        return self.views[-1].encoder

    @property
    def number_format(self) -> str:
        """The name of the features' number format, `tf32` included, which is float32 with rounded products."""
        return format_name(self.recipe.dtype, self.encoder.dtype)

    @property
    def evaluations(self) -> int:
        """Evaluations in all."""
        return sum(level.iterations for level in self.levels)

    def summary(self) -> dict[str, str]:
        """The plan in words, in the order a reader wants it; the first time takes a second or two, to measure some."""
        return self.outline() | self._expected()

    def outline(self) -> dict[str, str]:
        """The plan in words, without the memory and the time that it will take."""
        recipe, last = self.recipe, self.levels[-1]
        return {
            "preset": recipe.name,
            "encoder": self._seen(lambda view: _described(view.encoder)),
            "device": describe_device(self.encoder.device),
            "dtype": self.number_format,
            "size": f"{last.width}x{last.height}",
            "levels": ", ".join(f"{level.width}x{level.height} ({level.iterations})" for level in self.levels),
            "evaluations": f"at most {self.evaluations}" if recipe.until else str(self.evaluations),
            "solver": self._solver(),
            "content layers": self._seen(lambda view: ", ".join(view.recipe.content_layers)),
            "style layers": self._seen(lambda view: ", ".join(view.recipe.style_layers)),
            "style loss": self._seen(lambda view: view.recipe.style_loss),
        }

    def keep_freed(self) -> None:
        """Have the C library keep freed memory as suits this run; in tiles, not that of whole pictures."""
        last = self.levels[-1]
        keep_freed(*([PICTURE * last.height * last.width] if last.tile else []))

    def _expected(self) -> dict[str, str]:
        if self.estimate is None:
            return {}
        whole, taken = in_words(self.estimate.memory), in_words(self.estimate.memory - self.estimate.resident)
        pairs = zip(self.levels, self.estimate.by_level, strict=True)
        return {
            "memory": f"about {whole}, {taken} of it for the run",
            "time": f"about {duration(self.estimate.seconds)}",
            "time of levels": ", ".join(f"{level.size} px {duration(seconds)}" for level, seconds in pairs),
        }

    def to_json(self) -> dict[str, Any]:
        """The plan for programs: numbers with their units, and in words what is none."""
        last, estimate = self.levels[-1], self.estimate
        words = {name.replace(" ", "_"): text for name, text in self.summary().items() if name not in _NUMBERS}
        seconds = estimate.by_level if estimate else [None] * len(self.levels)
        levels = [
            {"width": level.width, "height": level.height, "evaluations": level.iterations, "tile": level.tile}
            | ({} if taken is None else {"seconds": taken})
            for level, taken in zip(self.levels, seconds, strict=True)
        ]
        found = words | {"width": last.width, "height": last.height, "evaluations": self.evaluations, "levels": levels}
        if estimate is None:
            return found
        run = estimate.memory - estimate.resident
        return found | {"memory_bytes": estimate.memory, "run_memory_bytes": run, "seconds": estimate.seconds}

    def _seen(self, of: Callable[[View], str]) -> str:
        """What is so at every size, or what is so at first and from which sizes on it is otherwise."""
        found = {view.size: of(view) for view in self.views}
        first, *others = found.values()
        if set(others) <= {first}:
            return first
        return "; ".join(f"above {size} px {text}" if size else text for size, text in found.items())

    def _solver(self) -> str:
        """Its name and its numbers, with the history that there is room for."""
        asked, remembered = self.recipe.solver, history(self.solver)
        numbers = {**asked.numbers, **({"history": remembered} if remembered else {})}
        return ", ".join([asked.method, *(f"{name} {number:g}" for name, number in numbers.items())])


def _described(encoder: ChainEncoder) -> str:
    return f"{encoder.name} ({encoder.pooling} pooling, {encoder.padding} padding)"


def within_memory(plan: Plan, work: Work, small: Small, memory: int | None = None) -> Plan:
    """`plan` with whole images where they fit, else the largest tiles that do, and a shorter history at need.

    To be asked before the pictures are scaled. `memory` is the most the process may take; None is what this machine has
    to spare. `small(level, side)` gives an evaluation as at that level of a picture of `side` by `side`
    pixels, to be timed.

    Raises:
        UsageError: there is no way; the message says what the least is.
    """
    device, solver, levels = work.encoder.device, plan.solver, plan.levels
    resident, free = resident_memory(device), free_memory(device)
    near = SHARE * free if memory is None else min(free, CAREFUL * memory - resident)
    room = Bytes(near, SHARE * free_memory(torch.device("cpu")))
    for smallest in (max(SMALLEST_TILE, 4 * work.looks[-1].tiling(SMALLEST_TILE).halo), SMALLEST_TILE):
        for candidate, found in product(_candidates(solver), _ways(work, levels, smallest)):
            tiled, taken = any(level.tile for level in found), Bytes.of(work, candidate, found)
            if taken.within(room) and not (tiled and history(candidate) > LARGE_HISTORY):
                notes = (*plan.notes, *_tile_notes(work, found), *_history_notes(solver, candidate))
                estimate = Estimate(resident, taken, partial(seconds, work, candidate, found, small))
                return replace(plan, solver=candidate, levels=found, notes=notes, estimate=estimate)
    raise _impossible(work, solver, levels, resident, min(free, memory or free))


def _candidates(solver: Solver) -> list[Solver]:
    """The solver, then itself with ever shorter histories."""
    return [solver, *(with_history(solver, pairs) for pairs in HISTORIES if pairs < history(solver))]


def _ways(work: Work, levels: Sequence[Level], smallest: int) -> Iterator[tuple[Level, ...]]:
    """The levels whole, then in ever smaller tiles, down to `smallest` pixels; one that takes no more stays whole."""
    yield tuple(levels)
    last, whole = levels[-1], work.networks(levels)
    for parts in _parts(max(2, last.size // smallest)):
        tile = math.ceil(last.size / parts)
        most = work.looks[-1].network(replace(last, tile=tile), ())
        yield tuple(
            level if taken <= most else replace(level, tile=min(tile, math.ceil(level.size / 2)))
            for level, taken in zip(levels, whole, strict=True)
        )


def _parts(most: int) -> Iterator[int]:
    """2, 3, 4, ... up to `most`; beyond a few, each is larger by a fraction of itself."""
    parts = 2
    while parts < most:
        yield parts
        parts += math.ceil(parts / FEW_PARTS)
    yield most


def _tile_notes(work: Work, levels: Sequence[Level]) -> Iterator[str]:
    for look, level in zip(work.looks, levels, strict=True):
        if level.tile is not None:
            tiles = look.tiling(level.tile).tiles(level.height, level.width)
            yield (
                f"{level.width}x{level.height} is evaluated in {len(tiles)} tiles of at most {level.tile} pixels a "
                "side, to keep within memory; the result is the same."
            )


def _history_notes(asked: Solver, solver: Solver) -> Iterator[str]:
    if history(solver) < history(asked):
        yield f"L-BFGS remembers {history(solver)} steps, not {history(asked)}, to keep within memory."


def _impossible(work: Work, solver: Solver, levels: Sequence[Level], resident: int, memory: int) -> UsageError:
    shortest = _candidates(solver)[-1]
    least = resident + min(Bytes.of(work, shortest, way).near for way in _ways(work, levels, SMALLEST_TILE))
    last = levels[-1]
    return UsageError(
        f"{in_words(memory)} of memory may be taken, but {last.width}x{last.height} pixels take at least "
        f"{rounded_up(MARGIN * least / CAREFUL)} with this encoder and solver. Choose a smaller --size, or allow more "
        "--memory."
    )


# Time ---------------------------------------------------------------------------------------------------------------


def seconds(work: Work, solver: Solver, levels: Sequence[Level], small: Small) -> list[float]:
    """Of each level: its evaluations, its targets (about one more), and the solver's steps.

    The time of an evaluation is a line through two that are timed, that of a step the passes over pictures it takes.
    """
    step = _seconds_per_pass(work.encoder.device)
    level_of = dict(zip(work.looks, levels, strict=True))
    lines = {look: _line(look, level, small) for look, level in level_of.items()}
    found = []
    for look, level in zip(work.looks, levels, strict=True):
        fixed, slope = lines[look]
        evaluation = (fixed + slope * level.height * level.width) * _repeated(look, level)
        passes = PASSES + PASSES_PER_PAIR * min(history(solver), level.iterations)
        steps = level.iterations * passes * step * level.height * level.width
        found.append((level.iterations + 1) * evaluation + steps)
    return found


def _line(look: Look, level: Level, small: Small) -> tuple[float, float]:
    """Seconds of an evaluation as at a level: of any at all, and for each pixel of it."""
    least = max((look.encoder.smallest_side(layer) for layer in look.tiling(1).layers), default=1)
    sides = (max(128, least), 2 * max(128, least))
    first, second = (fastest(small(level, side)) for side in sides)
    slope = max(0.0, (second - first) / (sides[1] ** 2 - sides[0] ** 2))
    return max(0.0, first - slope * sides[0] ** 2), slope


def _repeated(look: Look, level: Level) -> float:
    """How many times as long tiles take as the whole: their halos, and a second forward for all but the last."""
    if level.tile is None:
        return 1.0
    tiles = look.tiling(level.tile).tiles(level.height, level.width)
    return sum(tile.area for tile in tiles) / (level.height * level.width) * (1.5 - 0.5 / len(tiles))


def _seconds_per_pass(device: torch.device) -> float:
    """Per pixel, of adding one picture to another."""
    picture, other = torch.zeros(2, 3, 1024, 1024, device=device, dtype=torch.float32)
    return fastest(lambda: float(picture.add_(other)[0, 0, 0])) / 1024**2


def fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest of several turns after the first, of more where they are short."""
    work()
    turns: list[float] = []
    while len(turns) < 2 or sum(turns) < ENOUGH:
        began = time.perf_counter()
        work()
        turns.append(time.perf_counter() - began)
    return min(turns)
