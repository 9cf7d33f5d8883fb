"""Built-in style images, drawn by our own code at any size from a seed: nothing to download, no one's copyright."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from impasto.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from impasto.swatches.canvas import Array

SMALLEST, LARGEST = 16, 3072  # pixels per side
_FINE = 1536  # up to this long side a swatch is drawn at twice the size and averaged

# name -> (the family's module, what it is); the module draws it in a function of that name
_SWATCHES = {
    "brushstrokes": ("oil", "Flow-field brush strokes in thick oil, after post-impressionist night skies"),
    "pointillism": ("oil", "Dense dots of divided color over a lean underpainting, a river at noon"),
    "stained-glass": ("glass", "Leaded panes of streaky glass glowing around a rose, with round lead cames"),
    "mosaic": ("mosaic", "Rows of hand-cut tesserae around medallions in blue, earth and gold, with grout"),
    "marbling": ("marbling", "Combed bands and floating drops of marbled paper in a classic palette"),
    "woodcut": ("prints", "Black and cream lines gouged along the form: rays, hills, water and spruces"),
    "ink-wash": ("ink", "Misty mountains in wet ink on warm grained paper, with splashes and a red seal"),
    "watercolor": ("watercolor", "Flowers in layered translucent washes with dark pigment edges and granulation"),
    "seigaiha": ("waves", "Overlapping waves hand-printed in indigo, growing toward the viewer, under a vermilion sun"),
    "pastel": ("chalk", "Scribbled soft pastel on dark toothy paper, a field and trees at dusk"),
    "embroidery": ("embroidery", "Satin stitch in shining thread: flowers, leaves and a woven ground"),
    "batik": ("batik", "Wax-resist cotton in brown, indigo and cream with dye crackle"),
    "cubism": ("planes", "Faceted planes of ochre, umber and gray-green with shaded edges and short dabs"),
    "halftone": ("screens", "A comic panel in misregistered ben-day dots under a heavy key line"),
    "engraving": ("engraving", "Sepia copper-plate lines that swell, bend over the form and cross in the shadows"),
    "gold-leaf": ("gilding", "Spirals, tiles and flowers in raised gold, silver and enamel on tarnished gold leaf"),
}


def names() -> tuple[str, ...]:
    """The names of all swatches."""
    return tuple(_SWATCHES)


def describe(name: str) -> str:
    """One line that says what a swatch looks like."""
    return _entry(name)[1]


def draw(name: str, *, width: int = 512, height: int = 384, seed: int = 0) -> Array:
    """A swatch as an sRGB picture; another size shows the same design, another seed another picture.

    Shape: (height, width, 3), uint8.
    Raises: UnknownNameError for a name that is no swatch, UsageError for a size or a seed that cannot be drawn.
    """
    family, _ = _entry(name)
    _check(width, height, seed)
    from impasto.swatches.canvas import render  # noqa: PLC0415  # listing the names is not to wait for numpy

    painter = getattr(import_module(f"{__name__}.{family}"), name.replace("-", "_"))
    return render(painter, width, height, seed=seed, finer=2 if max(width, height) <= _FINE else 1)


def _entry(name: str) -> tuple[str, str]:
    if name not in _SWATCHES:
        raise UnknownNameError("swatch", name, names())
    return _SWATCHES[name]


def _check(width: int, height: int, seed: int) -> None:
    for side, pixels in (("width", width), ("height", height)):
        if not SMALLEST <= pixels <= LARGEST:
            raise UsageError(
                f"{side} is {pixels} but a swatch is drawn at {SMALLEST} to {LARGEST} pixels per side; "
                f"choose a {side} in that range, such as 512."
            )
    if seed < 0:
        raise UsageError(f"seed is {seed} but a seed is never negative; choose 0 or more.")
