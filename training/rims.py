"""Rims: how much brighter or darker a picture is close beside the photograph's edges than farther off."""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.losses import blurred, flatness

EDGE = 0.04  # change a pixel that is an edge
CLOSE, FARTHER = (3, 10), (14, 30)  # pixels from it
SIGMA = 10.0  # pixels along it that are taken together, so that strokes do not count
FLAT = 0.3


def bands(content: Tensor) -> tuple[Tensor, Tensor]:
    """What is flat in a photograph and close to an edge, and what is flat and farther off.

    Shape: (N, 3, H, W) in [0, 1] -> (N, 1, H, W), 0 or 1, twice.
    """
    gray = blurred(content.mean(1, keepdim=True), 1.5)
    padded = F.pad(gray, (1, 1, 1, 1), mode="replicate")
    across = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    down = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    edge = (across.square() + down.square()).sqrt() / 2 > EDGE
    within = {reach: F.max_pool2d(edge.float(), 2 * reach + 1, 1, reach) for reach in (*CLOSE, *FARTHER)}
    flat = flatness(content) > FLAT
    close, farther = (flat * (within[outer] - within[inner]) for inner, outer in (CLOSE, FARTHER))
    return close, farther


def rims(image: Tensor, content: Tensor) -> Tensor:
    """The mean square, over what lies at edges, of the difference between close by and farther off, in all channels.

    What the photograph itself has of it does not count.

    Shape: (N, 3, H, W) in [0, 1] twice -> (N,), 0 where there are no edges with something flat beside them.
    """
    close, farther = bands(content)
    near, far = (spread(band) for band in (close, farther))
    weight = torch.minimum(near, far)
    weight = weight * (weight > 0.02)
    change = image - content
    of = lambda band, total: spread(change * band) / total.clamp_min(1e-3)  # noqa: E731
    step = of(close, near) - of(farther, far)
    return (weight * step.square()).mean(1).sum((1, 2)) / (weight.sum((1, 2, 3)) + 1)


def spread(image: Tensor) -> Tensor:
    """`blurred` by SIGMA, as two products of matrices: a convolution's gradient took a GPU 42 % of a step.

    Shape: (N, C, H, W).
    """
    down, right = (_blur(side, image.device) for side in image.shape[-2:])
    return down @ image @ right.mT


@cache
def _blur(side: int, device: torch.device) -> Tensor:
    """What blurs a column of `side` pixels, borders repeated: the blur of each of its pixels alone."""
    return blurred(torch.eye(side, device=device)[:, None, :, None], SIGMA)[:, 0, :, 0].mT
