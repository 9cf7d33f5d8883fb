"""Two defects as numbers: colored speckle where the style is gray, and JPEG blocks where a photograph is enlarged.

    python benchmarks/defects.py --content FOLDER --style FOLDER [--count 3] [--size 384] [--preset default]

Each photograph is painted in a gray copy of each style: `color` is the mean over pixels of the largest less the
smallest channel, of 255, of the picture it begins with (the content in the style's colors) and of the result, with the
palette term and without. Then each photograph, saved as JPEG (quality 70) at half the size, is painted at twice that:
`blocks` is how much larger the steps between pixels are at the edges of blocks than elsewhere (the largest of the
sixteen phases over their median), of the enlarged photograph and of the result.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from impasto import Painter

BLOCK = 16  # pixels of an enlarged picture


def color(image: Image.Image) -> float:
    """How far a picture is from gray: the mean of the largest channel less the smallest."""
    values = np.asarray(image.convert("RGB")).astype(float)
    return float((values.max(2) - values.min(2)).mean())


def blocks(image: Image.Image) -> float:
    """The steps across the edges of blocks, over the others'."""
    values = np.asarray(image.convert("L")).astype(float)
    ratios = []
    for axis in (0, 1):
        steps = np.abs(np.diff(values, axis=axis)).mean(1 - axis)
        phases = [steps[phase::BLOCK].mean() for phase in range(BLOCK)]
        ratios.append(max(phases) / np.median(phases))
    return float(np.mean(ratios))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--content", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--style", type=Path, required=True, help="folder of paintings")
    parser.add_argument("--count", type=int, default=3, help="how many of each")
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--preset", default="default")
    args = parser.parse_args()
    contents, styles = (sorted(folder.glob("*.*"))[: args.count] for folder in (args.content, args.style))
    painter, size = Painter(), args.size

    print("| photograph | gray style | color: start | result | without the term |\n|---|---|---|---|---|")
    for content, style in product(contents, styles):
        gray = Image.open(style).convert("L").convert("RGB")
        start = painter.stylize(content, gray, preset=args.preset, size=size, iterations=1, levels=1)
        made = [
            painter.stylize(content, gray, preset=args.preset, size=size, palette_weight=weight) for weight in (1000, 0)
        ]
        print(
            f"| {content.stem} | {style.stem} | " + " | ".join(f"{color(each):.2f}" for each in (start, *made)) + " |"
        )

    print("\n| photograph | style | blocks: enlarged | result |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for content, style in zip(contents, styles, strict=True):
            small = Image.open(content).convert("RGB")
            small.thumbnail((size // 2, size // 2))
            small.save(Path(folder) / "small.jpg", quality=70)
            small = Image.open(Path(folder) / "small.jpg")
            large = small.resize((2 * small.width, 2 * small.height), Image.Resampling.BICUBIC)
            made = painter.stylize(small, style, preset=args.preset, size=2 * max(small.size))
            print(f"| {content.stem} | {style.stem} | {blocks(large):.2f} | {blocks(made):.2f} |")


if __name__ == "__main__":
    main()
