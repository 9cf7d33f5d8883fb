"""Crops in pairs, the second near the first, and what VGG-19 sees at some positions of both.

A pair is a crop and the same crop disturbed, or the same crop of two pictures of one transfer. What changes within a
pair is what an optimiser follows, and it is small beside what differs between pictures.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from data import batch, disturb, picture_of
from half_made import HELD_OUT
from impasto.encoders.catalog import build_encoder
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.packed import vgg19_weights

SIDE = 128
LAYERS = tuple(f"{b}_{i}" for b, depth in enumerate((2, 2, 4, 4, 1), 1) for i in range(1, depth + 1))
ENOUGH = 50  # transfers
POSITIONS = {"1": 256, "2": 256, "3": 256, "4": 128, "5": 64}  # of each crop, by block


@dataclass(frozen=True)
class Seen:
    """A pair of crops, uint8 (2, 3, SIDE, SIDE); by layer the positions and VGG-19's features there, bfloat16 (2, n, C)."""

    pixels: Tensor
    positions: dict[str, Tensor]
    features: dict[str, Tensor]


@functools.cache
def teacher() -> ChainEncoder:
    """The package's VGG-19 in bfloat16, with the student's borders."""
    return build_encoder(vgg19_weights(), padding="reflect", dtype=torch.bfloat16)


def sampled(features: Tensor, positions: Tensor) -> Tensor:
    """Shape: (N, C, H, W), (n,) -> (N, n, C)."""
    return features.flatten(2).index_select(2, positions).mT


@torch.no_grad()
def seen(pair: Tensor, generator: torch.Generator) -> Seen:
    """What is kept of a pair.  Shape: (2, 3, SIDE, SIDE) in [0, 1]."""
    pixels = pair.mul(255).round().to(torch.uint8)
    found = teacher()(pixels.float() / 255, [f"relu{name}" for name in LAYERS])
    positions = {
        name: torch.randperm(found[f"relu{name}"][0, 0].numel(), generator=generator)[: POSITIONS[name[0]]]
        for name in LAYERS
    }
    return Seen(pixels, positions, {n: sampled(found[f"relu{n}"], p).contiguous() for n, p in positions.items()})


def transfers_in(folder: Path, held_out: bool) -> list[list[Tensor]]:
    """The pictures of each transfer in `folder`, as `half_made.py` left them, uint8 (3, H, W)."""
    found = defaultdict(list)
    for path in sorted(folder.glob("*.png")):
        number = int(path.name.split("-")[0])
        if (number % HELD_OUT == 0) == held_out:
            found[number].append(path)
    return [[picture_of(path) for path in paths] for paths in found.values() if len(paths) > 1]


def plain_pair(pictures: dict[str, list[Tensor]], generator: torch.Generator) -> Tensor:
    """A crop of a picture, most often disturbed, and the same a little changed."""
    first = disturb(batch(pictures, 2, SIDE, generator), generator)
    amount = 10 ** (-2.2 + 1.4 * torch.rand((), generator=generator).item())
    kind = int(torch.randint(3, (), generator=generator))
    if kind == 0:
        change = torch.randn(3, SIDE, SIDE, generator=generator)
    else:
        cells = 8 if kind == 1 else 48
        change = F.interpolate(torch.randn(1, 3, cells, cells, generator=generator), size=(SIDE, SIDE), mode="bicubic")[
            0
        ]
    return torch.stack([first[0], first[0] + amount * change]).clamp(0, 1)


def transfer_pair(transfers: list[list[Tensor]], generator: torch.Generator) -> Tensor:
    """The same square of two pictures of one transfer that follow each other."""
    chosen = transfers[int(torch.randint(len(transfers), (), generator=generator))]
    i = int(torch.randint(len(chosen) - 1, (), generator=generator))
    a, b = (picture[None].float() / 255 for picture in chosen[i : i + 2])
    if a.shape != b.shape:  # from the coarse level to the fine
        a = F.interpolate(a, size=b.shape[-2:], mode="bilinear", align_corners=False)
    top, left = (int(torch.randint(side - SIDE + 1, (), generator=generator)) for side in b.shape[-2:])
    return torch.cat([a, b])[..., top : top + SIDE, left : left + SIDE]


def new_pair(pictures: dict[str, list[Tensor]], transfers: list[list[Tensor]], generator: torch.Generator) -> Tensor:
    """Half of the pairs are of transfers; fewer while there are not ENOUGH.  Shape: (2, 3, SIDE, SIDE) in [0, 1]."""
    if torch.rand((), generator=generator) < min(0.5, 0.5 * len(transfers) / ENOUGH):
        return transfer_pair(transfers, generator)
    return plain_pair(pictures, generator)
