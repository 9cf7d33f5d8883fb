"""How far features are from their targets: pure functions.

A moment loss compares `Moments` with `Moments` and so is additive over positions; a content loss compares features with
features of the same shape; an image loss looks at the picture itself.  Each gives one number for the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import torch
from torch import Tensor

from impasto.statistics import Moments, exactly

MomentLoss = Callable[[Moments, Moments], Tensor]
ImageLoss = Callable[[Tensor], Tensor]


# Content ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Whole:
    """What a content loss must know of a whole target to judge a part of it: how many values, and sum P^2."""

    count: int
    energy: Tensor

    @classmethod
    def of(cls, target: Tensor) -> Whole:
        """The target's own."""
        return cls(target.numel(), target.square().sum())


class ContentLoss(Protocol):
    """A sum over positions.  With the `whole` target described, the losses of parts add up to that of the whole."""

    def __call__(self, features: Tensor, target: Tensor, whole: Whole | None = None) -> Tensor:
        """Shape: (N, C, H, W) both -> no dimensions."""
        ...


def squared_sum(features: Tensor, target: Tensor, whole: Whole | None = None) -> Tensor:
    """sum (F - P)^2, as in the Keras example."""
    return (features - target).square().sum()


def half_squared_sum(features: Tensor, target: Tensor, whole: Whole | None = None) -> Tensor:
    """1/2 sum (F - P)^2.

    Reference: Gatys et al. 2016, equation (1).
    Differs: the printed gradient is zero where F < 0; features after a ReLU have no such entries, and autograd agrees.
    """
    return squared_sum(features, target) / 2


def mean_squared_error(features: Tensor, target: Tensor, whole: Whole | None = None) -> Tensor:
    """mean (F - P)^2, as in the authors' own code."""
    return squared_sum(features, target) / (whole.count if whole else target.numel())


def relative_squared_error(features: Tensor, target: Tensor, whole: Whole | None = None) -> Tensor:
    """sum (F - P)^2 / sum P^2: without unit, the same at every size and for every encoder."""
    energy = whole.energy if whole else target.square().sum()
    return squared_sum(features, target) / energy.clamp_min(1e-12)


# Style, from moments ------------------------------------------------------------------------------------------------


def gram_error(x: Moments, target: Moments) -> Tensor:
    """mean (G - A)^2 over the C^2 entries, with G and A per position (divided by H*W), as in the authors' own code.

    Reference: Gatys et al. 2016, equation (4), which is a quarter of this.
    """
    return (x.gram - target.gram).square().mean((1, 2)).sum()


def mean_std_error(x: Moments, target: Moments) -> Tensor:
    """mean over channels of (mu - mu')^2 + (sigma - sigma')^2.

    Reference: Li et al. 2017, "Demystifying Neural Style Transfer" (batch-normalization statistics).
    """
    mean = (x.mean - target.mean).square()
    std = (_root(x.variance) - _root(target.variance)).square()
    return (mean + std).mean(1).sum()


def covariance_error(x: Moments, target: Moments) -> Tensor:
    """mean over channels of (mu - mu')^2, plus mean over pairs of (Sigma - Sigma')^2."""
    mean = (x.mean - target.mean).square().mean(1)
    return (mean + (x.covariance - target.covariance).square().mean((1, 2))).sum()


def wasserstein2(x: Moments, target: Moments) -> Tensor:
    """Squared Wasserstein-2 distance of two Gaussians, per channel.

    (|mu - mu'|^2 + tr(S + S' - 2 (S'^1/2 S S'^1/2)^1/2)) / C.

    Reference: Olkin & Pukelsheim 1982; used for style by Crowson's style-transfer-pytorch (2021).
    Differs: both covariances are raised by 1e-3 of the target's mean variance, which keeps the gradient finite where a
    channel is silent, and by 1e-4 of its mean square, which float32 sums of a nearly flat image need; the root is
    exact, by eigenvalues in float64, instead of 12 Newton-Schulz iterations.
    """
    channels = x.first.shape[1]
    raised = 1e-3 * target.variance.mean(1) + 1e-4 * target.gram.diagonal(dim1=1, dim2=2).mean(1)
    ridge = raised[:, None, None] * torch.eye(channels, device=x.first.device, dtype=raised.dtype)
    a, b = exactly(x.covariance + ridge), exactly(target.covariance + ridge)
    mean = (x.mean - target.mean).square().sum(1)
    traces = (a + b).diagonal(dim1=1, dim2=2).sum(1)
    shape = traces - 2 * root_trace(a, b)
    return ((mean + shape.to(mean.dtype)) / channels).sum()


def root_trace(a: Tensor, b: Tensor) -> Tensor:
    """tr (B^1/2 A B^1/2)^1/2 for symmetric positive definite A, B; differentiable in A.  Shape: (N, C, C) -> (N,)."""
    trace: Tensor = _RootTrace.apply(a, b)  # type: ignore[no-untyped-call]
    return trace


class _RootTrace(torch.autograd.Function):
    """`root_trace` with its gradient in closed form.

    It is B^1/2 (B^1/2 A B^1/2)^-1/2 B^1/2 / 2, half the optimal-transport map.
    """

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        root = matrix_root(b)
        values, vectors = torch.linalg.eigh(root @ a @ root)
        values = values.clamp_min(1e-30)
        ctx.save_for_backward(root @ vectors, values.rsqrt())
        trace: Tensor = values.sqrt().sum(1)
        return trace

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        basis, inverse_root = ctx.saved_tensors
        return grad[:, None, None] / 2 * (basis * inverse_root[:, None, :]) @ basis.mT, None


def matrix_root(matrix: Tensor) -> Tensor:
    """The symmetric root of a positive semi-definite matrix.  Shape: (..., C, C) -> (..., C, C)."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp_min(0).sqrt()[..., None, :]) @ vectors.mT
    return root


def _root(variance: Tensor) -> Tensor:
    """A standard deviation whose gradient stays finite at zero."""
    return (variance + 1e-8).sqrt()


def weighted_sum(*parts: tuple[float, MomentLoss]) -> MomentLoss:
    """A moment loss that is the sum of others, each times its factor."""

    def loss(x: Moments, target: Moments) -> Tensor:
        return torch.stack([factor * part(x, target) for factor, part in parts]).sum()

    return loss


def energy(loss: MomentLoss, target: Moments) -> Tensor:
    """What `loss` says of an image without any features: the natural unit of a style target."""
    nothing = Moments(target.count, torch.zeros_like(target.first), torch.zeros_like(target.second))
    return loss(nothing, target)


# The picture itself -------------------------------------------------------------------------------------------------


def total_variation(image: Tensor) -> Tensor:
    """mean of |x(i+1, j) - x(i, j)|^2 + |x(i, j+1) - x(i, j)|^2: smoothness in units that do not depend on the size."""
    down, right = _squared_steps(image)
    return down.mean() + right.mean()


def summed_total_variation(image: Tensor) -> Tensor:
    """1/2 sum of squared differences to the pixel below and to the right, of an image in [0, 255].

    The last row and the last column have no differences of their own.
    Reference: Johnson's neural-style, which has it as a gradient only.
    """
    down, right = _squared_steps(image)
    return (down[..., :-1].sum() + right[..., :-1, :].sum()) * (255.0**2 / 2)


def _squared_steps(image: Tensor) -> tuple[Tensor, Tensor]:
    """Squared differences to the pixel below and to the right.  Shape: (N, C, H-1, W) and (N, C, H, W-1)."""
    return (image[..., 1:, :] - image[..., :-1, :]).square(), (image[..., 1:] - image[..., :-1]).square()


def keras_total_variation(image: Tensor) -> Tensor:
    """sum (a + b)^1.25 with a, b the squared differences to the pixels below and to the right, of an image in [0, 255].

    Reference: the Keras documentation's style transfer example.
    """
    inner = image[..., :-1, :-1]
    squares = (inner - image[..., 1:, :-1]).square() + (inner - image[..., :-1, 1:]).square()
    return ((squares * 255.0**2 + 1e-12) ** 1.25).sum()


def nine_point_variation(image: Tensor) -> Tensor:
    """2/3 of the mean squared differences to the right and below, 1/6 of those along both diagonals; borders repeat.

    Reference: Crowson's style-transfer-pytorch (2021): the means over the diagonals take in the repeated border.
    """
    padded = torch.nn.functional.pad(image, (1, 1, 1, 1), mode="replicate")
    right = (padded[..., 1:-1, 2:] - image).square().mean()
    down = (padded[..., 2:, 1:-1] - image).square().mean()
    falling = (padded[..., 1:, 1:] - padded[..., :-1, :-1]).square().mean()
    rising = (padded[..., 1:, :-1] - padded[..., :-1, 1:]).square().mean()
    return (right + down) * (2 / 3) + (falling + rising) / 6


def flat_steps(image: Tensor, target: Tensor, flatness: Tensor) -> Tensor:
    """mean of w |grad x - grad c|^2 with w the flatness of each place, so that what is flat in c stays so in x.

    Shape: image, target (1, 3, H, W), flatness (1, 1, H, W) -> no dimensions.
    """
    change = image - target
    down, right = _squared_steps(change)
    return (down * flatness[..., 1:, :]).mean() + (right * flatness[..., 1:]).mean()


def temporal_error(image: Tensor, warped: Tensor, firm: Tensor) -> Tensor:
    """mean of c (x - w)^2 with w the frame before as it has moved, and c how firmly each place is held.

    Shape: image, warped (1, 3, H, W), firm (1, 1, H, W) in [0, 1] -> no dimensions.
    Reference: Ruder, Dosovitskiy & Brox 2016, equation (7).
    """
    return (firm * (image - warped).square()).mean()


def absent_color_error(image: Tensor, reference: Tensor, absent: Tensor, where: Tensor | None = None) -> Tensor:
    """mean over pixels of w d' A d, d the change of color from the reference, A what `color.absent_colors` says.

    Shape: image (1, 3, H, W), reference the same or a color (1, 3, 1, 1), absent (3, 3), where, w, (1, 1, H, W) or None
    for 1 -> no dimensions.
    """
    change = image - reference
    counted = change if where is None else change * where
    return torch.einsum("ncp,cd,ndp->", counted.flatten(2), absent, change.flatten(2)) / change[0, 0].numel()


def flatness(content: Tensor, energy: float = 1e-4) -> Tensor:
    """e0 / (e + e0) with e the energy of the detail around each place: 1 where an image is flat, towards 0 elsewhere.

    The detail is what a blur of 2 pixels takes away, its energy the blur of its square by 3.

    Shape: (N, 3, H, W) -> (N, 1, H, W).
    """
    fine = content - blurred(content, 2.0)
    return energy / (blurred(fine.square().mean(1, keepdim=True), 3.0) + energy)


def blurred(image: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur, borders repeated.  Shape: (N, C, H, W)."""
    reach = round(3 * sigma)
    weights = torch.exp(
        -((torch.arange(-reach, reach + 1, device=image.device, dtype=torch.float32) / sigma) ** 2) / 2
    ).to(image)
    weights = weights / weights.sum()
    padded = torch.nn.functional.pad(image, (reach, reach, reach, reach), mode="replicate").flatten(0, 1)[:, None]
    rows = torch.nn.functional.conv2d(padded, weights[None, None, None, :])
    return torch.nn.functional.conv2d(rows, weights[None, None, :, None]).view_as(image)


def smoothed(image: Tensor, contrast: float) -> Tensor:
    """The image without texture of a pixel or two whose contrast is less than `contrast`; what has more stays.

    A guided filter in windows of 3 pixels, each channel its own guide.  Shape: (1, C, H, W).
    Reference: He, Sun & Tang 2010, "Guided Image Filtering", equations (5) to (8), epsilon = contrast^2.
    """
    mean = _in_windows(image)
    variance = (_in_windows(image.square()) - mean.square()).clamp_min(0)
    slope = variance / (variance + contrast**2)
    return _in_windows(slope) * image + _in_windows(mean - slope * mean)


def _in_windows(image: Tensor) -> Tensor:
    """Means around each pixel, borders repeated."""
    padded = torch.nn.functional.pad(image, (1, 1, 1, 1), mode="replicate")
    return torch.nn.functional.avg_pool2d(padded, 3, 1)


def out_of_range(image: Tensor) -> Tensor:
    """mean squared excess over the displayable range [0, 1]."""
    return (image - image.clamp(0, 1)).square().mean()


# By the names that recipes have for them ----------------------------------------------------------------------------

CONTENT_LOSSES: Mapping[str, ContentLoss] = MappingProxyType(
    {
        "relative squared error": relative_squared_error,
        "mean squared error": mean_squared_error,
        "half squared sum": half_squared_sum,
        "squared sum": squared_sum,
    }
)
# Which moment losses are added up.
STYLE_LOSSES: Mapping[str, tuple[MomentLoss, ...]] = MappingProxyType(
    {
        "gram": (gram_error,),
        "gram+mean-std": (gram_error, mean_std_error),
        "covariance": (covariance_error,),
        "wasserstein2": (wasserstein2,),
        "gram+wasserstein2": (gram_error, wasserstein2),
    }
)
SMOOTHNESS: Mapping[str, ImageLoss] = MappingProxyType(
    {
        "total variation": total_variation,
        "summed total variation": summed_total_variation,
        "keras total variation": keras_total_variation,
        "nine point variation": nine_point_variation,
    }
)
