"""Photographs, each in every style, as one sheet: photographs down the side, paintings along the top.

python benchmarks/grid.py --content FOLDER --style FOLDER --sheet docs/grid.jpg [--size 256] [--count 6]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

import impasto


def cell(image: Image.Image, side: int) -> Image.Image:
    """The middle square of `image`, `side` pixels wide."""
    short = min(image.size)
    left, top = (image.width - short) // 2, (image.height - short) // 2
    return image.convert("RGB").resize((side, side), Image.Resampling.LANCZOS, (left, top, left + short, top + short))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--content", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--style", type=Path, required=True, help="folder of paintings")
    parser.add_argument("--sheet", type=Path, required=True)
    parser.add_argument("--size", type=int, default=256, help="long side at which pictures are made")
    parser.add_argument("--cell", type=int, default=176, help="side of a cell of the sheet")
    parser.add_argument("--count", type=int, default=12, help="at most so many photographs, and so many paintings")
    args = parser.parse_args()
    contents, styles = (
        sorted(p for p in f.iterdir() if p.suffix == ".jpg")[: args.count] for f in (args.content, args.style)
    )
    step = args.cell + 4
    page = Image.new("RGB", (step * (len(styles) + 1), step * (len(contents) + 1)), "white")
    for column, style in enumerate(styles, 1):
        page.paste(cell(Image.open(style), args.cell), (column * step, 0))
    painter = impasto.Painter()
    for row, content in enumerate(contents, 1):
        page.paste(cell(Image.open(content), args.cell), (0, row * step))
        for column, style in enumerate(styles, 1):
            picture = painter.stylize(content, style, size=args.size)
            page.paste(cell(picture, args.cell), (column * step, row * step))
        print(f"{row} of {len(contents)}", flush=True)
    page.save(args.sheet, quality=85)


if __name__ == "__main__":
    main()
