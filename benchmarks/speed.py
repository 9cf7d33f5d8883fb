"""What one evaluation costs, beside a textbook's, interleaved in one run: medians and their ratios.

    python benchmarks/speed.py [--width 512 --height 384] [--rounds 5]

An evaluation is loss and gradient for one picture: forward, five Gram matrices, content at relu4_2, backward. The
textbook's is plain PyTorch in NCHW and float32; the Keras-style one sends content, style and picture through the
network at every step, as the Keras example does. The
ceilings are those of a 3x3 convolution of 256 channels on this machine, in the same run.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.bench import CONVOLUTION_FLOPS, convolution, evaluation, flops, prepared
from impasto.encoders.packed import vgg19_weights
from impasto.encoders.vgg import convolution_names
from impasto.presets.published import FIVE_LAYERS

CONTENT = "relu4_2"


def textbook(tensors: dict[str, Tensor], image: Tensor, every_image: bool) -> Callable[[], object]:
    """The papers' terms in plain PyTorch; with `every_image`, content and style go through the network every time."""

    def features(x: Tensor) -> dict[str, Tensor]:
        found, previous = {}, "1"
        for name in convolution_names("vgg19")[:13]:
            if name[4] != previous:
                x, previous = F.max_pool2d(x, 2), name[4]
            x = F.relu(F.conv2d(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"], padding=1))
            found["relu" + name[4:]] = x
        return found

    def gram(f: Tensor) -> Tensor:
        flat = f.flatten(1)
        return flat @ flat.T / flat.shape[1]

    content, style = torch.rand_like(image), torch.rand_like(image)
    with torch.no_grad():
        kept = features(torch.cat([content, style]))

    def evaluate() -> Tensor:
        x = image.detach().requires_grad_(True)
        if every_image:
            found = features(torch.cat([content, style, x]))
            f, c, s = ({k: v[i] for k, v in found.items()} for i in (2, 0, 1))
        else:
            f = {k: v[0] for k, v in features(x).items()}
            c, s = ({k: v[i] for k, v in kept.items()} for i in (0, 1))
        loss = (f[CONTENT] - c[CONTENT]).square().mean()
        loss = loss + sum((gram(f[layer]) - gram(s[layer])).square().mean() for layer in FIVE_LAYERS)
        return torch.autograd.grad(loss, x)[0]

    return evaluate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--height", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.manual_seed(0)
    image, pixels = torch.rand(1, 3, args.height, args.width), args.height * args.width
    vgg, cpu = vgg19_weights().tensors, torch.device("cpu")
    formats = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    runs: dict[str, tuple[Callable[[], object], float]] = {}
    for label, dtype in formats.items():
        runs[f"convolution, {label}"] = (convolution(cpu, dtype), CONVOLUTION_FLOPS)
        for name, called in (("VGG-19", "vgg19"), ("compact", "compact")):
            run = prepared(called, args.width, args.height, "cpu", label)
            runs[f"{name}, {label}"] = (evaluation(run), flops(run.plan.encoder, pixels))
    runs["plain PyTorch, VGG-19"] = (textbook(vgg, image, every_image=False), runs["VGG-19, float32"][1])
    runs["Keras-style, VGG-19"] = (textbook(vgg, image, every_image=True), runs["VGG-19, float32"][1])
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(args.rounds + 1):
        for name, (run, _) in runs.items():
            repeats = 8 if "convolution" in name else 1
            began = time.perf_counter()
            for _ in range(repeats):
                run()
            if turn:
                times[name].append((time.perf_counter() - began) / repeats)
    print(f"{args.width}x{args.height}, {torch.get_num_threads()} threads, median of {args.rounds}\n")
    print("| | ms | GFLOP/s of convolutions | share of the ceiling |\n|---|---|---|---|")
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in medians.items():
        label = "bfloat16" if "bfloat16" in name else "float32"
        rate, top = runs[name][1] / median / 1e9, CONVOLUTION_FLOPS / medians[f"convolution, {label}"] / 1e9
        print(f"| {name} | {1e3 * median:.0f} | {rate:.0f} | {100 * rate / top:.0f} % |")
    print()
    for a, b in (
        ("Keras-style, VGG-19", "VGG-19, float32"),
        ("plain PyTorch, VGG-19", "VGG-19, float32"),
        ("plain PyTorch, VGG-19", "VGG-19, bfloat16"),
        ("VGG-19, float32", "VGG-19, bfloat16"),
        ("VGG-19, float32", "compact, float32"),
        ("VGG-19, bfloat16", "compact, bfloat16"),
    ):
        ratio = statistics.median(x / y for x, y in zip(times[a], times[b], strict=True))
        print(f"{b} is {ratio:.2f} times as fast as {a}")


if __name__ == "__main__":
    main()
