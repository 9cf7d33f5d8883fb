"""Train the compact encoder: `python training/train.py --images FOLDER --teacher FILE --out RUN --steps N`.

The student's pre-activations are regressed onto the teacher's, scaled to unit variance per channel, on pictures and on
transfers that impasto makes with the student as it is by then. The run is logged to RUN/log.jsonl, saved to RUN/state.pt
every 500 steps, and goes on from there when the same command is given again (with another --steps, if wished).
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections import deque
from collections.abc import Collection
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from data import Pictures, batch, cut, disturb, load_pictures
from export import as_encoder
from grow import grown
from impasto import Painter
from muon import Muon
from student import DIRECT, TOPOLOGIES, Student, initialise_from_data

TEACHER_LAYERS = [f"{b}_{i}" for b, depth in enumerate((2, 2, 4, 4, 1), 1) for i in range(1, depth + 1)]
CROP, BATCH, REPLAYED = 96, 16, 6
GRAM_WEIGHT = 0.5


class Teacher:
    """The slim VGG-19: a 1x1 color layer, then conv{b}_{i} with reflection padding and 2x2 max pooling."""

    def __init__(self, file: Path):
        self.weights = {k: v.float() for k, v in load_file(file).items()}

    def __call__(self, image: Tensor, until: str = "5_1") -> dict[str, Tensor]:
        """Pre-activations of the layers up to `until`.  Shape: (N, 3, H, W) in [0, 1] -> {"1_1": (N, C, H, W), ...}"""
        x = F.conv2d(image, self.weights["rgb_to_bgr.weight"], self.weights["rgb_to_bgr.bias"])
        return self._chain(x, TEACHER_LAYERS[: TEACHER_LAYERS.index(until) + 1])

    def after(self, layer: str, preactivations: Tensor) -> dict[str, Tensor]:
        """Pre-activations of the layers after `layer`, from those of `layer`."""
        return self._chain(F.relu(preactivations), TEACHER_LAYERS[TEACHER_LAYERS.index(layer) + 1 :], layer[0])

    def _chain(self, x: Tensor, layers: list[str], block: str = "1") -> dict[str, Tensor]:
        found = {}
        for name in layers:
            if name[0] != block:
                x, block = F.max_pool2d(x, 2), name[0]
            x = F.pad(x, (1, 1, 1, 1), mode="reflect")
            found[name] = F.conv2d(x, self.weights[f"conv{name}.weight"], self.weights[f"conv{name}.bias"])
            x = F.relu(found[name])
        return found

    def drop_silent(self, images: Tensor, rarely: float = 1e-3) -> dict[str, Tensor]:
        """Cut out the channels that fire at fewer than a share `rarely` of all positions; which are kept, by layer."""
        previous, masks = None, {}
        for name, f in self(images).items():
            kept = (f > 0).float().mean((0, 2, 3)) > rarely
            weight = self.weights[f"conv{name}.weight"][kept]
            self.weights[f"conv{name}.weight"] = weight if previous is None else weight[:, previous]
            self.weights[f"conv{name}.bias"] = self.weights[f"conv{name}.bias"][kept]
            previous = masks[name] = kept
        return masks


def channel_scales(features: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Per layer: standard deviation before (`pre`) and after (`post`) the ReLU, and the mean over `pre` (`bias`)."""
    out = {}
    for name, f in features.items():
        pre = f.std((0, 2, 3)).clamp_min(1e-3)
        post = (F.relu(f) / pre[:, None, None]).std((0, 2, 3)).clamp_min(0.05)
        out[name] = {"pre": pre, "post": post, "bias": f.mean((0, 2, 3)) / pre}
    return out


def layer_losses(
    student: Student, predicted: dict[str, Tensor], target: dict[str, Tensor], scales: dict
) -> dict[str, Tensor]:
    """Per student layer: mean squared error after the ReLU, in units of its variance, plus a quarter of that before it."""
    out = {}
    for name, p in predicted.items():
        teacher_layer = student.topology.targets[name]
        s = scales[teacher_layer]
        p, t = p.float(), target[teacher_layer].float() / s["pre"][:, None, None]
        post = ((F.relu(p) - F.relu(t)) / s["post"][:, None, None]).square().mean()
        out[name] = post + 0.25 * (p - t).square().mean()
    return out


def gram_losses(
    predicted: dict[str, Tensor], target: dict[str, Tensor], scales: dict, layers: Collection[str]
) -> Tensor:
    """Sum over the direct ones of `layers` of |G - A|^2 / |A|^2 over the batch, of Gram matrices after the ReLU."""
    total = torch.zeros(())
    for name in [layer for layer in DIRECT if layer in layers]:
        p, t = predicted[name].float(), target[name].float() / scales[name]["pre"][:, None, None]
        g, a = (F.relu(f).flatten(2) for f in (p, t))
        g, a = g @ g.mT, a @ a.mT
        total = total + (g - a).square().sum() / a.square().sum()
    return total


def transfers(
    student: Student, scales: dict, pictures: Pictures, generator: torch.Generator, folder: Path
) -> list[Tensor]:
    """Half-finished and finished transfers with the student as it is: images that only an optimiser visits.

    Shape: uint8 (3, H, W) each.
    """
    file = folder / "student.safetensors"
    color = {"rgb_to_bgr.weight": torch.eye(3)[:, :, None, None].contiguous(), "rgb_to_bgr.bias": torch.zeros(3)}
    save_file(as_encoder(student, scales, pictures, batches=1) | color, file)  # with it, borders are reflected
    kept = []
    painter = Painter()
    for _ in range(6):
        content, style = (batch(pictures.train, 1, 224, generator)[0] for _ in range(2))
        draw = lambda: torch.rand((), generator=generator).item()  # noqa: E731
        run = painter.prepare(
            content[None],
            style[None],
            weights=file,
            size=224,
            strength=0.3 + 0.5 * draw(),
            init="random" if draw() < 0.3 else None,
            iterations=20 + int(60 * draw()),
        )
        for step in run:
            if step.last or step.done in (8, 25):
                kept.append(step.image[0].clamp(0, 1).mul(255).round().to(torch.uint8))
    return kept


@torch.no_grad()
def held_out_error(student: Student, teacher: Teacher, pictures: Pictures, scales: dict) -> dict[str, float]:
    """1 - R² per layer, after the ReLU, on crops of pictures never trained on."""
    generator = torch.Generator().manual_seed(1)
    residual: dict[str, float] = {}
    total: dict[str, float] = {}
    for _ in range(6):
        x = batch(pictures.held_out, BATCH, 128, generator)
        target, predicted = teacher(x), student.predictions(student(x))
        for name, p in predicted.items():
            layer = student.topology.targets[name]
            s = scales[layer]
            t = F.relu(target[layer] / s["pre"][:, None, None])
            residual[name] = residual.get(name, 0) + (F.relu(p) - t).square().sum().item()
            total[name] = total.get(name, 0) + (t - t.mean((0, 2, 3), keepdim=True)).square().sum().item()
    return {name: residual[name] / total[name] for name in residual}


def averaged(student: Student, average: dict[str, Tensor]) -> Student:
    """Another student like `student`, with averaged weights."""
    other = copy.deepcopy(student)
    other.load_state_dict(average)
    other.slope = 0.0
    return other


def take_in(running: dict[str, float], losses: dict[str, Tensor]) -> None:
    """Take a step's losses into their running means, in place."""
    for name, loss in losses.items():
        running[name] = running.get(name, loss.item()) * 0.99 + loss.item() * 0.01


def print_running(running: dict[str, float], step: int, seconds: float, lr: float) -> None:
    """The running means of the losses after `step` steps of `seconds` each."""
    line = {"step": step, "seconds_per_step": round(seconds, 3), "lr": lr}
    print(json.dumps(line | {name: round(value, 4) for name, value in running.items()}), flush=True)


def log_held_out(run: Path, step: int, errors: dict[str, float], running: dict[str, float]) -> None:
    """Print the held-out errors, and add them and the running means to the run's log."""
    line = {"step": step, "held_out": {name: round(value, 4) for name, value in errors.items()}}
    print(json.dumps(line), flush=True)
    with (run / "log.jsonl").open("a") as log:
        log.write(json.dumps(line | {"train": running}) + "\n")


def trained(run: Path, topology: str) -> tuple[Student, dict]:
    """The averaged student of a run, and the scales it was trained with."""
    state = torch.load(run / "state.pt", weights_only=True)
    student = Student(TOPOLOGIES[topology], {k: len(v["pre"]) for k, v in state["scales"].items()})
    student.load_state_dict(state["average"])
    return student, state["scales"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder with paintings/, photos/, textures/")
    parser.add_argument("--teacher", type=Path, required=True, help="the slim VGG-19 as safetensors")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--topology", choices=TOPOLOGIES, default="small")
    parser.add_argument("--grow", type=Path, help="folder of a finished run of the small topology to begin with")
    parser.add_argument("--steps", type=int, default=15000)
    parser.add_argument("--decay", type=float, default=0.9, help="share of the steps in which the rate falls to zero")
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--transfers", type=int, default=500, help="the first step that makes transfers")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    teacher = Teacher(args.teacher)
    pictures = load_pictures(args.images)
    generator = torch.Generator().manual_seed(args.seed)
    autocast = lambda: torch.autocast("cpu", torch.bfloat16)  # noqa: E731

    with torch.no_grad():
        sample = torch.cat([batch(pictures.train, 48, CROP, generator) for _ in range(2)])
        kept = teacher.drop_silent(sample)
        scales = channel_scales(teacher(sample))
    topology = TOPOLOGIES[args.topology]
    if args.grow:
        old, scales = trained(args.grow, "small")
        if len(scales["4_1"]["pre"]) < len(kept["4_1"]):  # the old run had dropped them before
            kept = {k: torch.ones(len(v["pre"]), dtype=torch.bool) for k, v in scales.items()}
        scales = {k: {name: x[kept[k]] for name, x in v.items()} for k, v in scales.items()}
        student = grown(old, topology, kept, sample[:32], generator)
    else:
        student = Student(topology, {k: len(v["pre"]) for k, v in scales.items()})
        initialise_from_data(student, sample[:32], {k: scales[k]["bias"] for k in DIRECT}, generator)
    student.to(memory_format=torch.channels_last)
    print(f"{student.multiplications:,.0f} multiplications per pixel")

    first_layer = student.convs["1_1"].weight  # its inputs are small, its weights large: a rate of its own
    weights = [conv.weight for name, conv in student.convs.items() if name != "1_1"]
    chosen = {id(w) for w in (first_layer, *weights)}
    others = [p for p in student.parameters() if id(p) not in chosen]
    optimisers = [
        Muon(weights),
        torch.optim.Adam(others, betas=(0.9, 0.98)),
        torch.optim.Adam([first_layer], betas=(0.9, 0.98)),
    ]
    base = [args.lr, args.lr * 0.15, args.lr]
    replay: deque[Tensor] = deque(maxlen=400)
    average = {k: v.clone() for k, v in student.state_dict().items()}
    first = 0

    state_file = args.out / "state.pt"
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        first = state["step"]
        student.load_state_dict(state["student"])
        average = state["average"]
        scales = state["scales"]
        replay.extend(state["replay"])
        generator.set_state(state["generator"])
        for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        print(f"goes on from step {first}", flush=True)

    started, running = time.perf_counter(), {}
    for step in range(first, args.steps):
        left = (args.steps - step) / (args.steps * args.decay)
        factor = min(1.0, left, (step + 20) / 300)
        for optimiser, lr in zip(optimisers, base, strict=True):
            optimiser.param_groups[0]["lr"] = lr * factor
        student.slope = 0.02 * max(0.0, 2 * factor - 1)
        if step >= args.transfers and step % 250 == 0:
            replay.extend(transfers(averaged(student, average), scales, pictures, generator, args.out))
        x = disturb(batch(pictures.train, BATCH, CROP, generator), generator)
        if replay:
            for i in range(REPLAYED):
                x[i] = cut(replay[int(torch.randint(len(replay), (), generator=generator))], CROP, generator)
        x = x.contiguous(memory_format=torch.channels_last)
        with autocast():
            with torch.no_grad():
                target = teacher(x)
            predicted = student.predictions(student(x))
        losses = layer_losses(student, predicted, target, scales)
        loss = sum(losses.values())
        loss = loss + GRAM_WEIGHT * gram_losses(predicted, target, scales, topology.layers)
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(others, 10.0)
        for optimiser in optimisers:
            optimiser.step()
        beta = min(0.999, (step + 1) / (step + 100))
        for k, v in student.state_dict().items():
            average[k].lerp_(v, 1 - beta)

        take_in(running, losses)
        if (step + 1) % 100 == 0:
            seconds = (time.perf_counter() - started) / (step + 1 - first)
            print_running(running, step + 1, seconds, base[0] * factor)
        if (step + 1) % 500 == 0 or step + 1 == args.steps:
            errors = held_out_error(averaged(student, average), teacher, pictures, scales)
            log_held_out(args.out, step + 1, errors, running)
            state = {
                "step": step + 1,
                "topology": args.topology,
                "student": student.state_dict(),
                "average": average,
                "scales": scales,
                "replay": list(replay),
                "generator": generator.get_state(),
                "optimisers": [o.state_dict() for o in optimisers],
            }
            torch.save(state, state_file.with_suffix(".part"))
            state_file.with_suffix(".part").replace(state_file)


if __name__ == "__main__":
    main()
