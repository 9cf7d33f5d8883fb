"""Published programs of other people, and the tutorial that impasto grew from."""

from __future__ import annotations

import math
from dataclasses import replace

from impasto.choices import UNLIMITED, Milestones, SolverSpec
from impasto.encoders.preprocessing import CAFFE_BGR, IMAGENET_RGB, Preprocessing
from impasto.encoders.vgg import BLOCK_CHANNELS
from impasto.presets.published import EIGHT_BITS, FIVE_LAYERS, PUBLISHED
from impasto.schedule import Pyramid

JOHNSON = replace(
    PUBLISHED,
    name="johnson2015",
    summary="neural-style's defaults: 1000 L-BFGS evaluations from noise at one size.",
    source="Johnson 2015; github.com/jcjohnson/neural-style; "
    "content 5 MSE(F, P), style sum 100 MSE(G/(N M), A/(N M)), smoothness 1e-3 on pixels from 0 to 256",
    differences=(
        "the noise lies around mid-gray; the program's around ImageNet's mean color",
        "pictures are resampled with antialiased cubics; in the program linearly",
        "the result is the last picture that was evaluated; the program's is one step further",
        EIGHT_BITS,
    ),
    preprocessing=Preprocessing.bgr(256.0, (103.939, 116.779, 123.68)),
    content_weight=5.0,
    style_layers={layer: 1e2 / n**2 for layer, n in zip(FIVE_LAYERS, BLOCK_CHANNELS, strict=True)},
    tv_weight=1e-3 * (256 / 255) ** 2,
    tv_loss="summed total variation",
    init="random",
    noise=1e-3 / 256,
    solver=SolverSpec("lbfgs", {"history": 100, "tolerance": math.inf}, units=256.0),
    schedule=Pyramid(most=1, evaluations=1000),
)

KERAS = replace(
    PUBLISHED,
    name="keras-example",
    summary="The Keras documentation's example: VGG-19, block5_conv2, SGD with a decaying rate, 4000 steps.",
    source="keras.io/examples/generative/neural_style_transfer; content 2.5e-8 sum (F-P)^2, "
    "style 1e-6/5 sum (G-A)^2 / (4 3^2 (H W)^2), smoothness 1e-6 sum (a+b)^1.25",
    differences=(
        "the long side is set, not the 400 rows of the source",
        "the source divides by the image's size, this by the layer's: the same where sides divide by 16",
        EIGHT_BITS,
    ),
    preprocessing=CAFFE_BGR,
    content_layers={"relu5_2": 1.0},
    content_loss="squared sum",
    content_weight=2.5e-8,
    style_layers={
        layer: n**2 / (36 * stride**4) / 5
        for layer, n, stride in zip(FIVE_LAYERS, BLOCK_CHANNELS, (1, 2, 4, 8, 16), strict=True)
    },
    style_weight=1e-6,
    tv_weight=1e-6,
    tv_loss="keras total variation",
    resample="nearest",
    stretch_style=True,
    solver=SolverSpec("sgd", {"lr": 100.0, "decay": 0.96, "decay_steps": 100}, units=255.0),
    schedule=Pyramid(most=1, evaluations=4000),
)

TUTORIAL = replace(
    PUBLISHED,
    name="tutorial",
    summary="The founding tutorial's Keras program: VGG-19 on [-1, 1], block5_conv2, RMSprop, 8000 steps.",
    source="the Keras program that impasto grew from; formulas of Gatys, Ecker & Bethge 2015: "
    "content 2e-4 * 1/2 sum (F-P)^2, style sum 1/5 sum (G-A)^2 / (4 (H W)^2 C^2)",
    differences=(
        "epsilon lies inside the root, as since Keras 2.11; before, outside",
        "a photograph's color profile is applied; OpenCV ignores it",
        "saved values are rounded; the program cuts off their fractions",
        EIGHT_BITS,
    ),
    preprocessing=Preprocessing.bgr(2.0, (1.0, 1.0, 1.0)),
    content_layers={"relu5_2": 1.0},
    content_loss="half squared sum",
    content_weight=2e-4,
    style_layers=dict.fromkeys(FIVE_LAYERS, 1 / 5),
    style_weight=1 / 4,
    resample="opencv",
    stretch_style=True,
    solver=SolverSpec("rmsprop", {"lr": 1e-3, "rho": 0.9, "epsilon": 1e-7}, units=2.0),
    schedule=Pyramid(most=1, evaluations=8000),
    usual_size=UNLIMITED,
    milestones=Milestones(every=1000, line="epoch {done}: loss={loss:.4f}", file="epoch{done}.png"),
)

CROWSON = replace(
    PUBLISHED,
    name="crowson2021",
    summary="style-transfer-pytorch: Wasserstein-2 statistics, Adam with averaged iterates, steps of sqrt(2).",
    source="Crowson 2021; github.com/crowsonkb/style-transfer-pytorch",
    differences=(
        "matrix roots are exact, not Newton-Schulz iterations; what keeps them regular is in proportion to the style's "
        "variance, in the source 1e-4",
        "the style image always follows the picture's size; the source does not enlarge it",
        "every convolution pads with replicated borders; the source only the first",
        "pictures are resampled with antialiased cubics, and Adam's means linearly; in the source Lanczos and cubics",
        "the average begins with each size's first step; in the source with the picture before it",
    ),
    encoder="vgg19.torchvision",
    preprocessing=IMAGENET_RGB,
    padding="replicate",
    content_weight=0.015,
    style_layers={layer: w / 341 for layer, w in zip(FIVE_LAYERS, (256, 64, 16, 4, 1), strict=True)},
    style_loss="wasserstein2",
    tv_weight=2.0,
    tv_loss="nine point variation",
    solver=SolverSpec("adam", {"lr": 0.02, "beta1": 0.9, "beta2": 0.99}, clamped=True, averaged=0.99),
    schedule=Pyramid(smallest=128, factor=2**0.5, shares=(2, 1), evaluations=3000),
)
