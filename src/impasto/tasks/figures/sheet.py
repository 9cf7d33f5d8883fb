"""The page of a figure: one set of matplotlib's axes, measured in pixels of the pictures."""

from __future__ import annotations

import math
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from impasto.tasks.figures.panel import Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDEST, NARROWEST = 7.2, 3.6  # inches
INK, FAINT = "#1a1a1a", "#5a5a5a"
HEADING: Final[Mapping[str, Any]] = {"fontsize": 8.5, "fontweight": "bold"}
COLUMN: Final[Mapping[str, Any]] = {"fontsize": 7.5, "fontweight": "bold"}
CAPTION: Final[Mapping[str, Any]] = {"fontsize": 7.5}
SMALL: Final[Mapping[str, Any]] = {"fontsize": 6.2, "color": FAINT}


@dataclass(frozen=True)
class Sheet:
    """Columns of `cell` pixels after `side`; a pixel is `inch` inches and `dots` dots long, and y goes down."""

    axes: Axes = field(repr=False)
    columns: int
    cell: int
    side: int
    inch: float
    dots: int

    @property
    def gap(self) -> int:
        """Pixels between columns, and around the page."""
        return math.ceil(0.06 * self.cell)

    @property
    def width(self) -> int:
        """Pixels from edge to edge."""
        return max(self.left(self.columns), math.ceil(NARROWEST / self.inch))

    def left(self, column: int) -> int:
        """Where a column begins."""
        return self.gap + self.side + column * (self.cell + self.gap)

    def middle(self, column: int) -> float:
        """Halfway through a column."""
        return self.left(column) + self.cell / 2

    def write(
        self, text: str, font: Mapping[str, Any], top: float, x: float | None = None, width: float = 0, **place: Any
    ) -> int:
        """Write in the longest lines within `width` around or from `x`, or else over the page; where they end."""
        if not text:
            return math.ceil(top)
        x, width = (self.gap, self.width - 2 * self.gap) if x is None else (x, width)
        words = self.axes.text(x, top, text, **{"va": "top", **font, **place})
        whole, room = words.get_window_extent().width, width * self.dots
        letters = min(len(text), round(1.5 * len(text) * room / whole))
        while letters and words.get_window_extent().width > room:
            words.set_text(textwrap.fill(text, letters))
            letters -= 1
        return math.ceil(top + words.get_window_extent().height / self.dots + self.gap / 3)

    def close(self, bottom: int) -> None:
        """Cut the page at `bottom`."""
        spare = 0.01 / self.dots  # matplotlib rounds down to whole dots
        width, height = self.width + spare, bottom + spare
        self.axes.set(xlim=(0, width), ylim=(height, 0))
        figure = self.axes.get_figure(root=True)
        assert figure is not None, "the axes are a figure's"
        figure.set_size_inches(width * self.inch, height * self.inch)


class Band(ABC):
    """What reaches over the width of a page: a row of panels, a network, a curve."""

    panels: tuple[Panel, ...] = ()

    @abstractmethod
    def draw(self, sheet: Sheet, top: int) -> int:
        """Draw it from `top` on; where it ends."""
