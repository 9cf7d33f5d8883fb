"""What a preset is: every number that shapes a picture, apart from the pictures themselves, size, seed and strength."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from impasto.encoders.base import Preprocessing
from impasto.images import Resampler, resize
from impasto.losses import (
    ContentLoss,
    ImageLoss,
    MomentLoss,
    gram_error,
    mean_squared_error,
    out_of_range,
    total_variation,
)
from impasto.schedule import SINGLE, Converged, Pyramid
from impasto.solvers import LBFGS, Solver

FIVE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
UNLIMITED = 10**9  # a size: that of the photograph, as no result is larger unless it is asked for


@dataclass(frozen=True)
class Milestones:
    """What a program says and saves every `every` evaluations: `line` and `file` are formats of `done` and `loss`."""

    every: int
    line: str
    file: str


@dataclass(frozen=True)
class Preset:
    """How a picture is made.

    * `style_layers` and `content_layers` map a layer to its weight; `style_losses` are added up at each style layer.
    * With `relative`, each style loss is divided by its target's energy and each side's layers are averaged, so that
      weights mean the same for every size, style and encoder. Without, every number is taken as the source prints it.
    * `preprocessing` is what the source feeds its network. The weights of another origin are fed what they were trained
      with; `compact` the same, as the source's weights presume features of that size. None is as trained.
    * `pooling` and `padding` replace the weights' own where the source did so.
    * With `normalize`, every channel's mean activation over the given pictures is 1.
    * `detail` is how much of the start's finer detail is added whenever the picture is enlarged.
    * `resample` changes the size of content, styles and start; `stretch_style` squeezes the style image into the
      content's size, as some sources do.
    * `noise` is the standard deviation of a random start around mid-gray, in [0, 1] units.
    * `iterations` is how many evaluations there are at `size`, or at most are where `until` says when a level is done;
      the further levels of a larger picture have their share of the schedule on top.
    * `size` is the long side when nobody asks for one; `dtype` is that of features, `auto` the device's fastest.
    * `milestones` is what the source's program prints and saves on its way.
    """

    name: str
    summary: str
    source: str
    differences: tuple[str, ...] = ()
    encoder: str = "vgg19.caffe"
    preprocessing: Preprocessing | None = None
    pooling: str | None = None
    padding: str | None = None
    normalize: bool = False
    content_layers: Mapping[str, float] = field(default_factory=lambda: {"relu4_2": 1.0})
    content_loss: ContentLoss = mean_squared_error
    content_weight: float = 1.0
    style_layers: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(FIVE_LAYERS, 0.2))
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
    resample: Resampler = resize
    stretch_style: bool = False
    solver: Solver = field(default_factory=LBFGS)
    schedule: Pyramid = SINGLE
    iterations: int = 500
    until: Converged | None = None
    size: int = 512
    dtype: str = "float32"
    milestones: Milestones | None = None
