"""Teach the package's compact encoder anew, by VGG-19: `python training/retrain.py --images FOLDER --transfers CROPS --out RUN`.

The student begins as what is in the package, a little wider. Its inner products are to agree with VGG-19's (agreement.py),
of features as they are, centered, and of what changes within a pair of crops (pairs.py); a linear map of its features,
thrown away in the end, is to give VGG-19's. VGG-19's features of the last BUFFER pairs are kept, and each pair is used
about DRAWN / FRESH times. Every --renew steps new transfers are made with the student as it is by then.

The run is logged to RUN/log.jsonl and saved to RUN/state.pt every --save seconds; the same command goes on from there, with
another --steps if wished. `--export FILE` writes the averaged weights as the package has them, and ends.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from agreement import disagreement, disagreements, linear_map, unexplained
from data import Pictures, batch, load_pictures
from half_made import one_transfer
from impasto.encoders.packed import compact_weights
from impasto.images import to_pil
from muon import Muon
from pairs import LAYERS, SIDE, Seen, new_pair, plain_pair, sampled, seen, teacher, transfer_pair, transfers_in
from student import Student
from units import WIDTHS, from_package, student_of, to_package

BUFFER, DRAWN, FRESH = 320, 6, 2  # pairs
RENEWED = 8  # transfers
# Of the layers' losses: first what the presets look at, and where its pictures err.
WEIGHTS, OTHERS = {"1_1": 0.5, "2_1": 1.0, "3_1": 2.0, "4_1": 2.0, "4_2": 1.0}, 0.3
FITTED, JUDGED = 96, 48  # pairs, to fit linear maps on and to judge
LICENCE = "Apache-2.0; lineage: distilled from VGG-19 (CC BY 4.0), from a start distilled from Collaborative Distillation's (MIT)"


class Pupil(nn.Module):
    """A student, the gains of its channels, and the linear maps from them to VGG-19's."""

    def __init__(self, student: Student, gains: Mapping[str, Tensor], channels: Mapping[str, int]):
        super().__init__()
        self.student = student
        self.log_gains = nn.ParameterDict({name: gain.log() for name, gain in gains.items()})
        self.maps = nn.ModuleDict({name: nn.Linear(len(gain), channels[name]) for name, gain in gains.items()})

    @property
    def gains(self) -> dict[str, Tensor]:
        """How much each channel counts, by layer."""
        return {name: gain.detach().exp() for name, gain in self.log_gains.items()}

    def forward(self, pairs: list[Seen]) -> dict[str, Tensor]:
        """Features of unit deviation at the positions of `pairs`, by layer.  Shape: (pairs, 2, n, c)."""
        pixels = torch.cat([pair.pixels for pair in pairs]).float() / 255
        found = self.student(pixels.contiguous(memory_format=torch.channels_last))
        return {
            name: torch.stack(
                [F.relu(sampled(f, pair.positions[name])) for f, pair in zip(found[name].split(2), pairs, strict=True)]
            )
            for name in LAYERS
        }


def targets(pairs: list[Seen], name: str) -> Tensor:
    """VGG-19's features at a layer.  Shape: (pairs, 2, n, C)."""
    return torch.stack([pair.features[name] for pair in pairs]).float()


def parts(features: Tensor, target: Tensor) -> dict[str, Tensor]:
    """What the inner products disagree in.  Shape: (pairs, 2, n, c), (pairs, 2, n, C)."""
    plain, centered = disagreements(features.flatten(0, 2), target.flatten(0, 2))
    change, true_change = (f[:, 1] - f[:, 0] for f in (features, target))
    size = true_change.square().sum((1, 2), keepdim=True).sqrt().clamp_min(1e-6)  # every pair counts alike
    change, true_change = ((f / size).flatten(0, 1) for f in (change, true_change))
    found = disagreement(change.mT @ change, change.mT @ true_change, true_change.mT @ true_change)
    return {"plain": plain, "centered": centered, "change": found}


def map_loss(predicted: Tensor, target: Tensor, deviation: Tensor) -> Tensor:
    """Squared error as a share of the variance, channels weighted by 1 / deviation: between as they are and all alike."""
    weight = 1 / deviation.clamp_min(1e-2 * deviation.max())
    return ((predicted - target).square().mean((0, 1, 2)) * weight).sum() / (deviation.square() * weight).sum()


def losses(pupil: Pupil, pairs: list[Seen], deviations: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The loss of each layer: what disagrees, and what the linear map leaves."""
    with torch.autocast("cpu", torch.bfloat16):
        features = pupil(pairs)
    out = {}
    for name, f in features.items():
        f, target = f.float(), targets(pairs, name)
        out[name] = sum(parts(f * pupil.log_gains[name].exp(), target).values())
        out[name] = WEIGHTS.get(name, OTHERS) * (out[name] + map_loss(pupil.maps[name](f), target, deviations[name]))
    return out


def judges(pictures: Pictures, folder: Path) -> dict[str, list[Seen]]:
    """The pairs to fit linear maps on, and those to judge on: pictures and transfers never trained on."""
    generator, made = torch.Generator().manual_seed(1), transfers_in(folder, held_out=True)
    draw = {
        "fit": (FITTED, lambda: plain_pair(pictures.train, generator)),
        "plain": (JUDGED, lambda: plain_pair(pictures.held_out, generator)),
        "half made": (JUDGED, lambda: transfer_pair(made, generator)),
    }
    return {kind: [seen(pair(), generator) for _ in range(count)] for kind, (count, pair) in draw.items()}


@torch.no_grad()
def judged(pupil: Pupil, fit: list[Seen], judge: list[Seen]) -> dict[str, dict[str, float]]:
    """By layer: 1 - R^2 of the best linear map, found on other pairs, and what the inner products disagree in."""
    collected = []
    for pairs in (fit, judge):
        found = [pupil(pairs[i : i + 8]) for i in range(0, len(pairs), 8)]
        collected.append({name: torch.cat([f[name] for f in found]) for name in LAYERS})
    out = {}
    for name in LAYERS:
        (x, y), (u, v) = ((f[name], targets(pairs, name)) for f, pairs in zip(collected, (fit, judge), strict=True))
        weight, bias = linear_map(x.flatten(0, 2), y.flatten(0, 2))
        left = unexplained(u.flatten(0, 2), v.flatten(0, 2), weight, bias)
        out[name] = {"1-R2": left} | {k: d.item() for k, d in parts(u * pupil.gains[name], v).items()}
    return out


def log(run: Path, step: int, judgement: Mapping[str, Mapping[str, Mapping[str, float]]], running: object) -> None:
    """Print held-out figures, and add them to the run's log."""
    for kind, by_layer in judgement.items():
        for figure in ("1-R2", "plain", "centered", "change"):
            print(step, kind.ljust(9), figure.ljust(8), *(f"{v[figure]:.3f}" for v in by_layer.values()), flush=True)
    with (run / "log.jsonl").open("a") as file:
        file.write(json.dumps({"step": step, "held_out": judgement, "train": running}) + "\n")


def export(
    pupil: Pupil, pictures: dict[str, list[Tensor]], file: Path, extra: Mapping[str, Tensor], **about: str
) -> int:
    """Write the student as a weight file; its size in bytes."""
    images = batch(pictures, 96, SIDE, torch.Generator().manual_seed(2))
    tensors = to_package(pupil.student, pupil.gains, images)
    save_file(tensors | dict(extra), file, {"name": "compact", "padding": "reflect", "licence": LICENCE, **about})
    cost = sum(v.numel() / 4 ** (int(k[4]) - 1) for k, v in tensors.items() if k.endswith("weight"))
    print(f"{file}: {file.stat().st_size / 1e6:.3f} MB, {cost:,.0f} multiplications per pixel", flush=True)
    return file.stat().st_size


def make_transfers(pupil: Pupil, pictures: Pictures, numbers: Iterable[int], folder: Path, run: Path) -> None:
    """Half-made pictures with the student as it is, added to `folder`."""
    file = run / "student.safetensors"
    color = {"rgb_to_bgr.weight": torch.eye(3)[:, :, None, None].contiguous(), "rgb_to_bgr.bias": torch.zeros(3)}
    export(pupil, pictures.held_out, file, color)  # with this layer in it, borders are reflected
    for number in numbers:
        for i, image in enumerate(list(one_transfer(pictures, number, file))):
            to_pil(image[None], None).save(folder / f"{number:05d}-{i}.png")


def optimisers(pupil: Pupil, lr: float) -> list[tuple[torch.optim.Optimizer, float]]:
    """Each with its rate: Muon for all convolutions but the first."""
    first = pupil.student.convs["1_1"].weight  # its inputs are small, its weights large
    weights = [conv.weight for name, conv in pupil.student.convs.items() if name != "1_1"]
    biases = [conv.bias for conv in pupil.student.convs.values()]
    adam = lambda params: torch.optim.Adam(params, betas=(0.9, 0.98))  # noqa: E731
    return [
        (Muon(weights), lr),
        (adam([first]), lr),
        (adam([*biases, *pupil.log_gains.values()]), 0.15 * lr),
        (adam(pupil.maps.parameters()), 2e-3),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder with paintings/, photos/, textures/")
    parser.add_argument(
        "--transfers", type=Path, required=True, help="folder of half_made.py's pictures; more are added"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--steps", type=int, default=40000)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--save", type=float, default=300, help="seconds between two savings")
    parser.add_argument("--judge", type=int, default=1000, help="steps between two judgements")
    parser.add_argument("--renew", type=int, default=2000, help="steps between two makings of transfers")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--export", type=Path, help="write the averaged weights here, and end")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    state_file = args.out / "state.pt"
    state = torch.load(state_file, weights_only=True) if state_file.exists() else None
    pictures, channels = load_pictures(args.images), {n: teacher().layers[f"relu{n}"].channels for n in LAYERS}

    generator = torch.Generator().manual_seed(state["step"] if state else 0)
    if state is None:
        sample = batch(pictures.train, 64, SIDE, generator)
        pupil = Pupil(*from_package(compact_weights().tensors, WIDTHS, sample, generator), channels)
    else:
        pupil = Pupil(student_of(WIDTHS), {n: torch.ones(width) for n, width in WIDTHS.items()}, channels)
        pupil.load_state_dict(state["average" if args.export else "pupil"])
    if args.export:
        export(pupil, pictures.held_out, args.export, {}, steps=str(state["step"] if state else 0))
        return
    pupil.student.to(memory_format=torch.channels_last)
    print(f"{pupil.student.multiplications:,.0f} multiplications per pixel", flush=True)

    judge_file = args.out / "judge.pt"
    if not judge_file.exists():
        torch.save(
            {kind: [vars(pair) for pair in pairs] for kind, pairs in judges(pictures, args.transfers).items()},
            judge_file,
        )
    judge = {
        kind: [Seen(**pair) for pair in pairs] for kind, pairs in torch.load(judge_file, weights_only=True).items()
    }
    fit = judge.pop("fit")
    judge_all = lambda which: {kind: judged(which, fit, pairs) for kind, pairs in judge.items()}  # noqa: E731
    deviations = {name: targets(fit, name).flatten(0, 2).std(0) for name in LAYERS}
    steppers = optimisers(pupil, args.lr)
    average, first = copy.deepcopy(pupil), 0
    if state:
        first = state["step"]
        average.load_state_dict(state["average"])
        for (optimiser, _), saved in zip(steppers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        print(f"goes on from step {first}", flush=True)
    else:
        with torch.no_grad():
            x = [pupil(fit[i : i + 8]) for i in range(0, len(fit), 8)]
            for name, layer in pupil.maps.items():
                weight, bias = linear_map(
                    torch.cat([f[name] for f in x]).flatten(0, 2), targets(fit, name).flatten(0, 2)
                )
                layer.weight.copy_(weight.T), layer.bias.copy_(bias)
        average.load_state_dict(pupil.state_dict())
        log(args.out, 0, judge_all(average), {})

    transfers = transfers_in(args.transfers, held_out=False)
    fresh = lambda count: [seen(new_pair(pictures.train, transfers, generator), generator) for _ in range(count)]  # noqa: E731
    buffer = deque(fresh(BUFFER), maxlen=BUFFER)
    started = saved_at = time.monotonic()
    running: dict[str, float] = {}
    for step in range(first, args.steps):
        factor = min(1.0, (args.steps - step) / args.steps / 0.9, (step - first + 20) / 300)
        for optimiser, lr in steppers:
            optimiser.param_groups[0]["lr"] = lr * factor
        buffer.extend(fresh(FRESH))
        drawn = [buffer[i] for i in torch.randint(len(buffer), (DRAWN,), generator=generator)]
        by_layer = losses(pupil, drawn, deviations)
        for optimiser, _ in steppers:
            optimiser.zero_grad(set_to_none=True)
        torch.stack(list(by_layer.values())).sum().backward()
        for optimiser, _ in steppers:
            optimiser.step()
        beta = min(0.999, (step + 1) / (step + 100))
        with torch.no_grad():
            for k, v in pupil.state_dict().items():
                average.state_dict()[k].lerp_(v, 1 - beta)
        for name, loss in by_layer.items():
            running[name] = running.get(name, loss.item()) * 0.99 + loss.item() * 0.01
        done = step + 1
        if done % 100 == 0:
            pace = (time.monotonic() - started) / (done - first)
            print(done, f"{pace:.2f} s", *(f"{loss:.3f}" for loss in running.values()), flush=True)
        if done % args.judge == 0 or done == args.steps:
            log(args.out, done, judge_all(average), running)
        if time.monotonic() - saved_at > args.save or done == args.steps:
            kept = {"step": done, "pupil": pupil.state_dict(), "average": average.state_dict()}
            kept["optimisers"] = [optimiser.state_dict() for optimiser, _ in steppers]
            torch.save(kept, state_file.with_suffix(".part"))
            state_file.with_suffix(".part").replace(state_file)
            saved_at = time.monotonic()
        if done % args.renew == 0:
            make_transfers(average, pictures, range(10001 + done, 10001 + done + RENEWED), args.transfers, args.out)
        if done % args.judge == 0:
            transfers = transfers_in(args.transfers, held_out=False)


if __name__ == "__main__":
    main()
