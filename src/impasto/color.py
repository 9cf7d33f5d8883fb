"""Color statistics of images, and maps from one image's colors to another's."""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.losses import matrix_root
from impasto.statistics import Moments

# Luma of Rec. 601, the Y of YIQ, which Gatys et al. 2017 use for luminance-only transfer.
LUMA = (0.299, 0.587, 0.114)


def luminance(image: Tensor) -> Tensor:
    """Rec. 601 luma.  Shape: (N, 3, H, W) -> (N, 1, H, W)."""
    return torch.einsum("nchw,c->nhw", image, image.new_tensor(LUMA))[:, None]


def matched_colors(image: Tensor, source: Moments, target: Moments, amount: float = 1.0) -> Tensor:
    """`image` with its colors mapped from mean and covariance `source` to `target`, as little as possible.

    x' = A (x - mu_s) + mu_t with A = S^-1/2 (S^1/2 T S^1/2)^1/2 S^-1/2, the optimal-transport map between Gaussians;
    `amount` below 1 goes only part of the way.  Not clamped.

    Shape: (1, 3, H, W) -> (1, 3, H, W); moments of one image, N = 1.
    Reference: Pitie & Kokaram 2007; the `sym` map of Gatys et al. 2017 ("Controlling Perceptual Factors").
    Differs: 1e-5 added to the diagonal of both covariances, so that an image of one color has a map too.
    """
    ridge = 1e-5 * torch.eye(3, dtype=source.second.dtype)
    s, t = source.covariance[0].cpu() + ridge, target.covariance[0].cpu() + ridge  # not every device has eigenvalues
    root = matrix_root(s)
    inverse = torch.linalg.inv(root)
    transport = inverse @ matrix_root(root @ t @ root) @ inverse
    mapped = torch.einsum("ij,njhw->nihw", transport.to(image), image - source.mean[0, :, None, None])
    return torch.lerp(image, mapped + target.mean[0, :, None, None], amount)


def absent_colors(style: Moments) -> Tensor:
    """How much a style lacks each direction of color: A = (R (S + R)^-1)^2, R = (2/255)^2 of the identity.

    Its eigenvalues are near 1 where colors vary by much less than two levels of 255, as all of those that are not gray
    do in a drawing, and near 0 where they vary more.

    Shape: moments of one image, N = 1 -> (3, 3), symmetric.
    """
    ridge = (2 / 255) ** 2 * torch.eye(3, dtype=torch.float64)
    absence: Tensor = ridge @ torch.linalg.inv(style.covariance[0].cpu().double() + ridge)
    return absence @ absence
