"""What one evaluation costs, beside a textbook's, interleaved in one run: medians and their ratios.

    python benchmarks/speed.py [--width 512 --height 384] [--rounds 5]

An evaluation is loss and gradient for one picture: forward, five Gram matrices, content at relu4_2, backward. The
textbook's is plain PyTorch in NCHW and float32; the Keras-style one sends content, style and picture through the
network at every step, as the Keras example does. VGG-19 has random weights, which cost as much as real ones. The
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

from impasto.encoders.base import CAFFE_BGR
from impasto.encoders.catalog import build_encoder
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.compact import compact_weights
from impasto.encoders.vgg import BLOCK_CHANNELS, convolution_names
from impasto.losses import ContentTerm, StyleTerm, energy, gram_error, mean_std_error, weighted_sum
from impasto.objective import FeatureObjective
from impasto.statistics import at_least_float32, moments

FIVE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT = "relu4_2"


def random_vgg() -> dict[str, Tensor]:
    """Filters of VGG-19's shapes up to conv5_1."""
    tensors, channels = {}, 3
    for name in convolution_names("vgg19")[:13]:
        width = BLOCK_CHANNELS[int(name[4]) - 1]
        tensors[f"{name}.weight"] = torch.randn(width, channels, 3, 3) * (2 / (9 * channels)) ** 0.5
        tensors[f"{name}.bias"] = torch.zeros(width)
        channels = width
    return tensors


def ours(encoder: ChainEncoder, image: Tensor, default: bool) -> Callable[[], object]:
    """An evaluation as impasto makes it: of the default preset's terms, or of the papers'."""
    layers = [name for name in encoder.layers if name.startswith("relu")] if default else FIVE
    with torch.no_grad():
        features = encoder(torch.rand_like(image), {*layers, CONTENT})
    targets = {layer: moments(features[layer]) for layer in layers}
    losses = (gram_error, mean_std_error) if default else (gram_error,)
    style = [
        StyleTerm(name, m, 1.0, weighted_sum(*((1 / float(energy(f, m)), f) for f in losses)))
        for name, m in targets.items()
    ]
    objective = FeatureObjective(encoder, [*style, ContentTerm(CONTENT, at_least_float32(features[CONTENT]), 1.0)])
    return lambda: objective.evaluate(image)


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
        loss = loss + sum((gram(f[layer]) - gram(s[layer])).square().mean() for layer in FIVE)
        return torch.autograd.grad(loss, x)[0]

    return evaluate


def ceiling(dtype: torch.dtype) -> Callable[[], object]:
    """A convolution that leaves nothing to be wished for: 256 channels, 96x128, channels_last."""
    x = torch.rand(1, 256, 96, 128).to(dtype).contiguous(memory_format=torch.channels_last)
    w = torch.rand(256, 256, 3, 3).to(dtype).contiguous(memory_format=torch.channels_last)
    return lambda: F.conv2d(x, w, padding=1)


CEILING_FLOPS = 2 * 96 * 128 * 256 * 256 * 9


def flops(encoder: ChainEncoder, pixels: int) -> float:
    """Of the convolutions of one evaluation, forward and back to the picture, up to relu5_1."""
    widths = [(name, info) for name, info in encoder.layers.items() if name.startswith("relu")]
    channels, total = 3, 0.0
    for name, info in widths:
        total += 9 * channels * info.channels / info.stride**2
        channels = info.channels
        if name == "relu5_1":
            break
    return 4 * total * pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--height", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.manual_seed(0)
    image, pixels = torch.rand(1, 3, args.height, args.width), args.height * args.width
    vgg, formats = random_vgg(), {"float32": torch.float32, "bfloat16": torch.bfloat16}
    runs: dict[str, tuple[Callable[[], object], float]] = {}
    for label, dtype in formats.items():
        runs[f"convolution, {label}"] = (ceiling(dtype), CEILING_FLOPS)
        for name, encoder in (
            ("VGG-19", ChainEncoder("vgg19", vgg, CAFFE_BGR, dtype=dtype)),
            ("compact", build_encoder(compact_weights(), dtype=dtype)),
        ):
            runs[f"{name}, {label}"] = (ours(encoder, image, name == "compact"), flops(encoder, pixels))
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
        rate, top = runs[name][1] / median / 1e9, CEILING_FLOPS / medians[f"convolution, {label}"] / 1e9
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
