"""Whether two networks agree on how different paintings are: the rank correlation of their style distances.

    python benchmarks/paintings.py --images FOLDER --judge WEIGHTS [--encoder compact] [--count 200] [--size 256]

Over all ordered pairs (a, b) of `count` paintings: d(a, b) = mean over relu1_1 ... relu5_1 of |G_a - G_b|_F / |G_b|_F.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from impasto.encoders.catalog import build_encoder
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.weights import load_weights
from impasto.statistics import moments
from quality import STYLE_LAYERS, at_size, seen_by


@torch.no_grad()
def style_distances(encoder: ChainEncoder, paintings: list[Path], size: int) -> Tensor:
    """d(a, b) for all pairs.  Shape: (count, count)."""
    grams: dict[str, list[Tensor]] = {layer: [] for layer in STYLE_LAYERS}
    for path in paintings:
        for layer, features in encoder(at_size(path, size), STYLE_LAYERS).items():
            grams[layer].append(moments(features).gram.flatten())
    total = torch.zeros(len(paintings), len(paintings))
    for listed in grams.values():
        stacked = torch.stack(listed)
        total += torch.cdist(stacked, stacked) / stacked.norm(dim=1)[None, :]
    return total / len(grams)


def spearman(a: Tensor, b: Tensor) -> float:
    """Pearson's correlation of the ranks.  Shape: (count,) both."""
    ranks = torch.stack([x.argsort().argsort().double() for x in (a, b)])
    return float(torch.corrcoef(ranks)[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder of paintings")
    parser.add_argument("--judge", required=True, help="weight file of the network to agree with")
    parser.add_argument("--encoder", default="compact", help="a name or a weight file")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--size", type=int, default=256)
    args = parser.parse_args()
    every = sorted(args.images.iterdir())
    paintings = every[:: len(every) // args.count][: args.count]
    encoders = (build_encoder(seen_by(args.encoder)), build_encoder(load_weights(args.judge)))
    ours, theirs = (style_distances(encoder, paintings, args.size) for encoder in encoders)
    different = ~torch.eye(len(paintings), dtype=torch.bool)
    print(
        f"Spearman correlation over {int(different.sum()):,} pairs of {len(paintings)} paintings: "
        f"{spearman(ours[different], theirs[different]):.4f}"
    )


if __name__ == "__main__":
    main()
