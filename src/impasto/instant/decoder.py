"""The way back from features to a picture: a mirror of the encoder, led at every layer by a style's statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.statistics import Moments

SKIPS = {"relu4_1": 77, "relu3_1": 59, "relu2_1": 27}  # layers whose features the decoder takes, deep to shallow
CODED = {"relu1_1": 16, "relu2_1": 27, "relu3_1": 59, "relu4_1": 77}  # layers whose statistics lead it
HIDDEN = 64
SLOPE = 0.1  # below zero: a channel that falls silent in training would never come back
GRAY = 0.45


class Lead(NamedTuple):
    """What a style does to a layer's channels: f -> (1 + scale) f + shift.  Shape: (N, C, 1, 1), or (1, C, H, W)."""

    scale: Tensor
    shift: Tensor


class Led(nn.Module):
    """A 3x3 convolution with replicated borders whose channels are scaled and shifted, and a leaky ReLU."""

    def __init__(self, channels: int, width: int, *, residual: bool = False):
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, padding=1, padding_mode="replicate")
        self.lead = nn.Linear(HIDDEN, 2 * width)
        self.residual = residual

    def leads(self, hidden: Tensor) -> Lead:
        """Shape: (N, HIDDEN) -> (N, width, 1, 1) each."""
        scale, shift = self.lead(hidden)[..., None, None].chunk(2, 1)
        return Lead(scale, shift)

    def forward(self, x: Tensor, lead: Lead) -> Tensor:
        """Shape: (N, channels, H, W) -> (N, width, H, W)."""
        y = F.leaky_relu(self.conv(x) * (1 + lead.scale) + lead.shift, SLOPE)
        return x + y if self.residual else y


class Decoder(nn.Module):
    """Features of `SKIPS`, transported to a style's statistics, and that style's code -> a picture.

    A code is the means and the logarithms of standard deviations at `CODED`, and how free the style is of the content
    (`Recipe.freedom`).  `near` is how much of the shallowest features counts at full statistics of the style; of the
    photograph as it is all of them count.  `grain` is the deviation of the grain that the photograph gets, at full
    statistics too.  Upsampling repeats pixels, so that nothing looks like a checkerboard.
    """

    usual: Tensor
    spread: Tensor
    near: Tensor
    grain: Tensor

    def __init__(self) -> None:
        super().__init__()
        statistics = 2 * sum(CODED.values())
        self.register_buffer("usual", torch.zeros(statistics))
        self.register_buffer("spread", torch.ones(statistics))
        self.register_buffer("near", torch.zeros(()))
        self.register_buffer("grain", torch.zeros(()))
        self.hidden = nn.Linear(statistics + 1, HIDDEN)
        deep, middle, shallow = SKIPS.values()
        blocks = (
            [Led(deep, 96), Led(96, 96, residual=True)],
            [Led(96 + middle, 64), *(Led(64, 64, residual=True) for _ in range(2))],
            [Led(64 + shallow, 48), Led(48, 48, residual=True)],
            [Led(48, 32), Led(32, 16)],
        )
        self.blocks = nn.ModuleList(map(nn.ModuleList, blocks))
        self.last = nn.Conv2d(16, 3, 3, padding=1, padding_mode="replicate")

    def leads(self, code: Tensor, freedom: Tensor) -> list[list[Lead]]:
        """What a style does at every layer.  Shape: code (N, D), freedom (N,)."""
        usual = ((code - self.usual) / self.spread).clamp(-4, 4)
        hidden = F.relu(self.hidden(torch.cat([usual, freedom[:, None]], 1)))
        return [[layer.leads(hidden) for layer in block] for block in self.layers]

    def forward(self, features: Mapping[str, Tensor], leads: list[list[Lead]]) -> Tensor:
        """Shape: {"relu4_1": (N, 77, H/8, W/8), ...} -> (N, 3, H, W), about [0, 1]."""
        (deep, deep_leads), *shallower = zip(self.layers, leads, strict=True)
        x = _through(deep, features["relu4_1"], deep_leads)
        for (block, block_leads), skip in zip(shallower, ("relu3_1", "relu2_1", None), strict=True):
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = torch.cat([x, features[skip]], 1) if skip else x
            x = _through(block, x, block_leads)
        picture: Tensor = self.last(x)
        return picture + GRAY

    @property
    def layers(self) -> list[list[Led]]:
        """Block by block, deep to shallow."""
        return [list(cast("nn.ModuleList", block)) for block in self.blocks]  # type: ignore[arg-type]


def _through(block: Sequence[Led], x: Tensor, leads: Sequence[Lead]) -> Tensor:
    for layer, lead in zip(block, leads, strict=True):
        x = layer(x, lead)
    return x


def code(moments: Mapping[str, Moments]) -> Tensor:
    """A style's code.  Shape: moments of N pictures -> (N, D)."""
    parts = [(found.mean, 0.5 * (found.variance + 1e-4).log()) for found in (moments[layer] for layer in CODED)]
    return torch.cat([each for pair in parts for each in pair], 1)
