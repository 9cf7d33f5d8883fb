"""Write a trained student as the package's encoder: `python training/export.py --run RUN --images FOLDER --out FILE`.

The averaged weights are taken. The input's offset is folded into the first bias (exact, as borders are reflected), the
channels are rescaled so that the mean activation of each layer is 1 on held-out pictures (a change of units: the next
layer undoes it), and channels that never fire are cut out, with the filters that read them. The recipe, lineage and measured errors go into the file's metadata.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from data import Pictures, batch, load_pictures
from student import DIRECT, TOPOLOGIES, Student

ALIVE = 1e-3  # of the layer's most active channel
LICENCE = (
    "Apache-2.0; lineage: distilled from Collaborative Distillation's slim VGG-19 (MIT), itself from VGG-19 (CC BY 4.0)"
)


@torch.no_grad()
def mean_activations(student: Student, pictures: dict[str, list[Tensor]], batches: int) -> dict[str, Tensor]:
    """Mean over positions and pictures of every channel after its ReLU, by layer."""
    generator = torch.Generator().manual_seed(2)
    sums: dict[str, Tensor] = {}
    for _ in range(batches):
        for name, f in student(batch(pictures, 16, 128, generator)).items():
            sums[name] = sums.get(name, torch.zeros(())) + F.relu(f).mean((0, 2, 3)) / batches
    return sums


def channel_scales(means: dict[str, Tensor], scales: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """What each channel is multiplied by: to the teacher's proportions and a mean of 1 per layer."""
    out = {}
    for name, mean in means.items():
        alive = mean > ALIVE * mean.max()
        proportion = scales[name]["pre"] if name in DIRECT else torch.ones_like(mean)
        factor = proportion / (mean * proportion)[alive].mean()
        out[name] = torch.where(alive, factor, 0)
    return out


@torch.no_grad()
def rescaled(student: Student, factors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The chain in new units, as `conv{block}_{i}.weight` and `.bias`; it takes sRGB in [0, 1] as it is.

    A channel whose factor is 0 is left out.
    """
    tensors: dict[str, Tensor] = {}
    previous = torch.ones(3)
    for name, conv in student.convs.items():
        weight, bias = conv.weight.float(), conv.bias.float()
        if name == "1_1":
            bias = bias - 0.45 * weight.sum((1, 2, 3))
        inputs, outputs = previous > 0, factors[name] > 0
        weight = (
            weight[outputs][:, inputs] * factors[name][outputs, None, None, None] / previous[None, inputs, None, None]
        )
        tensors[f"conv{name}.weight"] = weight.contiguous()
        tensors[f"conv{name}.bias"] = bias[outputs] * factors[name][outputs]
        previous = factors[name]
    return tensors


def as_encoder(
    student: Student, scales: dict[str, dict[str, Tensor]], pictures: Pictures, batches: int = 12
) -> dict[str, Tensor]:
    """The student in the package's units, as float16 tensors by name; `batches` of pictures tell its mean activations."""
    means = mean_activations(student, pictures.held_out, batches)
    return {k: v.half() for k, v in rescaled(student, channel_scales(means, scales)).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--images", type=Path, required=True, help="folder with paintings/, photos/, textures/")
    parser.add_argument("--out", type=Path, required=True, help="the safetensors file to write")
    args = parser.parse_args()

    state = torch.load(args.run / "state.pt", weights_only=True)
    student = Student(TOPOLOGIES[state["topology"]], {k: len(v["pre"]) for k, v in state["scales"].items()})
    student.load_state_dict(state["average"])
    pictures = load_pictures(args.images)
    tensors = as_encoder(student, state["scales"], pictures)
    log = [json.loads(line) for line in (args.run / "log.jsonl").read_text().splitlines()]
    metadata = {
        "name": "compact",
        "padding": "reflect",
        "licence": LICENCE,
        "steps": str(state["step"]),
        "one_minus_r2": json.dumps(log[-1]["held_out"]),
        "units": "mean activation 1 per layer, channels in the teacher's proportions",
    }
    save_file(tensors, args.out, metadata)
    size = args.out.stat().st_size
    print(
        f"{args.out}: {size / 1e6:.2f} MB, {sum(v.numel() for v in tensors.values()):,} numbers, step {state['step']}"
    )


if __name__ == "__main__":
    main()
