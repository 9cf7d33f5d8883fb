"""What lies on a page: pictures side by side with their words, the network as stacks of planes, the losses of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from impasto.encoders.chain import ChainEncoder
from impasto.images import Picture
from impasto.tasks.figures.captions import in_papers_words, in_words
from impasto.tasks.figures.plate import CAPTION, COLUMN, HEADING, SMALL, Band, Panel, Sheet

# Pictures -----------------------------------------------------------------------------------------------------------


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
            left, upper = sheet.left(column) + (sheet.cell - width) // 2, top + (tallest - height) // 2
            place: Any = {"extent": (left, left + width, upper + height, upper), "aspect": "auto"}
            values = panel.image[0].permute(1, 2, 0).numpy()
            sheet.axes.imshow(values, panel.palette, vmin=0, vmax=1, interpolation="none", **place)
            end = top + tallest + sheet.gap // 3
            for text, font in ((f"{panel.label} {panel.caption}".strip(), CAPTION), (in_words(panel.measures), SMALL)):
                end = sheet.write(text, font, end, sheet.middle(column), sheet.cell, ha="center")
            ends.append(end)
        return max(ends)


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


# The network --------------------------------------------------------------------------------------------------------

FILL, EDGE, ARROW = "#dce6f0", "#34567a", "#9a9a9a"
# Inches: half the height of the largest stack with the arrow above it, the arrow below a name, the shift of a plane.
HALF, DOWN, SHIFT = 0.4, 0.15, 0.03


@dataclass(frozen=True)
class Stage:
    """A layer as it is drawn: `size` is (width, height) of its feature maps."""

    name: str
    channels: int
    stride: int
    size: tuple[int, int]

    @property
    def features(self) -> str:
        """`64 channels of 256x192`."""
        return f"{self.channels} channels of {self.size[0]}\N{MULTIPLICATION SIGN}{self.size[1]}"

    @property
    def planes(self) -> int:
        """How many planes stand for the channels: two for each doubling."""
        return max(2, round(2 * math.log2(self.channels) - 4))

    def draw(self, sheet: Sheet, x: float, top: int) -> tuple[float, float, int]:
        """The planes around `x`, an arrow up from them, the name below; their left and right edge, where it ends.

        The planes' sides go with the root of the resolution: at 1/16 they would be dots.
        """
        from matplotlib.patches import Rectangle  # noqa: PLC0415 - an extra

        ratio, shift = self.size[0] / self.size[1], SHIFT / sheet.inch
        height = min(0.5 / sheet.inch, 0.6 * sheet.cell / ratio) / math.sqrt(self.stride)
        width, spread = height * ratio, shift * (self.planes - 1)
        left, upper = x - (width + spread) / 2, top + HALF / sheet.inch - (height + spread / 2) / 2
        _arrow(sheet, (x, upper), (x, top))
        for i in range(self.planes):
            corner = (left + i * shift, upper + i * shift / 2)
            plane = Rectangle(corner, width, height, facecolor=FILL, edgecolor=EDGE, linewidth=0.5, zorder=3)
            sheet.axes.add_patch(plane)
        end = sheet.write(self.name, COLUMN, top + 2 * HALF / sheet.inch, x, sheet.cell, ha="center")
        return left, left + width + spread, sheet.write(self.features, SMALL, end, x, sheet.cell, ha="center")


def stage_of(encoder: ChainEncoder, layer: str, picture: Picture) -> Stage:
    """A layer that looks at a picture."""
    info, (height, width) = encoder.layers[layer], picture.pixels.shape[-2:]
    return Stage(in_papers_words(layer), info.channels, info.stride, (width // info.stride, height // info.stride))


@dataclass(frozen=True)
class Network(Band):
    """The stages of a network, one per column after the first, joined by arrows."""

    stages: tuple[Stage, ...]

    def draw(self, sheet: Sheet, top: int) -> int:
        """Each stage in its column, with arrows from the input on the left, and up and down to what is made of it."""
        middles = [sheet.middle(column) for column in range(1, 1 + len(self.stages))]
        drawn = [stage.draw(sheet, x, top) for x, stage in zip(middles, self.stages, strict=True)]
        middle, names_end = top + HALF / sheet.inch, max(end for *_, end in drawn)
        bottom = names_end + round(DOWN / sheet.inch)
        for x in middles:
            _arrow(sheet, (x, names_end), (x, bottom))
        start, words = sheet.left(0) + 0.4 * sheet.cell, "input"
        sheet.axes.plot([start, start], [top, bottom], color=ARROW, linewidth=0.8)
        for left, right, _ in drawn:
            _arrow(sheet, (start, middle), (left, middle))
            sheet.axes.text((start + left) / 2, middle, words, ha="center", va="bottom", **SMALL)
            start, words = right, "pool"
        return bottom


def _arrow(sheet: Sheet, start: tuple[float, float], end: tuple[float, float]) -> None:
    style = {"arrowstyle": "-|>", "color": ARROW, "linewidth": 0.8, "shrinkA": 1, "shrinkB": 1, "mutation_scale": 6}
    sheet.axes.annotate("", xy=end, xytext=start, arrowprops=style)


# Losses -------------------------------------------------------------------------------------------------------------

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # told apart by everybody (Okabe & Ito)
HEIGHT, LEFT, BELOW, RIGHT = 1.7, 0.6, 0.45, 0.8  # inches: the axes, and the space around them


@dataclass(frozen=True)
class Curve(Band):
    """Values by name, the first at one evaluation; `marks` are the evaluations, from 0, that pictures were taken at."""

    series: Mapping[str, Sequence[float]] = field(repr=False)
    marks: tuple[int, ...]

    def record(self) -> dict[str, object]:
        """The curve as plain JSON values."""
        return {"marks": list(self.marks), "series": {name: list(values) for name, values in self.series.items()}}

    def draw(self, sheet: Sheet, top: int) -> int:
        """On logarithmic scales, that show both the first values and the last; names in the order of the last.

        Each mark but 0 has its number, unless that of the next one would touch it.
        """
        from matplotlib.transforms import Affine2D  # noqa: PLC0415 - an extra

        height, left, below, right = (round(inches / sheet.inch) for inches in (HEIGHT, LEFT, BELOW, RIGHT))
        place = (left, -top - height, sheet.width - left - right, height)
        axes = sheet.axes.inset_axes(place, transform=Affine2D().scale(1, -1) + sheet.axes.transData)
        for (name, values), color in zip(self.series.items(), COLORS, strict=False):
            axes.plot(range(1, len(values) + 1), values, color=color, linewidth=1.1, label=name)
        numbers = [str(mark) if 1.4 * mark < after else "" for mark, after in pairwise((*self.marks[1:], math.inf))]
        axes.set(xscale="log", yscale="log", xlim=(1, max(2, *self.marks)))
        axes.set_xticks(self.marks[1:], numbers)
        axes.minorticks_off()
        axes.grid(axis="x", color="#d8d8d8", linewidth=0.6)
        axes.tick_params(labelsize=SMALL["fontsize"], width=0.6)
        axes.set_xlabel("evaluations", **CAPTION)
        axes.set_ylabel("loss", **CAPTION)
        axes.spines[["top", "right"]].set_visible(False)
        lines = sorted(axes.lines, key=lambda line: -self.series[str(line.get_label())][-1])
        look = {"frameon": False, "labelcolor": "linecolor", "handlelength": 1.0, "fontsize": CAPTION["fontsize"]}
        axes.legend(handles=lines, loc="center left", bbox_to_anchor=(1, 0.5), **look)
        return top + height + below
