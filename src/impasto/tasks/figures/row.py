"""Pictures side by side, with headings and captions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from impasto.tasks.figures.measures import in_words
from impasto.tasks.figures.sheet import CAPTION, COLUMN, HEADING, SMALL, Band, Panel, Sheet


@dataclass(frozen=True)
class Row(Band):
    """Panels side by side, in a line of columns; `heading` stands above them, `side` at their left."""

    panels: tuple[Panel, ...]
    heading: str = ""
    side: str = ""

    def draw(self, sheet: Sheet, top: int) -> int:
        """Pictures of different heights are centered, and their captions begin on one line."""
        top = sheet.write(self.heading, HEADING, top)
        tallest = max(panel.size[1] for panel in self.panels)
        sheet.write(self.side, CAPTION, top + tallest / 2, sheet.gap, sheet.side - sheet.gap, va="center")
        ends = []
        for column, panel in enumerate(self.panels):
            width, height = panel.size
            _show(sheet, panel, sheet.left(column) + (sheet.cell - width) // 2, top + (tallest - height) // 2)
            end = top + tallest + sheet.gap // 3
            for text, font in ((f"{panel.label} {panel.caption}".strip(), CAPTION), (in_words(panel.measures), SMALL)):
                end = sheet.write(text, font, end, sheet.middle(column), sheet.cell, ha="center")
            ends.append(end)
        return max(ends)


def _show(sheet: Sheet, panel: Panel, left: int, top: int) -> None:
    """The picture, each of its values as a square."""
    (width, height), values = panel.size, panel.image[0].permute(1, 2, 0).numpy()
    place: Any = (left, left + width, top + height, top)
    sheet.axes.imshow(values, panel.palette, vmin=0, vmax=1, interpolation="none", extent=place, aspect="auto")


@dataclass(frozen=True)
class Heads(Band):
    """A word above each column, and a heading above them all."""

    words: tuple[str, ...]
    heading: str

    def draw(self, sheet: Sheet, top: int) -> int:
        """Both are centered."""
        left, right = sheet.left(0), sheet.width - sheet.gap
        top = sheet.write(self.heading, CAPTION, top, (left + right) / 2, right - left, ha="center")
        return max(
            sheet.write(word, COLUMN, top, sheet.middle(column), sheet.cell, ha="center")
            for column, word in enumerate(self.words)
        )
