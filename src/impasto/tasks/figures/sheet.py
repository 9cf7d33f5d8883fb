"""The page of a figure, measured in pixels of the pictures, and what lies on it: panels, in bands."""

from __future__ import annotations

import math
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDEST, NARROWEST = 7.2, 3.6  # inches
INK, FAINT = "#1a1a1a", "#5a5a5a"
HEADING: Final[Mapping[str, Any]] = {"fontsize": 8.5, "fontweight": "bold"}
COLUMN: Final[Mapping[str, Any]] = {"fontsize": 7.5, "fontweight": "bold"}
CAPTION: Final[Mapping[str, Any]] = {"fontsize": 7.5}
SMALL: Final[Mapping[str, Any]] = {"fontsize": 6.2, "color": FAINT}


@dataclass(frozen=True)
class Panel:
    """One picture of a figure.

    `image` is (1, 3, H, W), sRGB, or (1, 1, H, W), drawn in shades of `palette` from 0 to 1; it is brought into [0, 1],
    and each value covers `pixel` pixels of the figure's pictures.  `caption` is set below it after `label`, as in (a),
    and `measures` in small print.
    """

    image: Tensor = field(repr=False)
    caption: str = ""
    label: str = ""
    measures: Mapping[str, float] = field(default_factory=dict)
    palette: str = "gray"
    pixel: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "image", self.image.clamp(0, 1).cpu())

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the figure's pictures."""
        height, width = self.image.shape[-2:]
        return round(width * self.pixel), round(height * self.pixel)

    def record(self) -> dict[str, object]:
        """The panel as plain JSON values, without its picture."""
        return {"label": self.label, "caption": self.caption, **self.measures}


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
