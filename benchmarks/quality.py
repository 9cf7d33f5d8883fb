"""How far results are from their style and their content, under a network that need not have made them.

    python benchmarks/quality.py --content FOLDER --style FOLDER --judge WEIGHTS [--with NAME|WEIGHTS ...] [--size 384]

Style distance: mean over relu1_1 ... relu5_1 of |G_x - G_s|_F / |G_s|_F, with G the Gram matrix per position and the
style image at the result's size. Content distance: |F_x - F_c|_F / |F_c|_F at relu4_2. Two rows say what the numbers
mean: `photograph` is the untouched content (content distance 0), `painting` the style image stretched to its place.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from pairs import PAIRS
from torch import Tensor

from impasto import TransferConfig, prepare
from impasto.encoders.catalog import build_encoder, encoder_names
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.weights import load_weights
from impasto.images import load_image, resize, size_for
from impasto.statistics import moments

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"


@torch.no_grad()
def distances(judge: ChainEncoder, image: Tensor, content: Tensor, style: Tensor) -> tuple[float, float]:
    """(style, content) distance of `image`, as far as the judge's layers go."""
    layers = [layer for layer in STYLE_LAYERS if layer in judge.layers]
    wanted = {*layers, *({CONTENT_LAYER} & set(judge.layers))}
    x, s = judge(image, wanted), judge(style, layers)
    grams = [(moments(x[layer]).gram, moments(s[layer]).gram) for layer in layers]
    style_distance = sum(float((g - a).norm() / a.norm()) for g, a in grams) / len(grams)
    if CONTENT_LAYER not in wanted:
        return style_distance, float("nan")
    c = judge(content, [CONTENT_LAYER])[CONTENT_LAYER]
    return style_distance, float((x[CONTENT_LAYER] - c).norm() / c.norm())


def at_size(path: Path, size: int) -> Tensor:
    pixels = load_image(path).pixels
    return resize(pixels, *size_for(pixels.shape[-2], pixels.shape[-1], size))


def producers(names: list[str], size: int, strength: float, dtypes: list[str]) -> Iterator[tuple[str, TransferConfig]]:
    """A configuration for each encoder name or weight file in each number format."""
    for name in names:
        chosen = {"encoder": name} if name in encoder_names() else {"weights": name}
        for dtype in dtypes:
            config = TransferConfig(size=size, strength=strength, dtype=dtype, **chosen)  # type: ignore[arg-type]
            yield f"{Path(name).stem}, {dtype}", config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--content", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--style", type=Path, required=True, help="folder of paintings")
    parser.add_argument("--judge", nargs="+", required=True, help="weight files of the networks that judge")
    parser.add_argument("--with", dest="producers", nargs="+", default=["compact"], help="encoders or weight files")
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--strength", type=float, default=0.5)
    parser.add_argument("--dtypes", nargs="+", default=["auto"], help="number formats of features, each a row")
    parser.add_argument("--pairs", type=int, default=12, help="only the first so many")
    args = parser.parse_args()
    judges = {Path(name).stem: build_encoder(load_weights(name)) for name in args.judge}
    rows: dict[str, list[tuple[float, ...]]] = {}

    def note(row: str, image: Tensor, content: Tensor, style: Tensor, seconds: float) -> None:
        scores = [value for judge in judges.values() for value in distances(judge, image, content, style)]
        rows.setdefault(row, []).append((*scores, seconds))

    for content_name, style_name in PAIRS[: args.pairs]:
        paths = args.content / f"{content_name}.jpg", args.style / f"{style_name}.jpg"
        content, style = (at_size(path, args.size) for path in paths)
        note("photograph", content, content, style, 0)
        note("painting", resize(style, *content.shape[-2:]), content, style, 0)
        for name, config in producers(args.producers, args.size, args.strength, args.dtypes):
            began = time.perf_counter()
            *_, last = prepare(paths[0], [paths[1]], config)
            note(name, last.image.clamp(0, 1), content, style, time.perf_counter() - began)
    print("| made by | " + " | ".join(f"{judge}: style / content" for judge in judges) + " | seconds |")
    print("|---|" + "---|" * (len(judges) + 1))
    for row, scores in rows.items():
        means = torch.tensor(scores).mean(0).tolist()
        cells = [f"{means[2 * i]:.3f} / {means[2 * i + 1]:.3f}" for i in range(len(judges))]
        print(f"| {row} | " + " | ".join(cells) + f" | {means[-1]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
