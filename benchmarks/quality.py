"""How far pictures are from their style and their content, under networks that need not have made them.

    python benchmarks/quality.py --content FOLDER --style FOLDER --judge NAME|WEIGHTS ... --out FOLDER \\
        [--make LABEL=PRESET|ENCODER|WEIGHTS ...] [--results LABEL=FOLDER ...] [--sizes 384 512] [--pairs 24]
        [--sheet OUT]

`--make` paints every pair by a preset, or at the default settings with an encoder at every size, into
OUT/LABEL-SIZE/CONTENT-STYLE.png, and leaves what is there already; `--results` takes such pictures of any producer,
from FOLDER/CONTENT-STYLE.png, at any size.

Style distance: mean over relu1_1 ... relu5_1 of |G_x - G_s|_F / |G_s|_F, with G the Gram matrix per position and the
style image at the result's size. Content distance: |F_x - F_c|_F / |F_c|_F at relu4_2. Two rows say what the numbers
mean: `no-op` is the untouched photograph (content distance 0), `identity` the style image stretched to its place.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from impasto import Painter, load_image
from impasto.devices import resolve_device
from impasto.encoders.catalog import build_encoder, find_weights
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.registry import encoder_names
from impasto.encoders.weights import Weights, load_weights
from impasto.images import resize, size_for, to_pil
from impasto.presets import PRESETS
from impasto.statistics import moments
from pairs import sheet

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"


def gram_distance(x: Mapping[str, Tensor], s: Mapping[str, Tensor], layers: Sequence[str] = STYLE_LAYERS) -> float:
    """Mean over layers of |G_x - G_s|_F / |G_s|_F, from features.  Shape: (1, C, H, W) each."""
    grams = [(moments(x[layer]).gram, moments(s[layer]).gram) for layer in layers]
    return sum(float((g - a).norm() / a.norm()) for g, a in grams) / len(grams)


@torch.no_grad()
def distances(judge: ChainEncoder, image: Tensor, content: Tensor, style: Tensor) -> tuple[float, float]:
    """(style, content) distance of `image`, as far as the judge's layers go."""
    layers = [layer for layer in STYLE_LAYERS if layer in judge.layers]
    wanted = {*layers, *({CONTENT_LAYER} & set(judge.layers))}
    x, s = judge(image, wanted), judge(style, layers)
    style_distance = gram_distance(x, s, layers)
    if CONTENT_LAYER not in wanted:
        return style_distance, float("nan")
    c = judge(content, [CONTENT_LAYER])[CONTENT_LAYER]
    return style_distance, float((x[CONTENT_LAYER] - c).norm() / c.norm())


def at_size(path: Path, size: int) -> Tensor:
    pixels = load_image(path).pixels
    return resize(pixels, *size_for(pixels.shape[-2], pixels.shape[-1], size))


def pairs(content: Path, style: Path, count: int) -> list[tuple[Path, Path]]:
    """`count` of all combinations, every photograph and every painting as often as any other."""
    contents, styles = (sorted(p for p in folder.iterdir() if p.suffix == ".jpg") for folder in (content, style))
    shifted = [(c, styles[(i + shift) % len(styles)]) for shift in range(len(styles)) for i, c in enumerate(contents)]
    return shifted[:count]


def seen_by(name: str) -> Weights:
    """The weights of an encoder by its name, or of a file."""
    return find_weights(name) if name in encoder_names() else load_weights(name)


def made_by(name: str) -> dict[str, str]:
    """The settings that name a preset, an encoder or the file of its weights."""
    return {"preset" if name in PRESETS else "encoder" if name in encoder_names() else "weights": name}


def painter(maker: str, size: int) -> Callable[[Path, Path, Path], None]:
    """Paints (content, style) into a file by a preset, or at the default settings by an encoder or a weight file."""
    hand = Painter(dtype="float32")

    def paint(content: Path, style: Path, out: Path) -> None:
        began = time.perf_counter()
        hand.stylize(content, style, size=size, **made_by(maker)).save(out)
        print(f"{out}  {time.perf_counter() - began:.1f} s", flush=True)

    return paint


def named(arguments: list[str]) -> dict[str, str]:
    """LABEL=VALUE arguments."""
    return dict(argument.split("=", 1) for argument in arguments)


def table(rows: dict[str, list[tuple[float, ...]]], judges: list[str]) -> str:
    """Means over the pairs, style / content under each judge, and how many pictures they are of."""
    lines = ["| made by | " + " | ".join(f"{judge}: style / content" for judge in judges) + " | pictures |"]
    lines.append("|---|" + "---|" * (len(judges) + 1))
    for row, scores in rows.items():
        means = torch.tensor(scores).mean(0).tolist()
        cells = [f"{means[2 * i]:.4f} / {means[2 * i + 1]:.4f}" for i in range(len(judges))]
        lines.append(f"| {row} | " + " | ".join(cells) + f" | {len(scores)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--content", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--style", type=Path, required=True, help="folder of paintings")
    parser.add_argument("--judge", nargs="+", required=True, help="networks that judge: names or weight files")
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures that are made")
    parser.add_argument("--make", nargs="*", default=["compact=compact"], metavar="LABEL=MAKER")
    parser.add_argument("--results", nargs="*", default=[], metavar="LABEL=FOLDER")
    parser.add_argument("--sizes", type=int, nargs="+", default=[384, 512])
    parser.add_argument("--pairs", type=int, default=24, help="how many of all combinations")
    parser.add_argument("--sheet", type=Path, help="contact sheet of the last size")
    args = parser.parse_args()
    judges = {Path(name).stem: build_encoder(seen_by(name), device=resolve_device("auto")) for name in args.judge}
    chosen = pairs(args.content, args.style, args.pairs)
    for size in args.sizes:
        folders = {label: Path(folder) for label, folder in named(args.results).items()}
        for label, maker in named(args.make).items():
            folders[label] = args.out / f"{label}-{size}"
            folders[label].mkdir(parents=True, exist_ok=True)
            paint = painter(maker, size)
            for content, style in chosen:
                if not (out := folders[label] / f"{content.stem}-{style.stem}.png").exists():
                    paint(content, style, out)
        rows: dict[str, list[tuple[float, ...]]] = {}
        images = []
        for content_path, style_path in chosen:
            name = f"{content_path.stem}-{style_path.stem}"
            made = {label: load_image(folder / f"{name}.png").pixels for label, folder in folders.items()}
            side = max(next(iter(made.values())).shape[-2:]) if made else size
            content, style = at_size(content_path, side), at_size(style_path, side)
            made = {"no-op": content, "identity": resize(style, *content.shape[-2:])} | made
            for label, image in made.items():
                scores = [value for judge in judges.values() for value in distances(judge, image, content, style)]
                rows.setdefault(label, []).append(tuple(scores))
                images.append((f"{label}: {name}", to_pil(image)))
        print(f"\n{size} pixels\n\n{table(rows, list(judges))}", flush=True)
        if args.sheet:
            sheet(images, columns=2 + len(folders), cell=320).save(args.sheet, quality=85)


if __name__ == "__main__":
    main()
