"""The compact encoder as it is trained: a VGG-like chain with pre-activations at hand, and 1x1 probes beside it.

Widths were chosen for two budgets: 22,536 multiplications per pixel up to relu5_1 (VGG-19: 361,152), and few channels
at full resolution, where memory traffic rather than arithmetic sets the speed.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Convolutions of each block and their output channels; a 2x2 max pooling lies between the blocks.
BLOCKS = ((16, 16), (32, 48), (64, 80, 80), (128, 128, 144), (128,))

# student layer -> teacher layer.  DIRECT: channel by channel.  PROBED: through a linear map that training throws away.
DIRECT = {"1_1": "1_1", "1_2": "1_2", "2_1": "2_1", "3_1": "3_1", "4_1": "4_1", "4_2": "4_2", "5_1": "5_1"}
PROBED = {"2_2": "2_2", "3_2": "3_3", "3_3": "3_4", "4_3": "4_4"}


def layer_names() -> list[str]:
    return [f"{b}_{i}" for b, widths in enumerate(BLOCKS, 1) for i in range(1, len(widths) + 1)]


class Student(nn.Module):
    """conv{b}_{i} (3x3, reflection padding) and ReLU, chained; `forward` gives pre-activations by layer."""

    def __init__(self, teacher_channels: dict[str, int]):
        super().__init__()
        self.convs = nn.ModuleDict()
        self.probes = nn.ModuleDict()
        channels = 3
        for block, widths in enumerate(BLOCKS, 1):
            for i, width in enumerate(widths, 1):
                name = f"{block}_{i}"
                self.convs[name] = nn.Conv2d(channels, width, 3)
                if name in PROBED:
                    self.probes[name] = nn.Conv2d(width, teacher_channels[PROBED[name]], 1)
                channels = width

    def forward(self, image: Tensor, layers: Iterable[str] | None = None) -> dict[str, Tensor]:
        """Shape: (N, 3, H, W) in [0, 1] -> {"1_1": (N, C, H, W), ...}, before the ReLU."""
        wanted = set(self.convs if layers is None else layers)
        found: dict[str, Tensor] = {}
        x = image - 0.45
        block = "1"
        for name, conv in self.convs.items():
            if name[0] != block:
                x, block = F.max_pool2d(x, 2), name[0]
            x = conv(F.pad(x, (1, 1, 1, 1), mode="reflect"))
            if name in wanted:
                found[name] = x
                if len(found) == len(wanted):
                    break
            x = F.relu(x)
        return found

    def predictions(self, preactivations: dict[str, Tensor]) -> dict[str, Tensor]:
        """What each student layer says of its teacher layer, keyed by the student's name."""
        return {k: self.probes[k](F.relu(v)) if k in PROBED else v for k, v in preactivations.items()}


@torch.no_grad()
def initialise_from_data(student: Student, images: Tensor, bias: dict[str, Tensor], generator: torch.Generator) -> None:
    """Draw orthogonal filters, then scale each layer on `images` so that its outputs have unit variance per channel."""
    x = images - 0.45
    block = "1"
    for name, conv in student.convs.items():
        assert isinstance(conv, nn.Conv2d)
        if name[0] != block:
            x, block = F.max_pool2d(x, 2), name[0]
        noise = torch.randn(conv.weight.shape, generator=generator)
        conv.weight.copy_(
            torch.linalg.qr(noise.flatten(1).T).Q.T.reshape(conv.weight.shape)
            if noise.shape[0] <= noise[0].numel()
            else noise
        )
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        y = F.conv2d(padded, conv.weight)
        std, mean = y.std((0, 2, 3)), y.mean((0, 2, 3))
        conv.weight.div_(std[:, None, None, None])
        target = bias.get(name, torch.zeros_like(mean))
        conv.bias.copy_(target - mean / std)
        x = F.relu(F.conv2d(padded, conv.weight, conv.bias))
    for probe in student.probes.values():
        assert isinstance(probe, nn.Conv2d)
        probe.weight.copy_(torch.randn(probe.weight.shape, generator=generator) / probe.in_channels**0.5)
        probe.bias.zero_()
