"""What an evaluation in tiles costs, in time and memory, against the same of the whole image; interleaved in one run.

    python benchmarks/tiling.py [--size 2048] [--tiles 512 1024] [--encoder compact|vgg19] [--dtype float32]

The picture is square. `pixels` is how many the network is shown, halos included, in units of the image's: a tiled
evaluation goes forward twice and back once over them, but for the last tile, whose activations are still there. Bytes
are those of the tensors made during an evaluation, at their peak. The styles are noise, the picture other noise: were
it the same, nothing but rounding would be left of the gradient. Freed memory is kept as in a run of the command.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace

import torch

from impasto.bench import RECIPES, LiveBytes, prepared
from impasto.devices import DTYPES
from impasto.memory import keep_freed
from impasto.tiling import Tiling


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--tiles", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--encoder", choices=RECIPES, default="compact")
    parser.add_argument("--dtype", choices=DTYPES, default="float32")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    run = prepared(args.encoder, args.size, args.size, "cpu", args.dtype)
    keep_freed()
    (level,), encoder = run.plan.levels, run.plan.encoder
    image = torch.rand(1, 3, args.size, args.size).square()
    layers = {**run.plan.recipe.style_layers, **run.plan.recipe.content_layers}
    objectives = {tile: run.problem.objective(replace(level, tile=tile)) for tile in args.tiles}
    objectives |= {args.size: run.problem.objective(replace(level, tile=None))}
    times: dict[int, list[float]] = {tile: [] for tile in objectives}
    whole = objectives[args.size].evaluate(image)
    for _ in range(args.rounds):
        for tile, objective in objectives.items():
            began = time.perf_counter()
            objective.evaluate(image)
            times[tile].append(time.perf_counter() - began)
    print(f"{args.encoder}, {args.dtype}, {args.size}x{args.size}, {torch.get_num_threads()} threads\n")
    print("| tiles of | pixels | seconds | times the whole | bytes per pixel | gradient off by |")
    print("|---|---|---|---|---|---|")
    pixels = args.size**2
    for tile, objective in objectives.items():
        with LiveBytes() as live:
            found = objective.evaluate(image)
        shown = sum(part.area for part in Tiling(encoder, tuple(layers), tile).tiles(args.size, args.size)) / pixels
        median = statistics.median(times[tile])
        ratio = statistics.median(a / b for a, b in zip(times[tile], times[args.size], strict=True))
        off = float((found.grad - whole.grad).abs().max() / whole.grad.abs().max())
        name = tile if tile < args.size else "the whole"
        print(
            f"| {name} | {shown:.2f} | {median:.2f} | {ratio:.2f} | {live.peak / pixels:.0f} | {off:.1e} |", flush=True
        )


if __name__ == "__main__":
    main()
