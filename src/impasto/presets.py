"""Named, cited sets of hyper-parameters: how a picture is made, apart from which pictures and how large.

A preset is complete: nothing that shapes the result lies outside it but the images, the size, the seed and the
strength. Published ones say where their numbers come from, and how we still differ from the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from impasto.encoders.base import Preprocessing
from impasto.encoders.vgg import BLOCK_CHANNELS
from impasto.errors import named
from impasto.losses import (
    ContentLoss,
    ImageLoss,
    MomentLoss,
    covariance_error,
    gram_error,
    half_squared_sum,
    keras_total_variation,
    mean_squared_error,
    mean_std_error,
    nine_point_variation,
    out_of_range,
    relative_squared_error,
    squared_sum,
    summed_total_variation,
    total_variation,
    wasserstein2,
)
from impasto.schedule import SINGLE, Pyramid
from impasto.solvers import LBFGS, SGD, Adam, Averaged, Clamped, InUnits, RMSprop, Solver

# Style losses by the name they have on the command line: which moment losses are added up.
STYLE_LOSSES: Mapping[str, tuple[MomentLoss, ...]] = MappingProxyType(
    {
        "gram": (gram_error,),
        "gram+mean-std": (gram_error, mean_std_error),
        "covariance": (covariance_error,),
        "wasserstein2": (wasserstein2,),
        "gram+wasserstein2": (gram_error, wasserstein2),
    }
)
SOLVERS: Mapping[str, Solver] = MappingProxyType(
    {
        "lbfgs": LBFGS(),
        "adam": Averaged(Clamped(Adam()), decay=0.95),
        "rmsprop": RMSprop(lr=5e-3),
    }
)

_FIVE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@dataclass(frozen=True)
class Preset:
    """How a picture is made.

    * `style_layers` and `content_layers` map a layer to its weight; `style_losses` are added up at each style layer.
    * With `relative`, each style loss is divided by its target's energy and each side's layers are averaged, so that
      weights mean the same for every size, style and encoder. Without, every number is taken as the source prints it.
    * `preprocessing`, `pooling` and `padding` replace the weights' own where the source did so.
    * `detail` is how much of the start's finer detail is added whenever the picture is enlarged.
    * `stretch_style` squeezes the style image into the content's size, as some sources do.
    * `noise` is the standard deviation of a random start around mid-grey, in [0, 1] units.
    * `size` is the long side when nobody asks for one; `dtype` is that of features, `auto` the device's fastest.
    """

    name: str
    summary: str
    source: str
    differences: tuple[str, ...] = ()
    encoder: str = "vgg19.caffe"
    preprocessing: Preprocessing | None = None
    pooling: str | None = None
    padding: str | None = None
    content_layers: Mapping[str, float] = field(default_factory=lambda: {"relu4_2": 1.0})
    content_loss: ContentLoss = mean_squared_error
    content_weight: float = 1.0
    style_layers: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(_FIVE, 0.2))
    style_losses: tuple[MomentLoss, ...] = (gram_error,)
    style_weight: float = 1.0
    relative: bool = False
    tv_weight: float = 0.0
    tv_loss: ImageLoss = total_variation
    range_weight: float = 0.0
    range_loss: ImageLoss = out_of_range
    init: str = "content"
    noise: float = 0.25
    detail: float = 0.0
    stretch_style: bool = False
    solver: Solver = field(default_factory=LBFGS)
    schedule: Pyramid = SINGLE
    iterations: int = 500
    size: int = 512
    dtype: str = "float32"


_DEFAULT = Preset(
    name="default",
    summary="A good picture in seconds: all layers of the built-in encoder, Gram, mean and std, coarse to fine.",
    source="chosen by measurement, see docs/decisions/0004-default-objective.md",
    encoder="compact",
    content_layers={"relu4_2": 1.0},
    content_loss=relative_squared_error,
    style_layers={"*": 1.0},
    style_losses=(gram_error, mean_std_error),
    style_weight=12.0,
    relative=True,
    range_weight=100.0,
    init="matched",
    detail=1.0,
    solver=LBFGS(history=10),
    schedule=Pyramid(smallest=128, factor=2.0, shares=(10, 7, 4, 2)),
    iterations=210,
    dtype="auto",
)

_GATYS_CODE = Preset(
    name="gatys2016-code",
    summary="The authors' own PyTorch notebook: 500 evaluations at 512 pixels, then 200 at 800.",
    source="Gatys, Ecker & Bethge 2016; github.com/leongatys/PytorchNeuralStyleTransfer",
    differences=(
        "sizes are those of the long side; the notebook's are of the short side",
        "L-BFGS backtracks from a step that raises the loss; PyTorch's takes it",
    ),
    style_layers={layer: 1e3 / n**2 for layer, n in zip(_FIVE, BLOCK_CHANNELS, strict=True)},
    solver=InUnits(LBFGS(history=100), 255.0),
    schedule=Pyramid(smallest=16, factor=800 / 512, shares=(5, 2), most=2),
    iterations=700,
    size=800,
)

_JOHNSON = Preset(
    name="johnson2015",
    summary="neural-style's defaults: 1000 L-BFGS evaluations from noise at one size.",
    source="Johnson 2015; github.com/jcjohnson/neural-style",
    differences=("the noise and the L-BFGS step are in units of 1/255, the program's in 1/256",),
    content_weight=5.0,
    style_layers={layer: 1e2 / n**2 for layer, n in zip(_FIVE, BLOCK_CHANNELS, strict=True)},
    tv_weight=1e-3,
    tv_loss=summed_total_variation,
    init="random",
    noise=1e-3 / 255,
    solver=InUnits(LBFGS(history=100), 255.0),
    iterations=1000,
)

_KERAS = Preset(
    name="keras-example",
    summary="The Keras documentation's example: VGG-19, block5_conv2, SGD with a decaying rate, 4000 steps.",
    source="keras.io/examples/generative/neural_style_transfer",
    differences=(
        "the long side is set, not the 400 rows of the source",
        "the source divides by the image's size, this by the layer's: the same where sides divide by 16",
    ),
    encoder="vgg19.keras",
    content_layers={"relu5_2": 1.0},
    content_loss=squared_sum,
    content_weight=2.5e-8,
    style_layers={
        layer: n**2 / (36 * stride**4) / 5
        for layer, n, stride in zip(_FIVE, BLOCK_CHANNELS, (1, 2, 4, 8, 16), strict=True)
    },
    style_weight=1e-6,
    tv_weight=1e-6,
    tv_loss=keras_total_variation,
    stretch_style=True,
    solver=InUnits(SGD(lr=100.0, decay=0.96, decay_steps=100), 255.0),
    iterations=4000,
)

_TUTORIAL = Preset(
    name="tutorial",
    summary="The founding tutorial's Keras program: VGG-19 on [-1, 1], block5_conv2, RMSprop, 8000 steps.",
    source="the Keras program that impasto grew from; formulas of Gatys, Ecker & Bethge 2015",
    differences=("the long side is set; the source takes the photograph as it is",),
    encoder="vgg19.keras",
    preprocessing=Preprocessing.bgr(2.0, (1.0, 1.0, 1.0)),
    content_layers={"relu5_2": 1.0},
    content_loss=half_squared_sum,
    content_weight=2e-4,
    style_layers=dict.fromkeys(_FIVE, 1 / 5),
    style_weight=1 / 4,
    stretch_style=True,
    solver=InUnits(RMSprop(lr=1e-3, rho=0.9, epsilon=1e-7), 2.0),
    iterations=8000,
)

_CROWSON = Preset(
    name="crowson2021",
    summary="style-transfer-pytorch: Wasserstein-2 statistics, Adam with averaged iterates, steps of sqrt(2).",
    source="Crowson 2021; github.com/crowsonkb/style-transfer-pytorch",
    differences=(
        "matrix roots are exact, not Newton-Schulz iterations",
        "the style image always follows the picture's size; the source does not enlarge it",
        "every convolution pads with replicated borders; the source only the first",
        "the source's nine-point smoothness is only known by that name; its factors here are ours",
    ),
    encoder="vgg19.torchvision",
    padding="replicate",
    content_weight=0.015,
    style_layers={layer: w / 341 for layer, w in zip(_FIVE, (256, 64, 16, 4, 1), strict=True)},
    style_losses=(wasserstein2,),
    tv_weight=2.0,
    tv_loss=nine_point_variation,
    solver=Averaged(Clamped(Adam(lr=0.02, beta1=0.9, beta2=0.99)), decay=0.99),
    schedule=Pyramid(smallest=128, factor=2**0.5, shares=(2, 1)),
    iterations=3000,
)

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {preset.name: preset for preset in (_DEFAULT, _GATYS_CODE, _JOHNSON, _KERAS, _TUTORIAL, _CROWSON)}
)


def preset(name: str) -> Preset:
    """The preset called `name`.

    Raises:
        UnknownNameError: there is none.
    """
    return named("preset", name, PRESETS)
