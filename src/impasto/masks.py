"""Masks that nobody drew: the subject of a photograph and its parts, told apart by what a network sees in them.

Each place of a deep layer is a node of a graph, as near to every other as what the layer sees in both is alike. The
normalized cut through that graph (Shi & Malik 2000; with deep features, Wang et al. 2022, "TokenCut") tells what
belongs together, without having learnt what things are called. The subject is the side of the cut that touches the
borders less for its size. It is a guess: of several things, of a subject that fills the picture, and of one that is
seen against its like, another part may be found, and hair and other fine edges come out as soft as a brush.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.chain import ChainEncoder
from impasto.errors import UsageError
from impasto.images import resize, size_for
from impasto.losses import blurred
from impasto.ranges import whole

LAYER = "relu5_4"  # of VGG-19
SIDE, LEAST = 512, 64  # pixels of the long side and of the short one, at which a photograph is looked at
MOST_PARTS = 8
DOUBT = 0.02  # of what a mask says: colors may say otherwise
FAINT = 1e-5  # how near two places are that have less in common than most
PLACE = 0.5  # how much it counts in parts where something is, beside what it is
NOISE, PLAIN = 8 / 255, 1 / 255  # standard deviation of pixels, and of what is blurred, below which a photo is plain
NEAR, CONTRAST = 5.0, 1e-3  # pixels around which an edge of the photograph is followed, and variance that is one
TONES, ROUNDS = 16, 3  # of each channel, by which inside and outside are told apart; and how often


def subject(photo: Tensor, encoder: ChainEncoder) -> Tensor:
    """Where the subject is, from 0 to 1.  Shape: (1, 3, H, W) -> (1, 1, H, W).

    Raises:
        UsageError: the photograph is of one color.
    """
    seen = _looked_at(photo)
    side = _embedding(seen, encoder, 2)[1]
    inside = side > side.mean()
    sign = 1.0 if _on_border(inside) <= _on_border(~inside) else -1.0
    steep = 4 * sign * (side - side.mean()) / side.std().clamp_min(1e-12)
    return resize(_along_edges(torch.sigmoid(steep)[None, None].float(), seen), *photo.shape[-2:]).clamp(0, 1)


def parts(photo: Tensor, encoder: ChainEncoder, count: int) -> list[Tensor]:
    """Where each of `count` parts is, 0 or 1, from the topmost to the lowest; fewer where nothing more differs.

    Shape: (1, 3, H, W) -> (1, 1, H, W) each.

    Raises:
        UsageError: there cannot be so many, or the photograph is of one color.
    """
    count = whole(2, MOST_PARTS, rule=f"a photograph is divided into 2 to {MOST_PARTS} parts.")("count", count)
    seen = _looked_at(photo)
    found = _embedding(seen, encoder, count)
    rows, columns = found.shape[1:]
    what = found.flatten(1).T
    what = what / what.norm(dim=1, keepdim=True).clamp_min(1e-12)
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    where = torch.stack([y.flatten(), x.flatten()], 1).to(what) / max(rows, columns)
    label = _clusters(torch.cat([what, PLACE * where], 1), count).reshape(rows, columns)
    there = [i for i in range(count) if (label == i).any()]
    ordered = sorted(there, key=lambda i: float(y[label == i].float().mean()))
    likely = torch.cat([_along_edges((label == i)[None, None].float(), seen) for i in ordered], 1)
    best = resize(likely, *photo.shape[-2:]).argmax(1, keepdim=True)
    return [(best == i).float() for i in range(len(ordered))]


def _looked_at(photo: Tensor) -> Tensor:
    """The photograph at the size at which it is looked at.

    Raises:
        UsageError: it is of one color but for noise, and any part of it would be a guess at nothing.
    """
    rows, columns = photo.shape[-2:]
    height, width = size_for(rows, columns, SIDE)
    seen = resize(photo.float().cpu(), max(LEAST, height), max(LEAST, width)).clamp(0, 1)
    spread, of_forms = (float(each.std((2, 3)).amax()) for each in (seen, blurred(seen, NEAR)))
    if spread < NOISE and of_forms < PLAIN:
        raise UsageError(
            "Nothing stands out in the photograph: it is of one color. Paint a mask, white where something is to be in "
            "it, and name its file."
        )
    return seen


def _embedding(photo: Tensor, encoder: ChainEncoder, count: int) -> Tensor:
    """What each place is, as the first eigenvectors of the normalized graph.  Shape: (count, rows, columns)."""
    with torch.no_grad():
        features = encoder(photo.to(encoder.device), [LAYER])[LAYER][0].cpu().double()
    directions = F.normalize(features.flatten(1), dim=0)
    alike = directions.T @ directions
    alike = torch.where(alike > alike.median(), alike, FAINT)
    degree = alike.sum(1).sqrt()
    _, vectors = torch.linalg.eigh(alike / (degree[:, None] * degree))
    first: Tensor = vectors[:, -count:].flip(1) / degree[:, None]
    return first.T.reshape(count, *features.shape[1:])


def _on_border(inside: Tensor) -> float:
    """How many of the places in it are at the picture's border.  Shape: (rows, columns) of bool."""
    inner = inside[1:-1, 1:-1].sum()
    return float((inside.sum() - inner) / inside.sum().clamp_min(1))


def _clusters(points: Tensor, count: int, rounds: int = 30) -> Tensor:
    """The number of each point's cluster: k-means that begins far apart.  Shape: (P, C) -> (P,)."""
    first = torch.cdist(points, points.mean(0, keepdim=True)).argmax()
    centers = points[first][None]
    for _ in range(count - 1):
        centers = torch.cat([centers, points[torch.cdist(points, centers).amin(1).argmax()][None]])
    for _ in range(rounds):
        label = torch.cdist(points, centers).argmin(1)
        centers = torch.stack([points[label == i].mean(0) if (label == i).any() else c for i, c in enumerate(centers)])
    return torch.cdist(points, centers).argmin(1)


def _along_edges(coarse: Tensor, photo: Tensor) -> Tensor:
    """A coarse mask at the photograph's size, with borders that follow its edges.

    That is the guided filter (He, Sun & Tang 2010), with a Gaussian window for their square one: around each pixel the
    mask is a linear function of the color.
    Shape: (1, 1, h, w), (1, 3, H, W) -> (1, 1, H, W).
    """
    mask = _by_color(F.interpolate(coarse, photo.shape[-2:], mode="bicubic").clamp(0, 1), photo)
    color, mean = blurred(photo, NEAR), blurred(mask, NEAR)
    products = blurred((photo[:, :, None] * photo[:, None]).flatten(1, 2), NEAR).reshape(1, 3, 3, *photo.shape[-2:])
    variance = (products - color[:, :, None] * color[:, None]).permute(0, 3, 4, 1, 2) + CONTRAST * torch.eye(3)
    together = (blurred(photo * mask, NEAR) - color * mean).permute(0, 2, 3, 1)
    slope = torch.linalg.solve(variance, together).permute(0, 3, 1, 2)
    offset = mean - (slope * color).sum(1, keepdim=True)
    followed = (blurred(slope, NEAR) * photo).sum(1, keepdim=True) + blurred(offset, NEAR)
    return (2 * followed - 0.5).clamp(0, 1)


def _by_color(mask: Tensor, photo: Tensor) -> Tensor:
    """A mask of which pixels are taken whose colors are rather those of the outside, and the other way round.

    A deep layer sees far, so that a mask made of it is larger than what is in it. By Bayes' rule, with the mask as
    prior and the histograms of colors within and without. Shape: (1, 1, H, W), (1, 3, H, W) -> (1, 1, H, W).
    """
    levels = (photo[0] * (TONES - 1e-3)).long()
    color = ((levels[0] * TONES + levels[1]) * TONES + levels[2]).flatten()
    prior = mask.flatten().clamp(DOUBT, 1 - DOUBT)
    found = prior
    for _ in range(ROUNDS):
        inside, outside = (_histogram(color, weight) for weight in (found, 1 - found))
        likely, unlikely = prior * inside[color], (1 - prior) * outside[color]
        found = likely / (likely + unlikely)
    return found.view_as(mask)


def _histogram(color: Tensor, weight: Tensor) -> Tensor:
    """How often each color is, its neighbours counted in.  Shape: (P,), (P,) -> (TONES ** 3,)."""
    counts = torch.bincount(color, weight.double(), TONES**3).float() / weight.sum()
    return F.avg_pool3d(counts.view(1, 1, TONES, TONES, TONES), 3, 1, 1).flatten() + 1e-6
