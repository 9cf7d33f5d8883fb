"""The losses of a run, over its evaluations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from impasto.tasks.figures.sheet import CAPTION, SMALL, Band, Sheet

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
        """On logarithmic scales, that show both the first values and the last; names in the order of the last."""
        from matplotlib.transforms import Affine2D  # noqa: PLC0415 - an extra

        height, left, below, right = (round(inches / sheet.inch) for inches in (HEIGHT, LEFT, BELOW, RIGHT))
        place = (left, -top - height, sheet.width - left - right, height)
        axes = sheet.axes.inset_axes(place, transform=Affine2D().scale(1, -1) + sheet.axes.transData)
        for (name, values), color in zip(self.series.items(), COLORS, strict=False):
            axes.plot(range(1, len(values) + 1), values, color=color, linewidth=1.1, label=name)
        axes.set(xscale="log", yscale="log", xlim=(1, max(2, *self.marks)))
        axes.set_xticks(self.marks[1:], self._labels())
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

    def _labels(self) -> list[str]:
        """Each mark but 0 as a number, unless that of the next one would touch it."""
        return [
            str(mark) if 1.4 * mark < following else "" for mark, following in pairwise((*self.marks[1:], math.inf))
        ]
