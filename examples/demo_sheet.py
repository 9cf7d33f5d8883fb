"""The sheet in the README: one photograph in six built-in styles.

python examples/demo_sheet.py photo.png docs/demo.jpg
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

import impasto

STYLES = ("brushstrokes", "stained-glass", "woodcut", "mosaic", "pastel", "seigaiha")


def main() -> None:
    """Paint the photograph six times and lay the pictures out, three to a row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--size", type=int, default=480, help="long side of each picture")
    parser.add_argument("--iterations", type=int)
    args = parser.parse_args()
    painter = impasto.Painter()
    pictures = [
        painter.stylize(args.photo, f"swatch:{style}", size=args.size, iterations=args.iterations) for style in STYLES
    ]
    width, height = pictures[0].size
    page = Image.new("RGB", (3 * width + 16, 2 * height + 8), "white")
    for i, picture in enumerate(pictures):
        page.paste(picture, (i % 3 * (width + 8), i // 3 * (height + 8)))
    page.save(args.sheet, quality=90)


if __name__ == "__main__":
    main()
