"""The papers by Gatys, Ecker and Bethge, as printed, and the settings of the code they published."""

from __future__ import annotations

import math
from dataclasses import replace

from impasto.choices import SolverSpec
from impasto.encoders.preprocessing import CAFFE_BGR, Preprocessing
from impasto.encoders.vgg import BLOCK_CHANNELS
from impasto.presets.published import EIGHT_BITS, FIVE_LAYERS, PUBLISHED
from impasto.schedule import Pyramid

# The authors' code weighs *means* for the normalized network: 1e6 MSE(F, P) and, over the layers, 1e9/5 MSE(G/M, A/M).
# In the papers' sums, with N = 512 channels and M = 64^2 positions of relu4_2 at 512x512 pixels:
# 1e6 MSE(F, P) = 2e6/(N M) * 1/2 sum (F-P)^2, and 1e9 MSE(G/M, A/M) = 4e9 * sum (G-A)^2 / (4 N^2 M^2).
_CONTENT_SUM = 2e6 / (512 * 64**2)
_STYLE_SUM = 4e9
# E_l = sum (G-A)^2 / (4 N^2 M^2) is a quarter of `losses.gram_error`.
_QUARTER = 1 / 4

GATYS_2016 = replace(
    PUBLISHED,
    name="gatys2016",
    summary="The CVPR paper as printed: normalized VGG-19, average pooling, sums of squares, L-BFGS from white noise.",
    source="Gatys, Ecker & Bethge 2016, Image Style Transfer Using Convolutional Neural Networks; "
    "content 1/2 sum (F-P)^2 (equation 1), style sum w_l E_l, E_l = sum (G-A)^2 / (4 N^2 M^2) (equations 4, 5)",
    differences=(
        "the printed alpha/beta of 1e-3 (the 2016 paper's figure 3 B) drowns the style if content is the printed sum; "
        "the authors' code has it between means, 1e6 to 1e9, and so has this: alpha is 0.954 and beta 4e9 for the "
        "printed sums, which is 1e-3 between means at 512x512 pixels; a smaller picture or a narrower encoder keeps "
        "less of the content",
        "mean activations are 1 over the given pictures, and no channel is raised more than 100 times as much as its "
        "layer; over ImageNet's validation images in the paper",
        "the noise (sigma 1/255, from the authors' code) lies around mid-gray; theirs around ImageNet's mean color",
        "the paper has no number of evaluations; 500 are of the authors' code. Our L-BFGS backtracks; SciPy's, "
        "which they used, searches along the line, and within bounds",
        EIGHT_BITS,
    ),
    preprocessing=CAFFE_BGR,
    pooling="average",
    normalize=True,
    content_loss="half squared sum",
    content_weight=_CONTENT_SUM,
    style_layers=dict.fromkeys(FIVE_LAYERS, 1 / 5),
    style_weight=_STYLE_SUM * _QUARTER,
    init="random",
    noise=1 / 255,
    stretch_style=True,
    solver=SolverSpec("lbfgs", {"history": 20}, units=255.0),
)

GATYS_2015 = replace(
    GATYS_2016,
    name="gatys2015",
    summary="A Neural Algorithm of Artistic Style as printed; the same numbers as those of gatys2016.",
    source="Gatys, Ecker & Bethge 2015, A Neural Algorithm of Artistic Style, arXiv:1508.06576; "
    "content 1/2 sum (F-P)^2, style sum w_l E_l, E_l = sum (G-A)^2 / (4 N^2 M^2)",
    differences=(
        "the paper does not mention that the network is normalized; the 2016 paper, on the same pictures, does",
        "the paper says gradient descent; L-BFGS is of the 2016 paper",
        *GATYS_2016.differences,
    ),
)

GATYS_CODE = replace(
    PUBLISHED,
    name="gatys2016-code",
    summary="The authors' own PyTorch notebook: 500 evaluations at 512 pixels, then 200 at 800.",
    source="Gatys, Ecker & Bethge 2016; github.com/leongatys/PytorchNeuralStyleTransfer; "
    "content MSE(F, P), style sum 1e3/N^2 MSE(G/M, A/M)",
    differences=(
        "sizes are those of the long side; the notebook's are of the short side",
        "pictures are resampled with cubics; in the notebook linearly, and rounded to 8 bits between the two sizes",
        "the result is the last picture that was evaluated; the notebook's is one step further",
        EIGHT_BITS,
    ),
    preprocessing=Preprocessing.bgr(255.0, [255 * mean for mean in (0.40760392, 0.45795686, 0.48501961)]),
    style_layers={layer: 1e3 / n**2 for layer, n in zip(FIVE_LAYERS, BLOCK_CHANNELS, strict=True)},
    solver=SolverSpec("lbfgs", {"history": 100, "tolerance": math.inf}, units=255.0),
    schedule=Pyramid(smallest=16, factor=800 / 512, shares=(5, 2), most=2, evaluations=700),
    usual_size=800,
)
