"""A figure laid out -> a PNG, PDF or SVG file, with matplotlib."""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from impasto.errors import OutputError
from impasto.files import write_atomically
from impasto.images import check_output
from impasto.tasks.figures.sheet import INK, SMALL, WIDEST, Band, Panel, Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS: Final[Mapping[str, str]] = {".png": "PNG", ".pdf": "PDF", ".svg": "SVG"}
LEAST_DPI = 200
# No date, so that the same figure is the same file.
_UNDATED: Final[Any] = {"PNG": {}, "PDF": {"CreationDate": None}, "SVG": {"Date": None}}
_SETTINGS: Final[Any] = {
    "font.family": "DejaVu Sans",
    "text.color": INK,
    "axes.labelcolor": INK,
    "image.composite_image": False,
} | {"pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "impasto"}


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

        width, height = (max(panel.size[axis] for panel in self.panels) for axis in (0, 1))
        inches = min(self.cell, (WIDEST - self.side) / (1.07 * self.columns))
        inch = inches / max(width, height / 2)
        dots = math.ceil(max(LEAST_DPI * inch, *(1 / panel.pixel for panel in self.panels)))
        figure = Figure(dpi=dots / inch)
        axes = figure.add_axes((0, 0, 1, 1), autoscale_on=False)
        axes.set_axis_off()
        sheet = Sheet(axes, self.columns, round(inches / inch), math.ceil(self.side / inch), inch, dots)
        bottom = sheet.gap
        for band in self.bands:
            bottom = band.draw(sheet, bottom) + sheet.gap
        sheet.close(sheet.write(self.footnote, SMALL, bottom) + sheet.gap)
        return figure


def check_drawing(path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Make sure, before any work starts, that a figure can be drawn and written to `path`.

    Raises:
        UsageError: no ending of `ENDINGS`, a folder, or a file that exists while `force` is not set
        MissingFileError: the folder is not there
        OutputError: matplotlib is not installed, or no permission to write into the folder
    """
    check_output(path, force=force, formats=ENDINGS)
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
