"""Thirteen photographs in thirteen styles, at the default settings, as files and one contact sheet.

    python benchmarks/pairs.py --content FOLDER --style FOLDER --out FOLDER [--sheet docs/pairs.jpg] [-- transfer flags]

The sheet holds results only, each under its names; the seconds that each took are printed.
"""

from __future__ import annotations

import argparse
import time
from itertools import accumulate
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import impasto

PAIRS = (
    ("kodak23", "starry_night"),
    ("portrait", "picabia_edtaonisl"),
    ("dock", "great_wave"),
    ("night_street", "the_scream"),
    ("kodak04", "van_gogh_self"),
    ("kodak05", "composition_vii"),
    ("kodak08", "van_gogh_houses"),
    ("kodak10", "water_lilies"),
    ("kodak15", "delaunay_portrait"),
    ("kodak21", "shipwreck"),
    ("kodak22", "gauguin_tahiti"),
    ("highlands", "mondrian"),
    ("portrait", "starry_night"),
)


def sheet(images: list[tuple[str, Image.Image]], columns: int = 4, cell: int = 400) -> Image.Image:
    """Images on white, `columns` to a row, each fitted into a square cell with its label below."""
    rows = -(-len(images) // columns)
    page = Image.new("RGB", (columns * (cell + 8) + 8, rows * (cell + 32) + 8), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    for i, (label, image) in enumerate(images):
        left, top = 8 + i % columns * (cell + 8), 8 + i // columns * (cell + 32)
        fitted = image.convert("RGB")
        fitted.thumbnail((cell, cell), Image.Resampling.LANCZOS)
        page.paste(fitted, (left + (cell - fitted.width) // 2, top + (cell - fitted.height) // 2))
        draw.text((left + cell // 2, top + cell + 4), label, fill="black", font=font, anchor="ma")
    return page


def _words(name: str) -> str:
    return name.replace("_", " ")


def justified(images: list[tuple[str, Image.Image]], width: int = 1640, height: int = 330) -> Image.Image:
    """Images in rows that fill the page's width, each as high as its neighbors, about `height`, its label below."""
    shapes = [image.width / image.height for _, image in images]
    count = max(1, round(sum(shapes) * height / width))
    ends = [end / sum(shapes) * count for end in accumulate(shapes)]  # in rows
    rows: list[list[tuple[str, Image.Image]]] = [[] for _ in range(count)]
    for each, shape, end in zip(images, shapes, ends, strict=True):
        middle = end - shape / sum(shapes) * count / 2
        rows[min(count - 1, int(middle))].append(each)
    strips = [_strip(row, width) for row in rows if row]
    page = Image.new("RGB", (width, sum(strip.height for strip in strips)), "white")
    top = 0
    for strip in strips:
        page.paste(strip, (0, top))
        top += strip.height
    return page


def _strip(row: list[tuple[str, Image.Image]], width: int) -> Image.Image:
    gaps = 8 * (len(row) - 1)
    height = round((width - gaps) / sum(image.width / image.height for _, image in row))
    strip, left = Image.new("RGB", (width, height + 28), "white"), 0
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default(14)
    for label, image in row:
        across = round(height * image.width / image.height)
        strip.paste(image.convert("RGB").resize((across, height), Image.Resampling.LANCZOS), (left, 0))
        draw.text((left + across // 2, height + 4), label, fill="black", font=font, anchor="ma")
        left += across + 8
    return strip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--content", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--style", type=Path, required=True, help="folder of paintings")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--sheet", type=Path, help="contact sheet to write")
    parser.add_argument("--row", type=int, default=330, help="about how high a row of the sheet is")
    parser.add_argument("--size", type=int)
    parser.add_argument("--strength", type=float, default=0.5)
    parser.add_argument("--pairs", type=int, default=len(PAIRS), help="only the first so many")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    painter, images = impasto.Painter(), []
    for content, style in PAIRS[: args.pairs]:
        began = time.perf_counter()
        picture = painter.stylize(
            args.content / f"{content}.jpg", args.style / f"{style}.jpg", size=args.size, strength=args.strength
        )
        seconds = time.perf_counter() - began
        print(f"{content} / {style}: {seconds:.1f} s", flush=True)
        picture.save(args.out / f"{content}-{style}.png")
        images.append((f"{_words(content)} / {_words(style)}", picture))
    if args.sheet:
        justified(images, height=args.row).save(args.sheet, quality=88)


if __name__ == "__main__":
    main()
