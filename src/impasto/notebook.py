"""Pictures in a notebook, finished or as they grow: IPython's display shows them, and is looked for only then."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from html import escape
from io import BytesIO
from typing import Any

from PIL import Image

from impasto.clock import Clock, Seldom
from impasto.engine import Step
from impasto.errors import UsageError
from impasto.quantities import duration

LARGEST = 768  # pixels of the long side that are shown; the pictures themselves keep all
QUALITY = 88
OFTEN, SHARE = 0.5, 0.05  # seconds between two pictures at least, and what they take of all time at most

_NO_NOTEBOOK = "A run is watched in a notebook, which this is not; iterate over the run itself."


def bundle(image: Image.Image, words: str) -> tuple[dict[str, str], dict[str, Any]]:
    """A picture as notebooks take it, by media types, and the size to show it at; `words` where there are no pictures.

    It is a JPEG file, or a PNG file if it is transparent, of at most `LARGEST` pixels a side.
    """
    kind, data = _encoded(image)
    width, height = _shown(*image.size)
    return {kind: data, "text/plain": words}, {kind: {"width": width, "height": height}}


def table(rows: Mapping[str, str]) -> dict[str, str]:
    """Names and words as notebooks take them."""
    longest = max(map(len, rows), default=0)
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(words)}</td></tr>" for name, words in rows.items())
    lines = [f"{name:<{longest}}  {words}" for name, words in rows.items()]
    return {"text/plain": "\n".join(lines), "text/html": f"<table>{cells}</table>"}


class Screen:
    """A place in a notebook where a picture is replaced as it grows, always `width` by `height` pixels large.

    Raises:
        UsageError: this is no notebook.
    """

    def __init__(self, width: int, height: int):
        self._display = _display()
        self._handle: Any = None
        self._width, self._height = _shown(width, height)

    def show(self, image: Image.Image, words: str) -> None:
        """Show a picture, in place of the one before, and `words` below it."""
        kind, data = _encoded(image)
        picture = f'<img src="data:{kind};base64,{data}" width="{self._width}" height="{self._height}" alt="">'
        shown = {"text/html": f"<div>{picture}<br>{escape(words)}</div>", "text/plain": words}
        if self._handle is None:
            self._handle = self._display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)


def watched(steps: Iterator[Step], look: Callable[[Step], Image.Image], clock: Clock, screen: Screen) -> Iterator[Step]:
    """The steps, whose pictures, as `look` gives them, are on the screen now and then; the last one when it ends."""
    step, now_and_then = None, Seldom(OFTEN, SHARE)
    try:
        for step in steps:
            if now_and_then.due:
                with now_and_then.doing():
                    screen.show(look(step), f"{_where(step)}, about {duration(clock.left(step))} left")
            yield step
    finally:
        if step is not None:
            screen.show(look(step), f"{_where(step)}, {duration(step.seconds)}{'' if step.last else '; stopped'}")


def _display() -> Any:
    """IPython's `display`.  What it gives is not typed."""
    try:
        from IPython import display, get_ipython  # noqa: PLC0415 - whoever has no notebook needs none of it
    except ImportError as missing:
        raise UsageError(_NO_NOTEBOOK) from missing
    if get_ipython() is None:
        raise UsageError(_NO_NOTEBOOK)
    return display.display


def _where(step: Step) -> str:
    width, height = step.size
    return f"{step.done} of {step.total} evaluations, {width}x{height}, loss {step.loss:.4g}"


def _encoded(image: Image.Image) -> tuple[str, str]:
    """The media type and the file of a picture, at its size or a smaller one."""
    small, file, transparent = image.copy(), BytesIO(), image.mode == "RGBA"
    small.thumbnail((LARGEST, LARGEST))
    small.save(file, "PNG" if transparent else "JPEG", quality=QUALITY)
    return f"image/{'png' if transparent else 'jpeg'}", b64encode(file.getvalue()).decode("ascii")


def _shown(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, LARGEST / max(width, height))
    return round(width * scale), round(height * scale)
