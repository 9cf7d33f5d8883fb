"""A plate -> a PNG, PDF or SVG file, with matplotlib: text as outlines or fonts, pictures with the pixels they have."""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from impasto.errors import OutputError
from impasto.files import write_atomically
from impasto.images import check_output
from impasto.tasks.figures.geometry import CAPTION, SMALL, Box, Page, Placed, Words, layout
from impasto.tasks.figures.network import draw_network
from impasto.tasks.figures.panel import Curve, Panel
from impasto.tasks.figures.plate import Network, Plate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENDINGS: Final[Mapping[str, str]] = MappingProxyType({".png": "PNG", ".pdf": "PDF", ".svg": "SVG"})
COLORS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # told apart by everybody (Okabe & Ito)
INK, FAINT = "#1a1a1a", "#5a5a5a"
# No date, so that the same figure is the same file.
_UNDATED: Final = {"PNG": {}, "PDF": {"CreationDate": None}, "SVG": {"Date": None}}
_SETTINGS: Final[Any] = {
    "font.family": "DejaVu Sans",
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "impasto",
}


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

    page, buffer = layout(plate), BytesIO()
    with rc_context(_SETTINGS):
        metadata: dict[str, Any] = _UNDATED[kind]
        drawn(page).savefig(buffer, format=kind.lower(), dpi=page.dpi, facecolor="white", metadata=metadata)
    return buffer.getvalue()


def drawn(page: Page) -> Figure:
    """The page as a matplotlib figure."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

    figure = Figure(figsize=((page.width + 0.01) / page.dpi, (page.height + 0.01) / page.dpi), dpi=page.dpi)
    sheet = _axes(figure, page, Box(0, 0, page.width, page.height))
    for item in page.items:
        if isinstance(item, Words):
            _write(sheet, item)
        elif isinstance(item.what, Panel):
            _show(_axes(figure, page, item.box), item.what)
        elif isinstance(item.what, Network):
            draw_network(sheet, item, item.what)
        else:
            _plot(figure, page, item, item.what)
    return figure


def _axes(figure: Figure, page: Page, box: Box) -> Axes:
    """Axes that fill a box, with its pixels as their units."""
    bottom = page.height - box.y - box.height
    place = (box.x / page.width, bottom / page.height, box.width / page.width, box.height / page.height)
    axes = figure.add_axes(place)
    axes.set_axis_off()
    axes.set_xlim(0, box.width)
    axes.set_ylim(box.height, 0)
    return axes


def _write(sheet: Axes, words: Words) -> None:
    box, font = words.box, words.font
    sheet.text(
        box.middle if words.centered else box.x,
        box.y,
        "\n".join(words.lines),
        ha="center" if words.centered else "left",
        va="top",
        fontsize=font.points,
        fontweight="bold" if font.bold else "normal",
        color=FAINT if font.faint else INK,
        linespacing=1.2,
    )


def _show(axes: Axes, panel: Panel) -> None:
    """The picture over its whole box, each of its pixels as a square."""
    values = panel.image[0].permute(1, 2, 0).clamp(0, 1).numpy()
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    axes.imshow(
        values[..., 0] if values.shape[2] == 1 else values,
        cmap=panel.palette,
        vmin=0,
        vmax=1,
        interpolation="none",
        extent=(left, right, bottom, top),
        aspect="auto",
    )


def _plot(figure: Figure, page: Page, placed: Placed, curve: Curve) -> None:
    """The values over the evaluations, on scales that show both the first ones and the last."""
    box, left, below, right = placed.box, *(round(inches * page.dpi) for inches in (0.6, 0.42, 0.8))
    axes = _axes(figure, page, Box(box.x + left, box.y, box.width - left - right, box.height - below))
    axes.set_axis_on()
    lowest = min(min(values) for values in curve.series.values())
    highest = max(max(values) for values in curve.series.values())
    axes.set(xscale="symlog", yscale="log", xlim=(0, max(curve.marks)), ylim=(lowest / 1.5, highest * 1.5))
    ends = [_height(axes, values[-1]) for values in curve.series.values()]
    for (name, values), end, color in zip(curve.series.items(), apart(ends, 0.07), COLORS, strict=False):
        axes.plot(range(1, len(values) + 1), values, color=color, linewidth=1.1)
        axes.text(1.01, end, name, transform=axes.transAxes, va="center", fontsize=CAPTION.points, color=color)
    for mark in curve.marks:
        axes.axvline(mark, color="#d8d8d8", linewidth=0.6, zorder=0)
    axes.minorticks_off()
    axes.set_xticks(curve.marks, [str(mark) for mark in curve.marks])
    axes.tick_params(labelsize=SMALL.points, width=0.6, colors=INK)
    axes.set_xlabel("evaluations", fontsize=CAPTION.points, color=INK)
    axes.set_ylabel("loss", fontsize=CAPTION.points, color=INK)
    axes.spines[["top", "right"]].set_visible(False)


def _height(axes: Axes, value: float) -> float:
    """Where a value lies on the logarithmic scale: 0 at the bottom, 1 at the top."""
    bottom, top = axes.get_ylim()
    return math.log(value / bottom) / math.log(top / bottom)


def apart(positions: Sequence[float], least: float) -> list[float]:
    """The positions, moved upwards where one would be nearer than `least` to the one below it."""
    moved, floor = list(positions), -math.inf
    for i in sorted(range(len(positions)), key=lambda i: positions[i]):
        moved[i] = max(positions[i], floor)
        floor = moved[i] + least
    return moved
