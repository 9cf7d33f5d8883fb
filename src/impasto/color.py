"""Color statistics of images, and maps from one image's colors to another's."""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.losses import matrix_root
from impasto.statistics import Moments, moments

# Luma of Rec. 601, the Y of YIQ, which Gatys et al. 2017 use for luminance-only transfer.
LUMA = (0.299, 0.587, 0.114)


def luminance(image: Tensor) -> Tensor:
    """Rec. 601 luma.  Shape: (N, 3, H, W) -> (N, 1, H, W)."""
    return torch.einsum("nchw,c->nhw", image, image.new_tensor(LUMA))[:, None]


def gray(image: Tensor) -> Tensor:
    """`image` without color: its luma in all three channels.  Shape: (N, 3, H, W) -> (N, 3, H, W)."""
    return luminance(image).expand_as(image).contiguous()


def with_luminance(image: Tensor, brightness: Tensor) -> Tensor:
    """`image` with another luma: its color differences stay, or shrink together as far as they must to stay in [0, 1].

    Shape: image (1, 3, H, W), brightness (1, 1, H, W) -> (1, 3, H, W).
    Reference: luminance-only transfer of Gatys et al. 2017.  Differs: channels are not cut at the gamut's border, which
    would change hues.
    """
    y = brightness.clamp(0, 1)
    chroma = image - luminance(image)
    room = torch.where(chroma > 0, 1 - y, y) / chroma.abs().clamp_min(1e-6)
    return y + chroma * room.amin(1, keepdim=True).clamp_max(1)


ROUNDS, QUANTILES, SAMPLES = 16, 257, 16_384


def transported(image: Tensor, own: Tensor, target: Tensor) -> Tensor:
    """`image` with its colors in the amounts of another's: `own` are colors of it, `target` those it is to have.

    Sixteen times, the quantiles along three axes at right angles become the target's; then once more along the axes of
    its covariance, so that a color that it does not have, as a drawing has none, is left out.

    Shape: image (1, 3, H, W), own (P, 3), target (Q, 3) -> (1, 3, H, W).
    Reference: sliced optimal transport; Pitie, Kokaram & Dahyot 2007.  Differs: quantiles of samples, not histograms.
    """
    generator, steps = torch.Generator().manual_seed(0), torch.linspace(0, 1, QUANTILES, device=image.device)
    pixels = image[0].flatten(1).T
    turned = (torch.linalg.qr(torch.randn(3, 3, generator=generator))[0] for _ in range(ROUNDS))
    principal = torch.linalg.eigh(torch.cov(target.T.double().cpu()))[1]
    for axes in (each.to(image) for each in (*turned, principal)):
        before, after = (torch.quantile(colors @ axes, steps, dim=0).T.contiguous() for colors in (own, target))
        pixels, own = (_along(colors @ axes, before, after) @ axes.T for colors in (pixels, own))
    return pixels.T.reshape(image.shape)


def _along(values: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Values, column by column, from between their quantiles to between others; (P, 3), (3, Q), (3, Q) -> (P, 3)."""
    rows = values.T.contiguous()
    at = torch.searchsorted(before, rows).clamp(1, before.shape[1] - 1)
    low, high, new_low, new_high = (each.gather(1, i) for each in (before, after) for i in (at - 1, at))
    share = ((rows - low) / (high - low).clamp_min(1e-6)).clamp(0, 1)
    return torch.lerp(new_low, new_high, share).T


def samples(image: Tensor, weight: Tensor | None = None) -> Tensor:
    """Colors of an image, each place as likely as its `weight` says, the same at each call.

    Shape: image (1, 3, H, W), weight (1, 1, H, W) -> (SAMPLES, 3).
    """
    pixels = image[0].flatten(1).T
    chances = torch.ones(len(pixels)) if weight is None else weight.flatten().cpu().float().clamp_min(0)
    ends = chances.double().cumsum(0)
    chosen = torch.searchsorted(ends, (torch.arange(SAMPLES).double() + 0.5) / SAMPLES * ends[-1])
    return pixels[chosen.clamp_max(len(pixels) - 1).to(pixels.device)]


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
    rounded = (1e-6 - torch.linalg.eigvalsh(s)[0]).clamp_min(0)  # sums over few places may be off by more than 1e-5
    root = matrix_root(s + rounded * torch.eye(3, dtype=s.dtype))
    inverse = torch.linalg.inv(root)
    transport = inverse @ matrix_root(root @ t @ root) @ inverse
    mapped = torch.einsum("ij,njhw->nihw", transport.to(image), image - source.mean[0, :, None, None])
    return torch.lerp(image, mapped + target.mean[0, :, None, None], amount)


def in_palette(image: Tensor, alpha: Tensor | None, palette: Moments) -> Tensor:
    """`image` with the mean and covariance of another's colors, where it can be seen, as `matched_colors` maps them.

    Shape: image (1, 3, H, W), alpha (1, 1, H, W) -> (1, 3, H, W) in [0, 1].
    """
    return matched_colors(image, moments(image, alpha), palette).clamp(0, 1)


def in_colors_of(image: Tensor, other: Tensor, weight: Tensor | None = None) -> Tensor:
    """`image` with the mean and covariance of another's colors, places counting as `weight` says.

    Three times, as what is cut at the borders of [0, 1] moves both.

    Shape: image, other (1, 3, H, W), weight (1, 1, H, W) -> (1, 3, H, W) in [0, 1].
    """
    wanted = moments(other, weight)
    for _ in range(3):
        image = in_palette(image, weight, wanted)
    return image


def absent_colors(style: Moments) -> Tensor:
    """How much a style lacks each direction of color: A = (R (S + R)^-1)^2, R = (2/255)^2 of the identity.

    Its eigenvalues are near 1 where colors vary by much less than two levels of 255, as all of those that are not gray
    do in a drawing, and near 0 where they vary more.

    Shape: moments of one image, N = 1 -> (3, 3), symmetric.
    """
    ridge = (2 / 255) ** 2 * torch.eye(3, dtype=torch.float64)
    absence: Tensor = ridge @ torch.linalg.inv(style.covariance[0].cpu().double() + ridge)
    return absence @ absence
