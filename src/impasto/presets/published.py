"""What published methods have in common, from which each differs by what its source says."""

from __future__ import annotations

from dataclasses import replace

from impasto.choices import UNLIMITED, SolverSpec
from impasto.encoders.registry import VGG19
from impasto.recipe import Recipe
from impasto.schedule import Pyramid

FIVE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")

EIGHT_BITS = "weights in the package are 8-bit codes; --encoder vgg19.keras and vgg19.caffe are the same, not rounded"

# Mean squared errors of VGG-19's features and Gram matrices in their own units, from the content, at one size.
PUBLISHED = replace(
    Recipe(),
    name="",
    summary="",
    source="",
    encoder=VGG19,
    content_layers={"relu4_2": 1.0},
    content_weight=1.0,
    content_loss="mean squared error",
    style_layers=dict.fromkeys(FIVE_LAYERS, 0.2),
    style_loss="gram",
    style_weight=1.0,
    relative=False,
    neighbor_weight=0.0,
    range_weight=0.0,
    calm=0.0,
    palette_weight=0.0,
    padding=None,
    by_size=(),
    following={},
    style_enlarged_up_to=UNLIMITED,
    init="content",
    detail=0.0,
    solver=SolverSpec("lbfgs", {"history": 20}),
    schedule=Pyramid(most=1, evaluations=500),
    blank_schedule=None,
    dtype="float32",
)
