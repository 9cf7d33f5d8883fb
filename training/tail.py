"""Train the layers after relu4_2 alone: `python training/tail.py --images FOLDER --teacher FILE --trunk RUN --out RUN`.

The trunk, everything up to relu4_2 of a finished run, stays as it is, so its features are computed once per picture and
kept: a step costs a fifth of one of the whole student, and sees whole pictures rather than small crops, whose borders
would be most of what relu5_1 sees. The pictures kept are crops and transfers by the student as it is by then, the
oldest replaced every REFRESH steps. The run is logged to RUN/log.jsonl and ends with RUN/state.pt, as those of `train.py`.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from data import batch, disturb, load_pictures
from muon import Muon
from student import TOPOLOGIES, Student, initialise_from_data
from train import (
    CROP,
    GRAM_WEIGHT,
    Teacher,
    averaged,
    gram_losses,
    held_out_error,
    layer_losses,
    log_held_out,
    print_running,
    take_in,
    transfers,
)

TRUNK_END = "4_2"
SIDE = 224  # of the pictures, that of the transfers
PICTURES, FRESH, REFRESH = 2400, 120, 500
BATCH, REPLAYED = 5, 2

Kept = tuple[Tensor, Tensor]  # the student's and the teacher's pre-activations at TRUNK_END


@torch.no_grad()
def kept_features(student: Student, teacher: Teacher, images: Iterable[Tensor]) -> list[Kept]:
    """What is kept of each picture.  Shape: (3, H, W) in [0, 1] each."""
    kept = []
    for image in images:
        with torch.autocast("cpu", torch.bfloat16):
            x = image[None].contiguous(memory_format=torch.channels_last)
            kept.append(
                (student(x, [TRUNK_END])[TRUNK_END].bfloat16(), teacher(x, until=TRUNK_END)[TRUNK_END].bfloat16())
            )
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder with paintings/, photos/, textures/")
    parser.add_argument("--teacher", type=Path, required=True, help="the slim VGG-19 as safetensors")
    parser.add_argument("--trunk", type=Path, required=True, help="folder of a finished run of the large topology")
    parser.add_argument("--topology", choices=TOPOLOGIES, default="lean")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--steps", type=int, default=15000)
    parser.add_argument("--lr", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    teacher, pictures = Teacher(args.teacher), load_pictures(args.images)
    generator = torch.Generator().manual_seed(args.seed)
    with torch.no_grad():
        sample = torch.cat([batch(pictures.train, 48, CROP, generator) for _ in range(2)])
        teacher.drop_silent(sample)
    finished = torch.load(args.trunk / "state.pt", weights_only=True)
    scales = finished["scales"]
    student = Student(TOPOLOGIES[args.topology], {k: len(v["pre"]) for k, v in scales.items()})
    learning = student.layers_after(TRUNK_END)
    done = [name for name in student.convs if name not in learning]
    student.load_state_dict({k: v for k, v in finished["average"].items() if k.split(".")[1] in done}, strict=False)
    initialise_from_data(student, sample[:32], {"5_1": scales["5_1"]["bias"]}, generator, layers=learning)
    student.to(memory_format=torch.channels_last)
    print(f"{student.multiplications:,.0f} multiplications per pixel", flush=True)
    for name, parameter in student.named_parameters():
        parameter.requires_grad_(name.split(".")[1] in learning)
    weights = [student.convs[name].weight for name in learning]
    others = [p for p in student.parameters() if p.requires_grad and all(p is not w for w in weights)]
    muon, adam = Muon(weights), torch.optim.Adam(others, betas=(0.9, 0.98))

    crops = lambda count: disturb(batch(pictures.train, count, SIDE, generator), generator)  # noqa: E731
    kept = deque(
        (f for _ in range(PICTURES // FRESH) for f in kept_features(student, teacher, crops(FRESH))), maxlen=PICTURES
    )
    earlier = (picture.float() / 255 for picture in finished["replay"] if picture.shape[-2:] == (SIDE, SIDE))
    replay = deque(kept_features(student, teacher, earlier), maxlen=600)
    draw = lambda source, count: [source[i] for i in torch.randint(len(source), (count,), generator=generator)]  # noqa: E731
    average = {k: v.clone() for k, v in student.state_dict().items()}
    started, running = time.perf_counter(), {}
    for step in range(args.steps):
        factor = min(1.0, (args.steps - step) / args.steps / 0.9, (step + 20) / 300)
        muon.param_groups[0]["lr"], adam.param_groups[0]["lr"] = args.lr * factor, args.lr * 0.15 * factor
        if step and step % REFRESH == 0:
            kept.extend(kept_features(student, teacher, crops(FRESH)))
            if step >= 2000:
                made = transfers(averaged(student, average), scales, pictures, generator, args.out)
                replay.extend(kept_features(student, teacher, (picture.float() / 255 for picture in made)))
        drawn = draw(kept, BATCH - REPLAYED) + draw(replay, REPLAYED)
        ours, theirs = (
            torch.cat(parts).contiguous(memory_format=torch.channels_last) for parts in zip(*drawn, strict=True)
        )
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                target = teacher.after(TRUNK_END, theirs)
            predicted = student.predictions(student.after(TRUNK_END, ours))
        losses = layer_losses(student, predicted, target, scales)
        loss = sum(losses.values()) + losses["5_1"] + GRAM_WEIGHT * gram_losses(predicted, target, scales, learning)
        muon.zero_grad(set_to_none=True), adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(others, 10.0)
        muon.step(), adam.step()
        beta = min(0.999, (step + 1) / (step + 100))
        for k, v in student.state_dict().items():
            if k.split(".")[1] in learning:
                average[k].lerp_(v, 1 - beta)
        take_in(running, losses)
        if (step + 1) % 100 == 0:
            print_running(running, step + 1, (time.perf_counter() - started) / (step + 1), args.lr * factor)
        if (step + 1) % 2500 == 0 or step + 1 == args.steps:
            errors = held_out_error(averaged(student, average), teacher, pictures, scales)
            log_held_out(args.out, step + 1, errors, running)
            state = {"step": step + 1, "topology": args.topology, "average": average, "scales": scales}
            torch.save(state, args.out / "state.pt")


if __name__ == "__main__":
    main()
