"""What lies on the page of a figure: bands, from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass

from impasto.tasks.figures.panel import Curve, Panel


@dataclass(frozen=True)
class Row:
    """Panels side by side, one per column; None leaves a gap.  `side` stands at the left, `heading` above."""

    panels: tuple[Panel | None, ...]
    heading: str = ""
    side: str = ""


@dataclass(frozen=True)
class Stage:
    """A layer as it is drawn: `size` is (width, height) of its feature maps."""

    name: str
    channels: int
    stride: int
    size: tuple[int, int]


@dataclass(frozen=True)
class Network:
    """The stages of a network, one per column after the first, joined by arrows."""

    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Heads:
    """A word above each column, and a heading above them all."""

    words: tuple[str, ...]
    heading: str = ""


Band = Row | Network | Heads | Curve


@dataclass(frozen=True)
class Plate:
    """A figure's page.  `size` is the long side of its pictures in pixels; the footnote stands below in small print."""

    bands: tuple[Band, ...]
    columns: int
    size: int
    footnote: str = ""
    cell: float = 1.2  # inches per column, at most

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels, in reading order."""
        rows = (band for band in self.bands if isinstance(band, Row))
        return tuple(panel for row in rows for panel in row.panels if panel is not None)
