"""The sheet in the README: a photograph, and the same in seven built-in styles, each shown in its corner.

python examples/demo_sheet.py photo.png docs/demo.jpg
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image, ImageOps

import impasto
from impasto import swatches

STYLES = ("marbling", "stained-glass", "mosaic", "woodcut", "embroidery", "seigaiha", "halftone")


def with_inset(picture: Image.Image, style: str) -> Image.Image:
    """The picture with its style, a quarter as wide, in the lower left corner."""
    width = picture.width // 4
    small = Image.fromarray(swatches.draw(style, width=512, height=384)).resize((width, width * 3 // 4))
    framed, page = ImageOps.expand(small, 3, "white"), picture.convert("RGB")
    page.paste(framed, (0, page.height - framed.height))
    return page


def main() -> None:
    """Paint the photograph seven times and lay all out, four to a row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--size", type=int, default=448, help="long side of each picture")
    parser.add_argument("--iterations", type=int)
    args = parser.parse_args()
    painter = impasto.Painter()
    pictures = [
        with_inset(painter.stylize(args.photo, f"swatch:{style}", size=args.size, iterations=args.iterations), style)
        for style in STYLES
    ]
    width, height = pictures[0].size
    pictures.insert(0, Image.open(args.photo).convert("RGB").resize((width, height), Image.Resampling.LANCZOS))
    page = Image.new("RGB", (4 * width + 24, 2 * height + 8), "white")
    for i, picture in enumerate(pictures):
        page.paste(picture, (i % 4 * (width + 8), i // 4 * (height + 8)))
    page.save(args.sheet, quality=88)


if __name__ == "__main__":
    main()
