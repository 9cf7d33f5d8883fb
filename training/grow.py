"""A deeper and wider student that computes what a trained one does, to go on from there at a lower rate.

A layer that is new repeats the one before it (its filters are the identity, which a ReLU leaves alone); channels that
fall silent are left out; new channels have filters of their own which no later layer reads yet.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from student import DIRECT, Student, Topology

RARELY = 1e-3  # channels that fire at fewer than this share of all positions are silent


def without(tensor: Tensor, kept: Tensor | None, dim: int) -> Tensor:
    return tensor if kept is None else tensor.index_select(dim, kept.nonzero()[:, 0])


@torch.no_grad()
def alive(student: Student, images: Tensor) -> dict[str, Tensor]:
    """Which channels fire, by layer."""
    return {name: (f > 0).float().mean((0, 2, 3)) > RARELY for name, f in student(images).items()}


@torch.no_grad()
def grown(
    old: Student, topology: Topology, kept: dict[str, Tensor], images: Tensor, generator: torch.Generator
) -> Student:
    """`old` in a larger topology.  `kept`: which channels of the teacher's layers there still are."""
    fires = alive(old, images)
    fires |= {name: kept[name] for name in DIRECT}
    new = Student(topology, {name: int(mask.sum()) for name, mask in kept.items()})
    source, x, previous = "", images - 0.45, torch.ones(3, dtype=torch.bool)
    for name, conv in new.convs.items():
        if source and name[0] != source[0]:
            x = F.max_pool2d(x, 2)
        width, inputs = conv.weight.shape[:2]
        fresh = torch.randn(conv.weight.shape, generator=generator) / (inputs * 9) ** 0.5
        bias = torch.zeros(width)
        if name in old.convs:
            source = name
            weight = without(without(old.convs[name].weight, fires[name], 0), previous, 1)
            bias[: len(weight)] = without(old.convs[name].bias, fires[name], 0)
        else:
            count = int(fires[source].sum())
            weight = torch.zeros(count, count, 3, 3)
            weight[:, :, 1, 1] = torch.eye(count)
        previous = fires[source]
        fresh[: len(weight)] = 0
        fresh[: len(weight), : weight.shape[1]] = weight
        conv.weight.copy_(fresh)
        conv.bias.copy_(bias)
        padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
        std = F.conv2d(padded, conv.weight).std((0, 2, 3)).clamp_min(1e-3)
        conv.weight[len(weight) :] /= std[len(weight) :, None, None, None]
        x = F.relu(F.conv2d(padded, conv.weight, conv.bias))
        if name in new.probes:
            probe, old_probe = new.probes[name], old.probes[source]
            told = without(without(old_probe.weight, kept[topology.probed[name]], 0), fires[source], 1)
            probe.weight.zero_()
            probe.weight[:, : told.shape[1]] = told
            probe.bias.copy_(without(old_probe.bias, kept[topology.probed[name]], 0))
    return new
