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
LOOKED_AFTER = 200  # pairs
POSITIONS = {"1": 256, "2": 256, "3": 256, "4": 128, "5": 64}  # of each crop, by block


@dataclass(frozen=True)
class Seen:
    """P pairs of crops, uint8 (P, 2, 3, SIDE, SIDE); by layer the positions looked at, (P, n), and VGG-19's features
    there, bfloat16 (P, 2, n, C).
    """

    pixels: Tensor
    positions: dict[str, Tensor]
    features: dict[str, Tensor]

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, which: Tensor | slice) -> Seen:
        positions, features = ({n: t[which] for n, t in each.items()} for each in (self.positions, self.features))
        return Seen(self.pixels[which], positions, features)

    def put(self, places: Tensor, others: Seen) -> None:
        """Others in the place of some."""
        for kept, other in zip(self._tensors(), others._tensors(), strict=True):
            kept[places] = other

    def _tensors(self) -> list[Tensor]:
        return [self.pixels, *self.positions.values(), *self.features.values()]


@functools.cache
def teacher(device: torch.device) -> ChainEncoder:
    """The package's VGG-19 in bfloat16, with the student's borders."""
    return build_encoder(vgg19_weights(), padding="reflect", dtype=torch.bfloat16, device=device)


def sampled(features: Tensor, positions: Tensor) -> Tensor:
    """Shape: (2 P, C, H, W), (P, n) -> (P, 2, n, C)."""
    pairs = features.flatten(2).unflatten(0, (-1, 2))
    return pairs.gather(3, positions[:, None, None].expand(-1, 2, pairs.shape[2], -1)).mT


@torch.no_grad()
def seen(pairs: Tensor, device: torch.device) -> Seen:
    """What is kept of some pairs.  Shape: (P, 2, 3, SIDE, SIDE) in [0, 1]."""
    pixels = pairs.to(device).mul(255).round().to(torch.uint8)
    found = teacher(device)(pixels.flatten(0, 1).float() / 255, [f"relu{name}" for name in LAYERS])
    positions = {}
    for name in LAYERS:
        places = found[f"relu{name}"][0, 0].numel()
        positions[name] = torch.rand(len(pairs), places, device=device).argsort(1)[:, : POSITIONS[name[0]]]
    return Seen(pixels, positions, {n: sampled(found[f"relu{n}"], p).contiguous() for n, p in positions.items()})


class Transfers:
    """The pictures of each transfer in a folder, as `half_made.py` left them, uint8 (3, H, W); new ones as they come."""

    def __init__(self, folder: Path, held_out: bool):
        self.folder, self.held_out = folder, held_out
        self.pictures: dict[str, list[Tensor]] = {}
        self.drawn = 0

    def look(self) -> None:
        """Take in what has come."""
        found = defaultdict(list)
        for path in sorted(self.folder.glob("*.png")):
            number = path.name.split("-")[0]
            if (int(number) % HELD_OUT == 0) == self.held_out:
                found[number].append(path)
        for number, paths in found.items():
            if number not in self.pictures and len(paths) > 1:
                self.pictures[number] = [picture_of(path) for path in paths]

    def pair(self, generator: torch.Generator) -> Tensor:
        """The same square of two pictures of one transfer that follow each other.  Shape: (2, 3, SIDE, SIDE)."""
        if self.drawn % LOOKED_AFTER == 0:
            self.look()
        self.drawn += 1
        transfers = list(self.pictures.values())
        chosen = transfers[int(torch.randint(len(transfers), (), generator=generator))]
        i = int(torch.randint(len(chosen) - 1, (), generator=generator))
        a, b = (picture[None].float() / 255 for picture in chosen[i : i + 2])
        if a.shape != b.shape:  # from the coarse level to the fine
            a = F.interpolate(a, size=b.shape[-2:], mode="bilinear", align_corners=False)
        top, left = (int(torch.randint(side - SIDE + 1, (), generator=generator)) for side in b.shape[-2:])
        return torch.cat([a, b])[..., top : top + SIDE, left : left + SIDE]


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


def new_pair(pictures: dict[str, list[Tensor]], transfers: Transfers, generator: torch.Generator) -> Tensor:
    """Half of the pairs are of transfers.  Shape: (2, 3, SIDE, SIDE) in [0, 1]."""
    if torch.rand((), generator=generator) < 0.5:
        return transfers.pair(generator)
    return plain_pair(pictures, generator)
