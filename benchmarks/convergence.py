"""How good pictures are after how many evaluations and seconds, for schedules and solvers side by side.

    python benchmarks/convergence.py --content FOLDER --style FOLDER --judge WEIGHTS \\
        [--make LABEL=ENCODER|WEIGHTS ...] [--way EVALUATIONS:SHARES[:SETTING=X...] ...] [--size 512] [--pairs 6]

A way is how many evaluations there are, in which proportion they are split over the sizes, coarse to fine, and other
settings of a transfer: 210:10,7,4 or 105:10,7,4:solver=adam or 150:10,7,4:style_weight=8. The ways take turns, pair by
pair, in one process. Distances are those of `quality.py`, of the finished picture in memory.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto import Run, prepare
from impasto.encoders.catalog import build_encoder
from impasto.encoders.weights import load_weights
from impasto.schedule import Pyramid
from quality import at_size, distances, made_by, named, pairs


def prepared(content: Path, style: Path, encoder: str, size: int, way: str) -> Run:
    """The run that EVALUATIONS:SHARES[:SETTING=X...] asks for."""
    evaluations, shares, *others = way.split(":")
    settings: dict[str, Any] = made_by(encoder)
    for name, value in (other.split("=") for other in others):
        settings[name] = float(value) if value.replace(".", "").isdecimal() else value
    run = prepare(content, style, size=size, **settings)
    pyramid, last = Pyramid(shares=tuple(float(share) for share in shares.split(","))), run.plan.levels[-1]
    levels = pyramid.levels(last.height, last.width, int(evaluations))
    return replace(run, plan=replace(run.plan, levels=levels))


def painted(run: Run) -> tuple[Tensor, float]:
    """The finished picture, and the seconds that its evaluations took."""
    began = time.perf_counter()
    *_, last = run
    return last.image.clamp(0, 1), time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--content", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--style", type=Path, required=True, help="folder of paintings")
    parser.add_argument("--judge", required=True, help="weight file of the network that judges")
    parser.add_argument("--make", nargs="*", default=["compact=compact"], metavar="LABEL=ENCODER")
    parser.add_argument("--way", nargs="+", default=["210:10,7,4,2", "150:10,7,4,2", "105:10,7,4,2"])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--pairs", type=int, default=6)
    args = parser.parse_args()
    judge = build_encoder(load_weights(args.judge))
    rows: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for content_path, style_path in pairs(args.content, args.style, args.pairs):
        content, style = at_size(content_path, args.size), at_size(style_path, args.size)
        for label, encoder in named(args.make).items():
            for way in args.way:
                image, seconds = painted(prepared(content_path, style_path, encoder, args.size, way))
                scores = (*distances(judge, image, content, style), seconds)
                rows.setdefault((label, way), []).append(scores)
                print(f"{content_path.stem}-{style_path.stem} {label} {way}", *(f"{s:.4f}" for s in scores), flush=True)
    print(
        f"\n{args.size} pixels, {args.pairs} pairs\n\n"
        "| encoder | way | style | content | seconds |\n|---|---|---|---|---|"
    )
    for (label, way), found in rows.items():
        style_distance, content_distance, seconds = torch.tensor(found).mean(0).tolist()
        print(f"| {label} | {way} | {style_distance:.4f} | {content_distance:.4f} | {seconds:.1f} |")


if __name__ == "__main__":
    main()
