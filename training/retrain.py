"""Teach the package's compact encoder anew, by VGG-19: `python training/retrain.py --images FOLDER --transfers CROPS --out RUN`.

The student begins as what is in the package, a little wider. Its inner products are to agree with VGG-19's (agreement.py),
of features as they are, centered, and of what changes within a pair of crops (pairs.py); a linear map of its features,
thrown away in the end, is to give VGG-19's. VGG-19's features of the last --buffer pairs are kept, and each pair is used
about DRAWN / FRESH times. Other processes make new transfers all the time, with the student as it was at most --renew
steps ago.

The run is logged to RUN/log.jsonl and saved to RUN/state.pt every --save seconds; the same command goes on from there, with
another --steps if wished. With --seconds the rate falls to nothing by then, whatever the step. `--export FILE` writes the
averaged weights as the package has them, and ends.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from agreement import disagreement, disagreements, linear_map, unexplained
from data import Pictures, batch, load_pictures, stream
from half_made import make
from impasto.encoders.packed import compact_weights
from muon import Muon
from pairs import LAYERS, SIDE, Seen, Transfers, new_pair, plain_pair, sampled, seen, teacher
from student import Student
from units import WIDTHS, from_package, student_of, to_package

DRAWN, FRESH = 3, 1  # pairs, of each of --batch: a step looks at DRAWN of those kept, and takes in FRESH new ones
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

    def forward(self, pairs: Seen) -> dict[str, Tensor]:
        """Features of unit deviation at the positions of `pairs`, by layer.  Shape: (pairs, 2, n, c)."""
        pixels = pairs.pixels.flatten(0, 1).float() / 255
        found = self.student(pixels.contiguous(memory_format=torch.channels_last))
        return {name: F.relu(sampled(found[name], pairs.positions[name])) for name in LAYERS}


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


def losses(pupil: Pupil, pairs: Seen, deviations: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The loss of each layer: what disagrees, and what the linear map leaves."""
    with torch.autocast(pairs.pixels.device.type, torch.bfloat16):
        features = pupil(pairs)
    out = {}
    for name, f in features.items():
        f, target = f.float(), pairs.features[name].float()
        out[name] = sum(parts(f * pupil.log_gains[name].exp(), target).values())
        out[name] = WEIGHTS.get(name, OTHERS) * (out[name] + map_loss(pupil.maps[name](f), target, deviations[name]))
    return out


def judges(pictures: Pictures, folder: Path, device: torch.device) -> dict[str, Seen]:
    """The pairs to fit linear maps on, and those to judge on: pictures and transfers never trained on."""
    generator, made = torch.Generator().manual_seed(1), Transfers(folder, held_out=True)
    draw = {
        "fit": (FITTED, lambda: plain_pair(pictures.train, generator)),
        "plain": (JUDGED, lambda: plain_pair(pictures.held_out, generator)),
        "half made": (JUDGED, lambda: made.pair(generator)),
    }
    torch.manual_seed(1)
    return {kind: seen(torch.stack([pair() for _ in range(count)]), device) for kind, (count, pair) in draw.items()}


def found_by(pupil: Pupil, pairs: Seen) -> dict[str, Tensor]:
    """Features at the positions of many pairs, by layer."""
    found = [pupil(pairs[i : i + 8]) for i in range(0, len(pairs), 8)]
    return {name: torch.cat([f[name] for f in found]) for name in LAYERS}


@torch.no_grad()
def judged(pupil: Pupil, fit: Seen, judge: Seen) -> dict[str, dict[str, float]]:
    """By layer: 1 - R^2 of the best linear map, found on other pairs, and what the inner products disagree in."""
    fitted, shown, out = found_by(pupil, fit), found_by(pupil, judge), {}
    for name in LAYERS:
        x, u, y, v = fitted[name], shown[name], fit.features[name].float(), judge.features[name].float()
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


def joined(parts: list[Seen]) -> Seen:
    """All pairs of several."""
    cat = lambda found: {name: torch.cat([each[name] for each in found]) for name in LAYERS}  # noqa: E731
    pixels = torch.cat([each.pixels for each in parts])
    return Seen(pixels, cat([each.positions for each in parts]), cat([each.features for each in parts]))


def export(
    pupil: Pupil, pictures: dict[str, list[Tensor]], file: Path, extra: Mapping[str, Tensor], **about: str
) -> int:
    """Write the student as a weight file; its size in bytes."""
    pupil = copy.deepcopy(pupil).cpu()
    images = batch(pictures, 96, SIDE, torch.Generator().manual_seed(2))
    tensors = to_package(pupil.student, pupil.gains, images)
    part = file.with_suffix(".part")
    save_file(tensors | dict(extra), part, {"name": "compact", "padding": "reflect", "licence": LICENCE, **about})
    part.replace(file)
    cost = sum(v.numel() / 4 ** (int(k[4]) - 1) for k, v in tensors.items() if k.endswith("weight"))
    print(f"{file}: {file.stat().st_size / 1e6:.3f} MB, {cost:,.0f} multiplications per pixel", flush=True)
    return file.stat().st_size


class Makers:
    """Other processes that make half-made pictures all the time, with the student as it was when it was last given."""

    def __init__(self, images: Path, folder: Path, student: Path, processes: int, first: int):
        self.folder, self.student, self.numbers = folder, student, count(first)
        self.pool = ProcessPoolExecutor(processes, get_context("spawn"), _begin, (images,))
        self.at_work: list[Future[None]] = []
        self.processes = processes

    def go_on(self) -> None:
        """Give work to those that have none."""
        failed = [work.exception() for work in self.at_work if work.done() and work.exception()]
        if failed:
            raise failed[0]  # type: ignore[misc]
        self.at_work = [work for work in self.at_work if not work.done()]
        for _ in range(self.processes - len(self.at_work)):
            self.at_work.append(self.pool.submit(_make, next(self.numbers), self.folder, self.student))

    def end(self) -> None:
        """Let them finish what they are at."""
        self.pool.shutdown(cancel_futures=True)


_pictures: list[Pictures] = []  # of a maker's process


def _begin(images: Path) -> None:
    torch.set_num_threads(1)
    _pictures.append(load_pictures(images))


def _make(number: int, folder: Path, student: Path) -> None:
    make(_pictures[0], number, folder, student)


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
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so long, if not before")
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--batch", type=int, default=2, help=f"a step looks at {DRAWN} times as many pairs")
    parser.add_argument("--buffer", type=int, default=320, help="pairs that are kept")
    parser.add_argument("--save", type=float, default=300, help="seconds between two savings")
    parser.add_argument("--judge", type=int, default=1000, help="steps between two judgements")
    parser.add_argument("--renew", type=int, default=500, help="steps between two students for the makers")
    parser.add_argument("--makers", type=int, default=0, help="processes that make transfers")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw pairs")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", type=torch.device, default="cpu")
    parser.add_argument("--export", type=Path, help="write the averaged weights here, and end")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    state_file, device = args.out / "state.pt", args.device
    state = torch.load(state_file, weights_only=True, map_location="cpu") if state_file.exists() else None
    first = state["step"] if state else 0
    pictures = load_pictures(args.images)
    if not args.export:
        transfers, new = Transfers(args.transfers, held_out=False), args.batch * FRESH
        pairs = stream(lambda generator: new_pair(pictures.train, transfers, generator), first + 2, args.workers)
        fresh = lambda: seen(torch.stack([next(pairs) for _ in range(new)]), device)  # noqa: E731
    channels = {n: teacher(device).layers[f"relu{n}"].channels for n in LAYERS}

    generator = torch.Generator().manual_seed(first)
    if state is None:
        sample = batch(pictures.train, 64, SIDE, generator)
        pupil = Pupil(*from_package(compact_weights().tensors, WIDTHS, sample, generator), channels)
    else:
        pupil = Pupil(student_of(WIDTHS), {n: torch.ones(width) for n, width in WIDTHS.items()}, channels)
        pupil.load_state_dict(state["average" if args.export else "pupil"])
    if args.export:
        export(pupil, pictures.held_out, args.export, {}, steps=str(first))
        return
    pupil.to(device).student.to(memory_format=torch.channels_last)
    print(f"{pupil.student.multiplications:,.0f} multiplications per pixel", flush=True)

    judge = judges(pictures, args.transfers, device)
    fit = judge.pop("fit")
    judge_all = lambda which: {kind: judged(which, fit, pairs) for kind, pairs in judge.items()}  # noqa: E731
    deviations = {name: fit.features[name].float().flatten(0, 2).std(0) for name in LAYERS}
    steppers = optimisers(pupil, args.lr)
    average = copy.deepcopy(pupil)
    if state:
        average.load_state_dict(state["average"])
        for (optimiser, _), saved in zip(steppers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        print(f"goes on from step {first}", flush=True)
    else:
        with torch.no_grad():
            for name, found in found_by(pupil, fit).items():
                weight, bias = linear_map(found.flatten(0, 2), fit.features[name].float().flatten(0, 2))
                pupil.maps[name].weight.copy_(weight.T), pupil.maps[name].bias.copy_(bias)
        average.load_state_dict(pupil.state_dict())
        log(args.out, 0, judge_all(average), {})

    student = args.out / "student.safetensors"
    color = {"rgb_to_bgr.weight": torch.eye(3)[:, :, None, None].contiguous(), "rgb_to_bgr.bias": torch.zeros(3)}
    give = lambda: export(average, pictures.held_out, student, color)  # noqa: E731  with this layer in it, borders are reflected
    if args.makers:
        give()
        makers = Makers(args.images, args.transfers, student, args.makers, 10001 + first)
    buffer = joined([fresh() for _ in range(math.ceil(args.buffer / new))])
    started = saved_at = time.monotonic()
    running: dict[str, float] = {}
    for step in range(first, args.steps):
        left = min((args.steps - step) / args.steps, 1 - (time.monotonic() - started) / args.seconds)
        factor = max(0.0, min(1.0, left / 0.9, (step - first + 20) / 300))
        for optimiser, lr in steppers:
            optimiser.param_groups[0]["lr"] = lr * factor
        places = torch.arange(step * new, (step + 1) * new) % len(buffer)
        buffer.put(places.to(device), fresh())
        drawn = buffer[torch.randint(len(buffer), (args.batch * DRAWN,), generator=generator).to(device)]
        by_layer = losses(pupil, drawn, deviations)
        for optimiser, _ in steppers:
            optimiser.zero_grad(set_to_none=True)
        total = torch.stack(list(by_layer.values()))
        total.sum().backward()
        for optimiser, _ in steppers:
            optimiser.step()
        beta = min(0.999, (step + 1) / (step + 100))
        torch._foreach_lerp_(list(average.state_dict().values()), list(pupil.state_dict().values()), 1 - beta)
        done, last = step + 1, step + 1 == args.steps or left <= 0
        if done % 10 == 0:
            for name, loss in zip(by_layer, total.tolist(), strict=True):
                running[name] = running.get(name, loss) * 0.9 + loss * 0.1
        if done % 100 == 0:
            pace = (time.monotonic() - started) / (done - first)
            print(done, f"{pace:.3f} s", *(f"{loss:.3f}" for loss in running.values()), flush=True)
        if done % args.judge == 0 or last:
            log(args.out, done, judge_all(average), running)
        if time.monotonic() - saved_at > args.save or last:
            kept = {"step": done, "pupil": pupil.state_dict(), "average": average.state_dict()}
            kept["optimisers"] = [optimiser.state_dict() for optimiser, _ in steppers]
            torch.save(kept, state_file.with_suffix(".part"))
            state_file.with_suffix(".part").replace(state_file)
            saved_at = time.monotonic()
        if args.makers and not last:
            if done % args.renew == 0:
                give()
            if done % 10 == 0:
                makers.go_on()
        if last:
            break
    if args.makers:
        makers.end()


if __name__ == "__main__":
    main()
