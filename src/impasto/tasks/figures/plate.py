"""The page of a figure: panels, in bands, measured in pixels of the pictures -> a PNG, PDF or SVG file."""

from __future__ import annotations

import importlib.util
import math
import os
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from torch import Tensor

from impasto.errors import OutputError
from impasto.files import check_beside, write_atomically
from impasto.images import check_output

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENDINGS: Final[Mapping[str, str]] = {".png": "PNG", ".pdf": "PDF", ".svg": "SVG"}
LEAST_DPI = 200
WIDEST, NARROWEST = 7.2, 3.6  # inches
INK, FAINT = "#1a1a1a", "#5a5a5a"
HEADING: Final[Any] = {"fontsize": 8.5, "fontweight": "bold"}
COLUMN: Final[Any] = {"fontsize": 7.5, "fontweight": "bold"}
CAPTION: Final[Any] = {"fontsize": 7.5}
SMALL: Final[Any] = {"fontsize": 6.2, "color": FAINT}
_UNDATED: Final[Any] = {
    "PNG": {},
    "PDF": {"CreationDate": None},
    "SVG": {"Date": None},
}  # the same figure, the same file
_COLORS: Final = {"text.color": INK, "axes.labelcolor": INK}
_FILES: Final = {"image.composite_image": False, "pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "impasto"}
_SETTINGS: Final[Any] = {"font.family": "DejaVu Sans", **_COLORS, **_FILES}


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


class Band(ABC):
    """What reaches over the width of a page: a row of panels, a network, a curve."""

    panels: tuple[Panel, ...] = ()

    @abstractmethod
    def draw(self, sheet: Sheet, top: int) -> int:
        """Draw it from `top` on; where it ends."""


@dataclass(frozen=True)
class Plate:
    """Bands in `columns` of `cell` inches at most, after `side` inches for the rows' own words; a footnote below."""

    bands: tuple[Band, ...]
    columns: int
    footnote: str
    cell: float = 1.2
    side: float = 0.0

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels, in reading order."""
        return tuple(panel for band in self.bands for panel in band.panels)

    def drawn(self) -> Figure:
        """The page: every pixel of a picture becomes a square of whole dots, every value one dot at least.

        The columns are as wide as the widest picture, unless the tallest were then higher than two columns are wide.
        """
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

        widest, tallest = (max(panel.size[axis] for panel in self.panels) for axis in (0, 1))
        inches = min(self.cell, (WIDEST - self.side) / (1.07 * self.columns))
        inch = inches / max(widest, tallest / 2)
        dots = math.ceil(max(LEAST_DPI * inch, *(1 / panel.pixel for panel in self.panels)))
        figure = Figure(dpi=dots / inch)
        axes = figure.add_axes((0, 0, 1, 1), autoscale_on=False)
        axes.set_axis_off()
        sheet = Sheet(axes, self.columns, round(inches / inch), math.ceil(self.side / inch), inch, dots)
        bottom = sheet.gap
        for band in self.bands:
            bottom = band.draw(sheet, bottom) + sheet.gap
        bottom = sheet.write(self.footnote, SMALL, bottom) + sheet.gap
        width, height = (side + 0.01 / dots for side in (sheet.width, bottom))  # matplotlib rounds down to whole dots
        axes.set(xlim=(0, width), ylim=(height, 0))
        figure.set_size_inches(width * inch, height * inch)
        return figure


def check_drawing(path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Make sure, before any work starts, that a figure can be drawn and written to `path`.

    Raises:
        UsageError: no ending of `ENDINGS`, a folder, or a file that exists while `force` is not set
        MissingFileError: the folder is not there
        OutputError: matplotlib is not installed, or no permission to write into the folder
    """
    check_output(path, force=force, formats=ENDINGS)
    check_beside(Path(path))
    if importlib.util.find_spec("matplotlib") is None:
        raise OutputError("Figures are drawn with matplotlib, which is not installed: pip install 'impasto[figures]'.")


def save_plate(plate: Plate, path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Draw a plate into a file, in the format that its ending names.  The file appears whole or not at all.

    Raises:
        UsageError, OutputError: see `check_drawing`; the disk is full.
    """
    check_drawing(path, force=force)
    kind = ENDINGS[Path(path).suffix.lower()]
    write_atomically(Path(os.path.realpath(path)), encoded(plate, kind))


def encoded(plate: Plate, kind: str) -> bytes:
    """The bytes of the file: `kind` is PNG, PDF or SVG."""
    from matplotlib import rc_context  # noqa: PLC0415 - an extra

    buffer = BytesIO()
    with rc_context(_SETTINGS):
        plate.drawn().savefig(buffer, format=kind.lower(), facecolor="white", metadata=_UNDATED[kind])
    return buffer.getvalue()
