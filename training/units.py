"""The compact encoder between the package's units and those it is trained in; made wider without changing what it sees.

In training every channel has a standard deviation of 1 after its ReLU, and a gain by which it counts in the package.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from student import Student, Topology

DEPTHS = (2, 2, 4, 4, 1)
WIDTHS = {"1_1": 16, "1_2": 16, "2_1": 32, "2_2": 48, "3_1": 64, "3_2": 64, "3_3": 64, "3_4": 64}
WIDTHS |= {"4_1": 96, "4_2": 96, "4_3": 112, "4_4": 128, "5_1": 128}  # 16s: what processors multiply at once
GRAY = 0.45  # what `Student` subtracts
ALIVE = 1e-3  # of the layer's most active channel
NEW_GAIN = 0.3  # of the layer's median


def student_of(widths: Mapping[str, int]) -> Student:
    """A chain without probes.  `widths` by layer: "1_1", ..."""
    return Student(Topology(DEPTHS, dict(widths), {}), {})


@torch.no_grad()
def from_package(
    tensors: Mapping[str, Tensor], widths: Mapping[str, int], images: Tensor, generator: torch.Generator
) -> tuple[Student, dict[str, Tensor]]:
    """A student that computes what the package's chain does in its first channels, and the gains of all channels.

    The others have filters drawn at random, which no later layer reads yet.
    """
    student, gains = student_of(widths), {}
    x, below = images - GRAY, torch.ones(3)
    for name, conv in student.convs.items():
        if name[0] != "1" and name[2] == "1":
            x = F.max_pool2d(x, 2)
        weight, bias = tensors[f"conv{name}.weight"].float(), tensors[f"conv{name}.bias"].float()
        if name == "1_1":
            bias = bias + GRAY * weight.sum((1, 2, 3))
        old, inputs = weight.shape[:2]
        fresh = torch.randn(conv.weight.shape, generator=generator) / (9 * conv.in_channels) ** 0.5
        fresh[:old] = 0
        fresh[:old, :inputs] = weight * below[:inputs, None, None]
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        x = F.conv2d(padded, fresh)
        offset = torch.cat([bias, -x.mean((0, 2, 3))[old:]])
        x = F.relu(x + offset[:, None, None])
        std = x.std((0, 2, 3)).clamp_min(1e-3)
        conv.weight.copy_(fresh / std[:, None, None, None])
        conv.bias.copy_(offset / std)
        x = x / std[:, None, None]
        gains[name] = torch.cat([std[:old], std[:old].median().expand(len(std) - old) * NEW_GAIN])
        below = torch.cat([std[:old], torch.zeros(len(std) - old)])
    return student, gains


@torch.no_grad()
def to_package(student: Student, gains: Mapping[str, Tensor], images: Tensor) -> dict[str, Tensor]:
    """`conv{block}_{i}.weight` and `.bias` in float16: a mean activation of 1 per layer on `images`, channels in
    proportion to their gains; those that hardly fire are left out.
    """
    means = {name: F.relu(f).mean((0, 2, 3)) * gains[name] for name, f in student(images).items()}
    tensors, below = {}, torch.ones(3)
    for name, conv in student.convs.items():
        alive = means[name] > ALIVE * means[name].max()
        factor = torch.where(alive, gains[name] / means[name][alive].mean(), 0)
        weight, bias = conv.weight.float(), conv.bias.float()
        if name == "1_1":
            bias = bias - GRAY * weight.sum((1, 2, 3))
        inputs = below > 0
        weight = weight[alive][:, inputs] * factor[alive, None, None, None] / below[None, inputs, None, None]
        tensors[f"conv{name}.weight"] = weight.half().contiguous()
        tensors[f"conv{name}.bias"] = (bias * factor)[alive].half()
        below = factor
    return tensors
