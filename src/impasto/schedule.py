"""When the picture has which size, and for how many steps: integers only."""

from __future__ import annotations

from dataclasses import dataclass

from impasto.errors import UsageError


@dataclass(frozen=True)
class Level:
    """One size of the pyramid, in pixels, and the solver's steps (evaluations) spent there."""

    height: int
    width: int
    iterations: int

    @property
    def size(self) -> int:
        """The long side, in pixels."""
        return max(self.height, self.width)


def level_sizes(size: int, smallest: int, factor: float = 2.0) -> tuple[int, ...]:
    """Long sides, coarse to fine: `size` divided by `factor` again and again, none below `smallest` but `size` itself."""
    sizes = [size]
    while (coarser := round(size / factor ** len(sizes))) >= smallest:
        sizes.append(coarser)
    return tuple(reversed(sizes))


def split_iterations(total: int, levels: int, ratio: float) -> tuple[int, ...]:
    """`total` steps over `levels`, each level with `ratio` times the steps of the coarser one; at least 1 each.

    Raises:
        UsageError: fewer steps than levels.
    """
    if total < levels:
        raise UsageError(f"iterations is {total} but the schedule has {levels} levels; give at least {levels}.")
    shares = [ratio**i for i in range(levels)]
    counts = [max(1, int(total * share / sum(shares))) for share in shares]
    counts[0] += total - sum(counts)
    return tuple(counts)


def pyramid(
    height: int, width: int, iterations: int, *, smallest: int = 128, factor: float = 2.0, ratio: float = 0.7
) -> tuple[Level, ...]:
    """Levels from coarse to fine that end at exactly (height, width).

    The first level has a long side of at least `smallest`; its other side is at least 1 pixel.
    """
    size = max(height, width)
    sizes = level_sizes(size, smallest, factor)
    counts = split_iterations(iterations, len(sizes), ratio)
    return tuple(
        Level(max(1, round(height * s / size)), max(1, round(width * s / size)), count)
        for s, count in zip(sizes, counts, strict=True)
    )
