"""When the picture has which size, and for how many steps: integers only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from impasto.errors import UsageError


@dataclass(frozen=True)
class Level:
    """One size of the pyramid, in pixels, and the solver's steps (evaluations) spent there.

    `tile` is the side of the tiles it is evaluated in, None for the whole image at once.
    """

    height: int
    width: int
    iterations: int
    tile: int | None = None

    @property
    def size(self) -> int:
        """The long side, in pixels."""
        return max(self.height, self.width)


@dataclass(frozen=True)
class Pyramid:
    """Coarse to fine: each level `factor` times larger than the one before, the last at the full size.

    No level but the last has a long side below `smallest`, unless there were less than `fewest`; there are at most
    `most` levels. `evaluations` is how many there are for a picture of the usual size; they are split in proportion to
    `shares`, coarse to fine, its last number standing for all levels beyond.

    Raises:
        UsageError: a number with which there is no such sequence of sizes.
    """

    smallest: int = 128
    factor: float = 2.0
    shares: tuple[float, ...] = (1.0,)
    most: int = 16
    evaluations: int = 500
    fewest: int = 1

    def __post_init__(self) -> None:
        right = self.smallest >= 1 and self.factor > 1 and self.most >= 1 and self.evaluations >= 1
        if not (right and self.shares and min(self.shares) > 0):
            raise UsageError(
                f"{self}: smallest, most and evaluations must be at least 1, factor above 1, all shares above 0."
            )

    def sizes(self, size: int) -> tuple[int, ...]:
        """The long sides of the levels that end at `size`."""
        sizes = [size]
        while len(sizes) < self.most and (coarser := round(size / self.factor ** len(sizes))) >= self.smallest:
            sizes.append(coarser)
        while len(sizes) < min(self.fewest, self.most):
            sizes.append(max(1, round(size / self.factor ** len(sizes))))
        return tuple(reversed(sizes))

    def counts(self, iterations: int, levels: int) -> tuple[int, ...]:
        """`iterations` split over `levels`, at least 1 each; what rounding leaves over goes to the one with most.

        Raises:
            UsageError: fewer iterations than levels.
        """
        if iterations < levels:
            raise UsageError(
                f"iterations is {iterations} but there are {levels} levels; give at least {levels}, or fewer levels."
            )
        shares = self._shares(levels)
        counts = [max(1, int(iterations * share / sum(shares))) for share in shares]
        counts[counts.index(max(counts))] += max(0, iterations - sum(counts))
        while sum(counts) > iterations:
            counts[counts.index(max(counts))] -= 1
        return tuple(counts)

    def iterations_at(self, iterations: int, usual: int, size: int) -> int:
        """`iterations`, meant for long sides of `usual`, with the shares of a larger `size`'s further levels on top.

        So every level of a larger picture has as many as it has in one of the usual size.
        """
        few, many = (sum(self._shares(len(self.sizes(each)))) for each in (usual, size))
        return round(iterations * max(1.0, many / few))

    def _shares(self, levels: int) -> list[float]:
        return [self.shares[min(i, len(self.shares) - 1)] for i in range(levels)]

    def levels(self, height: int, width: int, iterations: int) -> tuple[Level, ...]:
        """The levels that end at exactly (height, width); a short side is at least 1 pixel."""
        size = max(height, width)
        sizes = self.sizes(size)
        scales = [s / size for s in sizes]
        return tuple(
            Level(max(1, round(height * scale)), max(1, round(width * scale)), count)
            for scale, count in zip(scales, self.counts(iterations, len(sizes)), strict=True)
        )


@dataclass(frozen=True)
class Converged:
    """A level ends early once `window` evaluations have lowered its loss by less than a share `least` of it."""

    window: int = 10
    least: float = 0.01

    def __call__(self, losses: Sequence[float]) -> bool:
        """Whether the level whose losses these are, the latest last, has converged."""
        if len(losses) < 2 * self.window:
            return False
        before = min(losses[: -self.window])
        return before - min(losses[-self.window :]) < self.least * abs(before)


# When a level is done before its evaluations are, by the names that recipes have for it.
STOPS: Mapping[str, Converged] = MappingProxyType({"converged": Converged()})
