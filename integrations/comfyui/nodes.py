"""The nodes: Transfer, Regions, Swatch, and Instant where this impasto can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from comfy_api.latest import ComfyExtension, io
from torch import Tensor

from impasto import PRESETS, Recipe, Region, Run, swatches
from impasto.errors import UsageError

from .carrying_out import here, painted
from .pictures import gradients, mask_for, needed, pictures_of, seen_through
from .settings import INSTANT, preset, setting

CATEGORY = "image/impasto"
LARGEST = 16384  # pixels of a side that a widget offers
LAST_SEED = 2**53 - 1  # the largest whole number that a browser can tell from the next
RegionList = io.Custom("IMPASTO_REGIONS")
Styles = dict[str, Tensor | None] | None


@dataclass(frozen=True)
class Part:
    """A region as it travels between nodes: batches of masks and of a style, as ComfyUI has them."""

    mask: Tensor
    style: Tensor
    style_mask: Tensor | None = None

    def regions(self, name: str, number: int, count: int) -> Iterator[Region]:
        """As it is for one of `count` pictures: one for each style of the batch, which impasto blends."""
        mask = needed(mask_for(self.mask, number, count, f"mask of {name}"), name)
        styles = pictures_of(self.style)
        for i, style in enumerate(styles):
            yield Region(mask, style, mask_for(self.style_mask, i, len(styles), f"style_mask of {name}"))


def _styles() -> Any:
    template = io.Autogrow.TemplatePrefix(io.Image.Input("style"), prefix="style", min=0, max=8)
    told = "Paintings to take the style of; several, and all pictures of a batch, are blended in equal parts."
    return io.Autogrow.Input("styles", template=template, optional=True, tooltip=told)


def _content() -> Any:
    return io.Image.Input("content", tooltip="The photograph, or a batch of them: each is painted.")


def _listed(styles: Styles) -> list[Tensor]:
    return [each for batch in (styles or {}).values() if batch is not None for each in pictures_of(batch)]


def _regions(parts: Sequence[Part], number: int, count: int) -> list[Region]:
    found = (part.regions(f"region {i}", number, count) for i, part in enumerate(parts, 1))
    return [*chain.from_iterable(found)]


class Transfer(io.ComfyNode):
    """The content of a photograph in the style of paintings."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """What it takes; what is said of each setting stands in `Recipe`."""
        usual = Recipe().usual_size
        size = f"Long side of the result in pixels; 0 is the photograph's own. Published methods were made for {usual}."
        return io.Schema(
            node_id="ImpastoTransfer",
            display_name="Transfer (impasto)",
            category=CATEGORY,
            description="Neural style transfer by optimisation: the photograph's content, the paintings' style.",
            search_aliases=["style transfer", "neural style", "gatys", "painting"],
            inputs=[
                _content(),
                _styles(),
                preset(),
                setting("strength", min=0.0, max=1.0, step=0.05, display_mode=io.NumberDisplay.slider),
                setting("size", default=usual, min=0, max=LARGEST, step=8, tooltip=size),
                setting("style_scale", min=0.1, max=8.0, step=0.1),
                setting("colors"),
                setting("iterations", default=0, min=0, max=100_000, tooltip="Evaluations in all; 0 for the preset's."),
                setting("seed", min=0, max=LAST_SEED, control_after_generate=io.ControlAfterGenerate.fixed),
                RegionList.Input("regions", optional=True, tooltip="Parts with styles of their own."),
                io.Mask.Input("keep", optional=True, tooltip="Where it is 1 the photograph stays as it is."),
                io.Mask.Input(
                    "transparent",
                    optional=True,
                    tooltip="LoadImage's mask: 1 where the photograph is transparent, and nothing is to be seen.",
                ),
            ],
            outputs=[io.Image.Output(display_name="image")],
        )

    @classmethod
    def execute(
        cls,
        content: Tensor,
        styles: Styles = None,
        regions: tuple[Part, ...] | None = None,
        keep: Tensor | None = None,
        transparent: Tensor | None = None,
        size: int = 0,
        iterations: int = 0,
        **settings: Any,
    ) -> io.NodeOutput:
        """Paint every picture of the batch.  Shape: content (B, H, W, C) -> (B, H, W, 3)."""
        with gradients():
            photos, paintings = pictures_of(content), _listed(styles)
            if not paintings and not regions:
                raise UsageError("Connect at least one style, or regions that have some.")

            def prepare(number: int) -> Run:
                count = len(photos)
                hidden = mask_for(transparent, number, count, "transparent")
                return here().prepare(
                    seen_through(photos[number], hidden),
                    paintings,
                    regions=_regions(regions or (), number, count),
                    keep=mask_for(keep, number, count, "keep"),
                    size=size or "original",
                    iterations=iterations or None,
                    **settings,
                )

            return io.NodeOutput(painted(len(photos), prepare))


class Regions(io.ComfyNode):
    """A part of the photograph with a style of its own, added to those that come before."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """What it takes."""
        return io.Schema(
            node_id="ImpastoRegions",
            display_name="Regions (impasto)",
            category=CATEGORY,
            description="Where the mask is 1, the photograph is painted in this style. Chain them for several parts.",
            inputs=[
                io.Mask.Input("mask", tooltip="Of the photograph: the part is 1, as the mask editor paints it."),
                io.Image.Input("style", tooltip="The painting for this part."),
                io.Mask.Input("style_mask", optional=True, tooltip="Of the painting: only what is 1 counts as style."),
                RegionList.Input("regions", optional=True, tooltip="The regions before this one."),
            ],
            outputs=[RegionList.Output(display_name="regions")],
        )

    @classmethod
    def execute(
        cls, mask: Tensor, style: Tensor, style_mask: Tensor | None = None, regions: tuple[Part, ...] | None = None
    ) -> io.NodeOutput:
        """The regions before, and this one."""
        return io.NodeOutput((*(regions or ()), Part(mask, style, style_mask)))


class Swatch(io.ComfyNode):
    """A built-in style, drawn at any size."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """What it takes."""
        smallest, largest = swatches.SMALLEST, swatches.LARGEST
        told = "; ".join(f"{name}: {swatches.describe(name)}" for name in swatches.names()[:3])
        return io.Schema(
            node_id="ImpastoSwatch",
            display_name="Swatch (impasto)",
            category=CATEGORY,
            description="A style image that impasto draws itself: nothing to download, no one's copyright.",
            inputs=[
                io.Combo.Input("name", options=list(swatches.names()), default="brushstrokes", tooltip=told),
                io.Int.Input("width", default=512, min=smallest, max=largest),
                io.Int.Input("height", default=384, min=smallest, max=largest),
                io.Int.Input("seed", default=0, min=0, max=LAST_SEED, tooltip="Another seed is another picture."),
            ],
            outputs=[io.Image.Output(display_name="style")],
        )

    @classmethod
    def execute(cls, name: str, width: int, height: int, seed: int) -> io.NodeOutput:
        """Draw it.  Shape: (1, height, width, 3)."""
        drawn = torch.from_numpy(swatches.draw(name, width=width, height=height, seed=seed))
        return io.NodeOutput(drawn[None].float() / 255)


class Instant(io.ComfyNode):
    """A transfer in one pass of a network, for previews and clips."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """What it takes."""
        return io.Schema(
            node_id="ImpastoInstant",
            display_name="Instant (impasto)",
            category=CATEGORY,
            description="One pass, no optimisation: a quick look at what Transfer would make, or a start for it.",
            inputs=[
                _content(),
                _styles(),
                setting("strength", min=0.0, max=1.0, step=0.05, display_mode=io.NumberDisplay.slider),
                setting("size", default=0, min=0, max=LARGEST, step=8, tooltip="Long side; 0 is the photograph's own."),
            ],
            outputs=[io.Image.Output(display_name="image")],
        )

    @classmethod
    def execute(cls, content: Tensor, styles: Styles = None, size: int = 0, strength: float = 0.5) -> io.NodeOutput:
        """Paint every picture of the batch.  Shape: content (B, H, W, C) -> (B, H, W, 3)."""
        return Transfer.execute(content, styles, size=size, strength=strength, preset=INSTANT)


class Extension(ComfyExtension):
    """The nodes of this package."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Those that this version of impasto can carry out."""
        return [Transfer, Regions, Swatch, *([Instant] if INSTANT in PRESETS else [])]


async def comfy_entrypoint() -> Extension:
    """What ComfyUI asks for."""
    return Extension()
