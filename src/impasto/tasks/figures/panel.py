"""A picture of a figure, with the words and numbers that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Panel:
    """One picture of a figure.

    `image` is (1, 3, H, W), sRGB in [0, 1], or (1, 1, H, W), drawn in shades of `palette` from 0 to 1; each value
    covers `pixel` pixels of the figure's pictures.  `caption` is set below it after `label`, as in (a), and `measures`
    in small print.
    """

    image: Tensor = field(repr=False)
    caption: str = ""
    label: str = ""
    measures: Mapping[str, float] = field(default_factory=dict)
    palette: str = "gray"
    pixel: float = 1.0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the figure's pictures."""
        height, width = self.image.shape[-2:]
        return round(width * self.pixel), round(height * self.pixel)

    def record(self) -> dict[str, object]:
        """The panel as plain JSON values, without its picture."""
        return {"label": self.label, "caption": self.caption, **self.measures}
