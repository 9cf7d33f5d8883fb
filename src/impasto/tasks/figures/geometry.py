"""Where on the page everything lies: in whole pixels from the upper left, so that no picture has to be resampled."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace

from impasto.tasks.figures.measures import in_words
from impasto.tasks.figures.panel import Curve, Panel
from impasto.tasks.figures.plate import Band, Heads, Network, Plate, Row

PAGE = 7.2  # inches: the width of a page's text
LEAST_DPI = 200
EM = 0.55  # width of a letter, in font sizes


@dataclass(frozen=True)
class Box:
    """A rectangle: its upper left corner and its size."""

    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> float:
        """Halfway from left to right."""
        return self.x + self.width / 2

    def beside(self, other: Box) -> bool:
        """Whether the two have no pixel in common."""
        across = self.x + self.width <= other.x or other.x + other.width <= self.x
        return across or self.y + self.height <= other.y or other.y + other.height <= self.y


@dataclass(frozen=True)
class Font:
    """Size in points; `bold` for headings, `faint` for small print."""

    points: float
    bold: bool = False
    faint: bool = False


HEADING, CAPTION, SMALL = Font(8.5, bold=True), Font(7.5), Font(6.2, faint=True)


@dataclass(frozen=True)
class Words:
    """Lines of text in a box, centered or from its left."""

    box: Box
    lines: tuple[str, ...]
    font: Font
    centered: bool = True


@dataclass(frozen=True)
class Placed:
    """A panel, a network or a curve, and the box it fills.  A network's `columns` are the middles of its stages."""

    box: Box
    what: Panel | Network | Curve
    columns: tuple[float, ...] = ()


@dataclass(frozen=True)
class Page:
    """The size of the page in pixels, and all that lies on it."""

    width: int
    height: int
    dpi: float
    items: tuple[Words | Placed, ...]


def layout(plate: Plate) -> Page:
    """The page of a plate.

    The pictures are enlarged by the smallest whole number that gives `LEAST_DPI`, and not at all in most cases.
    """
    grid = _Grid.of(plate)
    items: list[Words | Placed] = []
    y = grid.gap
    for band in plate.bands:
        placed = list(_placed(grid, band, y))
        items += placed
        y = max(item.box.y + item.box.height for item in placed) + grid.gap
    if plate.footnote:
        note = grid.words(plate.footnote, SMALL, grid.gap, y + grid.gap // 2, grid.width - 2 * grid.gap, centered=False)
        items.append(note)
        y = note.box.y + note.box.height + grid.gap
    return Page(grid.width, y, grid.dpi, tuple(items))


@dataclass(frozen=True)
class _Grid:
    """Columns of `cell` pixels with `gap` between them, after `side` for the rows' own words."""

    columns: int
    cell: int
    gap: int
    side: int
    scale: int
    dpi: float

    @classmethod
    def of(cls, plate: Plate) -> _Grid:
        widest = max(panel.size[0] for panel in plate.panels)
        side = 0.75 if any(isinstance(band, Row) and band.side for band in plate.bands) else 0.0
        inches = min(plate.cell, (PAGE - side) / (plate.columns * 1.07))
        scale = max(1, math.ceil(LEAST_DPI * inches / widest))
        dpi = widest * scale / inches
        return cls(plate.columns, widest * scale, round(0.06 * inches * dpi), round(side * dpi), scale, dpi)

    @property
    def width(self) -> int:
        return self.gap + self.side + self.columns * (self.cell + self.gap)

    def left(self, column: int) -> int:
        return self.gap + self.side + column * (self.cell + self.gap)

    def pixels(self, points: float) -> int:
        return round(points / 72 * self.dpi)

    def words(self, text: str, font: Font, x: int, y: int, width: int, *, centered: bool = True) -> Words:
        """`text` wrapped to `width`, with the height that it takes."""
        letters = max(4, int(width / self.pixels(font.points) / EM))
        lines = tuple(textwrap.wrap(text, letters, break_long_words=False)) or ("",)
        height = self.pixels(font.points * 1.35 * len(lines))
        return Words(Box(x, y, width, height), lines, font, centered)


def _placed(grid: _Grid, band: Band, y: int) -> Iterator[Words | Placed]:
    if isinstance(band, Row):
        yield from _row(grid, band, y)
    elif isinstance(band, Heads):
        yield from _heads(grid, band, y)
    elif isinstance(band, Network):
        middles = tuple(grid.left(i) + grid.cell / 2 for i in range(1, 1 + len(band.stages)))
        box = Box(grid.left(0), y, grid.width - grid.left(0) - grid.gap, round(1.2 * grid.dpi))
        yield Placed(box, band, middles)
    else:
        yield Placed(Box(grid.gap, y, grid.width - 2 * grid.gap, round(2.1 * grid.dpi)), band)


def _heads(grid: _Grid, heads: Heads, y: int) -> Iterator[Words]:
    if heads.heading:
        span = grid.columns * (grid.cell + grid.gap) - grid.gap
        heading = grid.words(heads.heading, CAPTION, grid.left(0), y, span)
        yield heading
        y += heading.box.height
    for column, word in enumerate(heads.words):
        yield grid.words(word, replace(CAPTION, bold=True), grid.left(column), y, grid.cell)


def _row(grid: _Grid, row: Row, y: int) -> Iterator[Words | Placed]:
    if row.heading:
        heading = grid.words(row.heading, HEADING, grid.left(0), y, grid.width - grid.left(0), centered=False)
        yield heading
        y += heading.box.height + grid.gap // 4
    panels = [(column, panel) for column, panel in enumerate(row.panels) if panel is not None]
    tallest = max(panel.size[1] for _, panel in panels) * grid.scale
    if row.side:
        words = grid.words(row.side, CAPTION, grid.gap, y, grid.side - grid.gap, centered=False)
        yield replace(words, box=replace(words.box, y=y + max(0, tallest - words.box.height) // 2))
    for column, panel in panels:
        width, height = (side * grid.scale for side in panel.size)
        x, top = grid.left(column) + (grid.cell - width) // 2, y + (tallest - height) // 2
        yield Placed(Box(x, top, width, height), panel)
        yield from _caption(grid, panel, grid.left(column), y + tallest)


def _caption(grid: _Grid, panel: Panel, x: int, y: int) -> Iterator[Words]:
    """The panel's label and caption, and its measures in small print."""
    y += grid.gap // 4
    if text := f"{panel.label} {panel.caption}".strip():
        words = grid.words(text, CAPTION, x, y, grid.cell)
        yield words
        y += words.box.height
    if text := in_words(panel.measures):
        yield grid.words(text, SMALL, x, y, grid.cell)
