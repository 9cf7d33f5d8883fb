"""The compact encoder as it is trained: a VGG-like chain with pre-activations at hand, and 1x1 probes beside it.

Widths were chosen for two budgets: 23,000 multiplications per pixel up to relu5_1 (VGG-19: 361,152), and few channels
at full resolution, where memory traffic rather than arithmetic sets the speed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Layers that learn the teacher's layer of the same name, channel by channel.
DIRECT = ("1_1", "1_2", "2_1", "3_1", "4_1", "4_2", "5_1")


@dataclass(frozen=True)
class Topology:
    """`depths`: convolutions of each block, a 2x2 max pooling between blocks.  `widths`: channels of the free layers.

    `probed`: free layer -> the teacher's layer that it must tell by a linear map, which training throws away.
    """

    depths: tuple[int, ...]
    widths: dict[str, int]
    probed: dict[str, str]

    @property
    def layers(self) -> list[str]:
        """All layers, shallow to deep."""
        return [f"{b}_{i}" for b, depth in enumerate(self.depths, 1) for i in range(1, depth + 1)]

    @property
    def targets(self) -> dict[str, str]:
        """Layer -> the teacher's layer it learns from."""
        return {name: name for name in DIRECT} | self.probed


TOPOLOGIES = {
    "small": Topology(
        (2, 2, 3, 3, 1),
        {"2_2": 48, "3_2": 80, "3_3": 80, "4_3": 144},
        {"2_2": "2_2", "3_2": "3_3", "3_3": "3_4", "4_3": "4_4"},
    ),
    "large": Topology(
        (2, 2, 4, 5, 1),
        {"2_2": 40, "3_2": 64, "3_3": 64, "3_4": 64, "4_3": 112, "4_4": 112, "4_5": 128},
        {"2_2": "2_2", "3_2": "3_3", "3_3": "3_4", "3_4": "3_4", "4_3": "4_3", "4_4": "4_4", "4_5": "4_4"},
    ),
    "lean": Topology(
        (2, 2, 4, 4, 1),
        {"2_2": 40, "3_2": 64, "3_3": 64, "3_4": 64, "4_3": 112, "4_4": 160},
        {"2_2": "2_2", "3_2": "3_3", "3_3": "3_4", "3_4": "3_4", "4_3": "4_3", "4_4": "4_4"},
    ),
}


class _LeakyGradient(torch.autograd.Function):
    """ReLU whose gradient is `slope` below zero, so that a silent channel can come back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(x > 0)
        ctx.slope = slope
        return F.relu(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (positive,) = ctx.saved_tensors
        return torch.where(positive, grad, grad * ctx.slope), None


class Student(nn.Module):
    """conv{b}_{i} (3x3, reflection padding) and ReLU, chained; `forward` gives pre-activations by layer.

    `slope` is the ReLU's gradient below zero in the free layers: training begins with one and ends without.
    """

    def __init__(self, topology: Topology, teacher_channels: dict[str, int]):
        super().__init__()
        self.topology = topology
        self.slope = 0.0
        self.convs = nn.ModuleDict()
        self.probes = nn.ModuleDict()
        channels = 3
        for name in topology.layers:
            width = topology.widths[name] if name in topology.widths else teacher_channels[name]
            self.convs[name] = nn.Conv2d(channels, width, 3)
            if name in topology.probed:
                self.probes[name] = nn.Conv2d(width, teacher_channels[topology.probed[name]], 1)
            channels = width

    @property
    def multiplications(self) -> float:
        """Per pixel of the image, up to the last layer."""
        return sum(conv.weight.numel() / 4 ** (int(name[0]) - 1) for name, conv in self.convs.items())

    def forward(self, image: Tensor, layers: Iterable[str] | None = None) -> dict[str, Tensor]:
        """Shape: (N, 3, H, W) in [0, 1] -> {"1_1": (N, C, H, W), ...}, before the ReLU."""
        return self._chain(image - 0.45, list(self.convs), set(self.convs if layers is None else layers))

    def layers_after(self, layer: str) -> list[str]:
        """The names of the layers that come after `layer`."""
        names = list(self.convs)
        return names[names.index(layer) + 1 :]

    def after(self, layer: str, preactivations: Tensor) -> dict[str, Tensor]:
        """Pre-activations of the layers after `layer`, from those of `layer`."""
        names = self.layers_after(layer)
        return self._chain(F.relu(preactivations), names, set(names), layer[0])

    def _chain(self, x: Tensor, names: list[str], wanted: set[str], block: str = "1") -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for name in names:
            if name[0] != block:
                x, block = F.max_pool2d(x, 2), name[0]
            x = self.convs[name](F.pad(x, (1, 1, 1, 1), mode="reflect"))
            if name in wanted:
                found[name] = x
                if len(found) == len(wanted):
                    break
            x = _LeakyGradient.apply(x, self.slope) if self.slope and name in self.probes else F.relu(x)
        return found

    def predictions(self, preactivations: dict[str, Tensor]) -> dict[str, Tensor]:
        """What each student layer says of its teacher layer, keyed by the student's name."""
        return {k: self.probes[k](F.relu(v)) if k in self.probes else v for k, v in preactivations.items()}


@torch.no_grad()
def initialise_from_data(
    student: Student,
    images: Tensor,
    bias: dict[str, Tensor],
    generator: torch.Generator,
    layers: Collection[str] | None = None,
) -> None:
    """Draw orthogonal filters, then scale each layer on `images` so that its outputs have unit variance per channel.

    Only `layers` are drawn, if given; the others stay as they are.
    """
    x = images - 0.45
    block = "1"
    for name, conv in student.convs.items():
        assert isinstance(conv, nn.Conv2d)
        if name[0] != block:
            x, block = F.max_pool2d(x, 2), name[0]
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        if layers is not None and name not in layers:
            x = F.relu(F.conv2d(padded, conv.weight, conv.bias))
            continue
        noise = torch.randn(conv.weight.shape, generator=generator)
        conv.weight.copy_(
            torch.linalg.qr(noise.flatten(1).T).Q.T.reshape(conv.weight.shape)
            if noise.shape[0] <= noise[0].numel()
            else noise
        )
        y = F.conv2d(padded, conv.weight)
        std, mean = y.std((0, 2, 3)), y.mean((0, 2, 3))
        conv.weight.div_(std[:, None, None, None])
        target = bias.get(name, torch.zeros_like(mean))
        conv.bias.copy_(target - mean / std)
        x = F.relu(F.conv2d(padded, conv.weight, conv.bias))
    for name, probe in student.probes.items():
        assert isinstance(probe, nn.Conv2d)
        if layers is not None and name not in layers:
            continue
        probe.weight.copy_(torch.randn(probe.weight.shape, generator=generator) / probe.in_channels**0.5)
        probe.bias.zero_()
