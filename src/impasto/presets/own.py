"""Our own recipes beside the default: quicker, better, by places, and for figures."""

from __future__ import annotations

from dataclasses import replace

from impasto.choices import Above, SolverSpec
from impasto.encoders.registry import COMPACT
from impasto.presets.published import FIVE_LAYERS
from impasto.recipe import SHALLOW, Recipe
from impasto.schedule import Pyramid

# What differs where the picture is no longer small: the shallow layers alone.
_SHALLOW = {**SHALLOW, "content_weight": 0.2, "neighbor_weight": 0.0}

# What `compact` does not see by one layer it may see by the next, and they are computed anyway.
_EVERY = dict.fromkeys(("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu3_4"), 1.0)

FAST = replace(
    Recipe(),
    name="fast",
    summary="Quicker than the default: the compact encoder in place of VGG-19, at every size.",
    encoder=COMPACT,
    style_layers={**_EVERY, "relu4_1": 1.0, "relu4_2": 1.0},
    style_weight=12.0,
    neighbor_weight=0.0,
    by_size=(Above(256, {**_SHALLOW, "style_layers": _EVERY, "style_smoothing": 0.016}),),
    schedule=Pyramid(128, 2.0, (30, 30, 16), evaluations=76),
)

BEST = replace(
    Recipe(),
    name="best",
    summary="With more time and bolder: VGG-19 to its deep layers at every size.",
    content_weight=0.1,
    style_weight=24.0,
    neighbor_weight=9.0,
    by_size=(Above(256, {"content_weight": 0.12, "neighbor_weight": 0.0}),),
    schedule=Pyramid(128, 2.0, (24, 24, 40), evaluations=88),
)

NEIGHBORS = replace(
    Recipe(),
    name="neighbors",
    summary="Each place more firmly as some place of the style, while the picture is small: calmer, more of one piece.",
    content_weight=0.1,
    style_weight=8.0,
    neighbor_weight=3.0,
    by_size=(Above(256, _SHALLOW),),
    schedule=Pyramid(128, 2.0, (24, 24, 9), evaluations=57),
)

# What a figure shows is the papers' network, at one size and from noise if the figure says so; that takes minutes.
STUDY = replace(
    Recipe(),
    name="study",
    summary="For figures and reconstructions: VGG-19 and the papers' five layers, at every size.",
    source="chosen by measurement, see docs/decisions/0004-default-objective.md and 0008-speed-and-scale.md",
    padding=None,
    content_weight=1.0,
    style_weight=8.0,
    style_layers=dict.fromkeys(FIVE_LAYERS, 1.0),
    neighbor_weight=0.0,
    by_size=(),
    schedule=Pyramid(128, 2.0, (3, 3, 4, 3), evaluations=90),
    blank_schedule=Pyramid(128, 2.0, (10, 7, 4, 2), evaluations=210),
)

# Nothing but the beginning is left: the first evaluation is the last.
PALETTE = replace(
    Recipe(),
    name="palette",
    summary="The style's colors alone, no strokes.",
    source="the beginning of all our own recipes",
    encoder=COMPACT,
    content_weight=0.0,
    style_weight=0.0,
    neighbor_weight=0.0,
    palette_weight=0.0,
    calm=0.0,
    by_size=(),
    following={},
    schedule=Pyramid(most=1, evaluations=1),
)

# The same, of what a network paints: there is nothing to evaluate but the range of its colors.
INSTANT = replace(
    PALETTE,
    name="instant",
    summary="At once: a small network paints in one pass, a preview of what the others do.",
    source="trained for it, see docs/decisions/0014-instant.md",
    init="instant",
    content_layers={},
    style_layers={"relu4_1": 1.0},
    solver=SolverSpec("sgd"),
)
