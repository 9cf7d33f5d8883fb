"""How large strokes are, and how crisp: whatever the size of the picture, and at every --style-scale.

    python benchmarks/strokes.py sizes --content FILE --style FILE --out DIR [--sizes 512 2048 4096] [--sheet OUT]
    python benchmarks/strokes.py scales [--styles swatch:mosaic swatch:brushstrokes ...] [--sheet OUT]

`sizes`: the same transfer at several sizes, each in a process of its own; what is in DIR already is left.

* `stroke`: how far luminance is like itself, in percent of the long side, of the picture reduced to the smallest of the
  sizes: the lag at which its autocorrelation, of what is narrower than a sixteenth of the side, falls to a half.
* `fine`: RMS of luminance that is finer than 1.5 pixels, times 255, at the picture's own pixels; that of the style's
  file at its own pixels stands first, and that of the smallest picture enlarged to the size (`enlarged`) beside it.
* seconds and the process's memory at its peak.

The sheet has the whole pictures, one region of them as large on the page, and pixels of each, 1:1, beside the style's.

`scales`: textures and transfers at strength 1, 512 pixels, in styles that are alike everywhere, at --style-scale 0.5, 1
and 2: the lag in pixels at which the autocorrelation of luminance falls to a half, and how often longer it is at each
doubling; that of the style, as it is looked at, stands beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from impasto import Painter, load_image
from impasto.color import luminance
from impasto.images import resize
from impasto.losses import blurred
from impasto.sources import open_picture
from pairs import justified

SCALES = (0.5, 1.0, 2.0)
STYLES = ("swatch:mosaic", "swatch:brushstrokes", "swatch:pointillism")
WIDEST = 1 / 16  # of the long side: forms of the photograph are wider
FINE = 1.5  # pixels
REGION = 4  # how many of it are as wide as the picture
PIXELS = 512  # a side of what is shown 1:1


def stroke_length(image: Tensor, widest: float | None = None) -> float:
    """The lag in pixels at which the autocorrelation of luminance falls to a half, in all directions alike.

    What is wider than `widest` pixels is left out.  Shape: (1, 3, H, W).
    """
    values = luminance(image).float()[0, 0]
    values = values - (values.mean() if widest is None else blurred(values[None, None], widest)[0, 0])
    height, width = values.shape
    shape = (2 * height, 2 * width)
    sums = torch.fft.irfft2(torch.fft.rfft2(values, s=shape).abs().square(), s=shape)
    counts = torch.fft.irfft2(torch.fft.rfft2(torch.ones_like(values), s=shape).abs().square(), s=shape)
    reach = min(height, width) // 2
    lags = torch.arange(-reach, reach + 1)
    correlation = (sums / counts.clamp_min(1))[lags][:, lags]
    correlation = correlation / correlation[reach, reach]
    distance = (lags[:, None].square() + lags.square()).sqrt().round().long().flatten()
    mean = torch.bincount(distance, correlation.flatten()) / torch.bincount(distance)
    first = int((mean < 0.5).nonzero()[0])
    before, after = float(mean[first - 1]), float(mean[first])
    return first - 1 + (before - 0.5) / (before - after)


def fine_energy(image: Tensor) -> float:
    """RMS of luminance that is finer than `FINE` pixels, times 255.  Shape: (1, 3, H, W)."""
    values = luminance(image).float()
    return 255 * float((values - blurred(values, FINE)).square().mean().sqrt())


def at_side(image: Tensor, side: int) -> Tensor:
    """An image with a long side of `side`.  Shape: (1, 3, H, W)."""
    factor = side / max(image.shape[-2:])
    return resize(image, *(round(factor * each) for each in image.shape[-2:]))


# Sizes --------------------------------------------------------------------------------------------------------------


def made(content: str, style: str, size: int, file: Path, settings: list[str]) -> dict[str, float]:
    """Seconds and MB of a transfer by the command, in a process of its own; as they were if the file is there."""
    kept = file.with_suffix(".json")
    if file.exists() and kept.exists():
        return dict(json.loads(kept.read_text()))
    command = [sys.executable, "-m", "impasto", "transfer", content, style, "--size", str(size), "-o", str(file)]
    began = time.perf_counter()
    child = subprocess.Popen([*command, "--quiet", "--force", *settings])
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"{command} failed")
    found = {"seconds": time.perf_counter() - began, "busy": used.ru_utime + used.ru_stime, "MB": used.ru_maxrss / 1024}
    kept.write_text(json.dumps(found))
    return found


def crop(image: Image.Image, center: tuple[float, float], side: int) -> Image.Image:
    """A square of so many pixels around a place, whose coordinates are shares."""
    left, top = (
        max(0, min(round(at * whole - side / 2), whole - side)) for at, whole in zip(center, image.size, strict=True)
    )
    return image.crop((left, top, left + side, top + side))


def sizes(args: argparse.Namespace) -> None:
    """The table and the sheet of a transfer at several sizes."""
    args.out.mkdir(parents=True, exist_ok=True)
    stem = f"{Path(args.content).stem}-{args.style.replace('swatch:', '').split('/')[-1].split('.')[0]}"
    style = open_picture(args.style, size=max(args.sizes))
    print(f"{stem}: the style has {style.pixels.shape[-1]} pixels, fine {fine_energy(style.pixels):.2f}")
    print("| size | stroke % | fine | enlarged | s | busy s | MB |\n|---|---|---|---|---|---|---|")
    files = {size: args.out / f"{stem}-{size}.png" for size in args.sizes}
    smallest = args.sizes[0]
    for size, file in files.items():
        took = made(args.content, args.style, size, file, args.settings)
        image, small = (load_image(each).pixels for each in (file, files[smallest]))
        reduced = at_side(image, smallest)
        stroke = 100 * stroke_length(reduced, WIDEST * smallest) / smallest
        numbers = f"{stroke:.2f} | {fine_energy(image):.2f} | {fine_energy(at_side(small, size)):.2f}"
        print(f"| {size} | {numbers} | {took['seconds']:.0f} | {took['busy']:.0f} | {took['MB']:.0f} |", flush=True)
    if args.sheet:
        sheet(args, files).save(args.sheet, quality=90)


def sheet(args: argparse.Namespace, files: dict[int, Path]) -> Image.Image:
    """The whole pictures, a region as large for all, and pixels of each, which are the page's."""
    pictures = {size: Image.open(file).convert("RGB") for size, file in files.items()}
    page = Image.Resampling.LANCZOS
    rows: list[list[tuple[str, Image.Image]]] = [[], [], []]
    style = open_picture(args.style, size=max(files)).pixels
    own = Image.fromarray((255 * style[0].movedim(0, -1)).round().clamp(0, 255).byte().numpy())
    rows[2].append(("the style's own pixels", crop(own, (0.5, 0.5), min(PIXELS, *own.size))))
    for size, picture in pictures.items():
        rows[0].append((f"{size} px", picture))
        region = crop(picture, args.center, max(picture.size) // REGION)
        rows[1].append((f"{size} px: a region", region.resize((2 * PIXELS, 2 * PIXELS), page)))
        rows[2].append((f"{size} px: its pixels", crop(picture, args.center, min(PIXELS, *picture.size))))
    strips = [justified(row, width=len(row) * (PIXELS + 8) - 8, height=0) for row in rows]
    width = max(strip.width for strip in strips)
    result, top = Image.new("RGB", (width, sum(strip.height for strip in strips)), "white"), 0
    for strip in strips:
        result.paste(strip, ((width - strip.width) // 2, top))
        top += strip.height
    return result


# Scales -------------------------------------------------------------------------------------------------------------


def scales(args: argparse.Namespace) -> None:
    """The table and the sheet of textures and transfers by the scale of their style."""
    painter = Painter()
    photo = None if args.content is None else Image.open(args.content).convert("RGB")
    tiles = []
    print("| style | what | " + " | ".join(f"{scale:g}" for scale in SCALES) + " | per doubling |")
    print("|---" * (3 + len(SCALES)) + "|")
    for name in args.styles:
        style = open_picture(name, size=args.size).pixels
        results: dict[str, list[Any]] = {
            "the style": [at_side(style, round(s * args.size)) for s in SCALES],
            "texture": [],
        }
        if photo:
            results["transfer, strength 1"] = []
        for scale in SCALES:
            asked = {"size": args.size, "style_scale": scale}
            pictures = [painter.synthesize(name, **asked)]
            if photo:
                pictures.append(painter.stylize(photo, name, strength=1, **asked))
            for (what, found), each in zip(list(results.items())[1:], pictures, strict=True):
                tiles.append((f"{name}, {what}, {scale:g}", each))
                found.append(load_image_of(each))
        for what, images in results.items():
            lengths = [stroke_length(each) for each in images]
            growth = [after / before for before, after in pairwise(lengths)]
            cells = " | ".join(f"{each:.2f}" for each in lengths)
            print(f"| {name} | {what} | {cells} | {', '.join(f'{each:.2f}' for each in growth)} |", flush=True)
    if args.sheet:
        justified(tiles, height=400).save(args.sheet, quality=90)


def load_image_of(image: Image.Image) -> Tensor:
    """The pixels of an image.  Shape: (1, 3, H, W)."""
    return open_picture(image).pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    by_size = commands.add_parser("sizes")
    by_size.set_defaults(run=sizes)
    by_size.add_argument("--content", required=True)
    by_size.add_argument("--style", required=True)
    by_size.add_argument("--out", type=Path, required=True)
    by_size.add_argument("--sizes", type=int, nargs="+", default=[512, 2048, 4096])
    by_size.add_argument("--center", type=float, nargs=2, default=[0.5, 0.5], help="of the region, as shares")
    by_size.add_argument("--sheet", type=Path)
    by_size.add_argument("settings", nargs="*", help="more of the command's options, after --")
    by_scale = commands.add_parser("scales")
    by_scale.set_defaults(run=scales)
    by_scale.add_argument("--styles", nargs="+", default=STYLES)
    by_scale.add_argument("--content", type=Path, help="a photograph, for transfers at strength 1")
    by_scale.add_argument("--size", type=int, default=512)
    by_scale.add_argument("--sheet", type=Path)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
