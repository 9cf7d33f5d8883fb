"""Draw every built-in swatch, with its name, on one contact sheet: python swatches_sheet.py [OUT]."""

from __future__ import annotations

import sys

from PIL import Image, ImageDraw, ImageFont

from impasto import swatches

WIDTH, HEIGHT, CAPTION, GAP, COLUMNS = 256, 192, 22, 8, 4


def contact_sheet() -> Image.Image:
    """All swatches in rows, each over its name."""
    names = swatches.names()
    rows = -(-len(names) // COLUMNS)
    size = (COLUMNS * (WIDTH + GAP) + GAP, rows * (HEIGHT + CAPTION + GAP) + GAP)
    sheet = Image.new("RGB", size, "#f7f5f0")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for i, name in enumerate(names):
        left = GAP + (i % COLUMNS) * (WIDTH + GAP)
        top = GAP + (i // COLUMNS) * (HEIGHT + CAPTION + GAP)
        sheet.paste(Image.fromarray(swatches.draw(name, width=WIDTH, height=HEIGHT)), (left, top))
        pen.text((left + 2, top + HEIGHT + 3), name, fill="#2b2a2e", font=font)
    return sheet


if __name__ == "__main__":
    contact_sheet().save(sys.argv[1] if len(sys.argv) > 1 else "swatches.png", optimize=True)
