"""The network, drawn as stacks of planes: smaller and smaller in space, deeper and deeper in channels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from impasto.encoders.chain import ChainEncoder
from impasto.images import Picture
from impasto.tasks.figures.materials import in_papers_words
from impasto.tasks.figures.sheet import COLUMN, SMALL, Band, Sheet

FILL, EDGE, ARROW = "#dce6f0", "#34567a", "#9a9a9a"
# Inches: half the height of the largest stack with the arrow above it, the arrow below a name, the shift of a plane.
HALF, BELOW, SHIFT = 0.4, 0.15, 0.03


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
        middle, columns = top + HALF / sheet.inch, range(1, 1 + len(self.stages))
        drawn = [stage.draw(sheet, sheet.middle(i), top) for i, stage in zip(columns, self.stages, strict=True)]
        names_end = max(end for *_, end in drawn)
        bottom = names_end + round(BELOW / sheet.inch)
        for column in columns:
            _arrow(sheet, (sheet.middle(column), names_end), (sheet.middle(column), bottom))
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
