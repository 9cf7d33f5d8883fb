"""The network, drawn as stacks of planes: smaller and smaller in space, deeper and deeper in channels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from impasto.tasks.figures.geometry import CAPTION, SMALL, Placed
from impasto.tasks.figures.plate import Network, Stage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILL, EDGE, ARROW = "#dce6f0", "#34567a", "#9a9a9a"
INK, FAINT = "#1a1a1a", "#5a5a5a"


@dataclass(frozen=True)
class Stack:
    """A stage's planes on the page: their middle, the size of one, how many, and how far each lies from the next."""

    x: float
    y: float
    width: float
    height: float
    planes: int
    step: float

    @property
    def spread(self) -> float:
        """From the first plane's corner to the last one's."""
        return self.step * (self.planes - 1)

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the whole stack."""
        across, down = (self.width + self.spread) / 2, (self.height + self.spread / 2) / 2
        return self.x - across, self.y - down, self.x + across, self.y + down


def planes(stage: Stage) -> int:
    """How many planes stand for a stage's channels: two for each doubling."""
    return max(2, round(2 * math.log2(stage.channels) - 4))


def draw_network(sheet: Axes, placed: Placed, network: Network) -> None:
    """Each stage in its column, with arrows from the input on the left, and up and down to what is made of it."""
    box = placed.box
    middle, below = box.y + 0.34 * box.height, box.y + 0.62 * box.height
    stacks = [
        _stack(x, middle, 0.42 * box.height, 0.026 * box.height, stage)
        for x, stage in zip(placed.columns, network.stages, strict=True)
    ]
    entrance = box.x + (placed.columns[0] - box.x) / 4
    _arrow(sheet, (entrance, middle), (stacks[0].edges[0], middle))
    for end in (box.y, box.y + box.height):
        sheet.plot([entrance, entrance], [end, middle], color=ARROW, linewidth=0.8)
    sheet.text(entrance, middle, "  input", ha="left", va="bottom", fontsize=SMALL.points, color=FAINT)
    for left, right in pairwise(stacks):
        _arrow(sheet, (left.edges[2], middle), (right.edges[0], middle))
        halfway = (left.edges[2] + right.edges[0]) / 2
        sheet.text(halfway, middle, "pool", ha="center", va="bottom", fontsize=SMALL.points, color=FAINT)
    for stack, stage in zip(stacks, network.stages, strict=True):
        _arrow(sheet, (stack.x, stack.edges[1]), (stack.x, box.y))
        _arrow(sheet, (stack.x, below + 0.24 * box.height), (stack.x, box.y + box.height))
        _draw(sheet, stack)
        _name(sheet, stack.x, below, 0.12 * box.height, stage)


def _stack(x: float, y: float, largest: float, step: float, stage: Stage) -> Stack:
    """Planes whose side goes with the root of the resolution: at 1/16 they would be dots."""
    height = largest / math.sqrt(stage.stride)
    return Stack(x, y, height * stage.size[0] / stage.size[1], height, planes(stage), step)


def _draw(sheet: Axes, stack: Stack) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415 - an extra

    left, top, _, _ = stack.edges
    for i in range(stack.planes):
        corner = (left + i * stack.step, top + i * stack.step / 2)
        sheet.add_patch(
            Rectangle(corner, stack.width, stack.height, facecolor=FILL, edgecolor=EDGE, linewidth=0.5, zorder=3)
        )


def _name(sheet: Axes, x: float, y: float, line: float, stage: Stage) -> None:
    words = f"{stage.channels} channels of {stage.size[0]}\N{MULTIPLICATION SIGN}{stage.size[1]}"
    sheet.text(x, y, stage.name, ha="center", va="top", fontsize=CAPTION.points, fontweight="bold", color=INK)
    sheet.text(x, y + line, words, ha="center", va="top", fontsize=SMALL.points, color=FAINT)


def _arrow(sheet: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    style = {"arrowstyle": "-|>", "color": ARROW, "linewidth": 0.8, "shrinkA": 1, "shrinkB": 1, "mutation_scale": 6}
    sheet.annotate("", xy=end, xytext=start, arrowprops=style)
