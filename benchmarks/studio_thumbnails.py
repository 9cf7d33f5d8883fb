"""The small pictures of swatches that the studio's page shows at once: drawn, made smaller, kept beside the page.

    python benchmarks/studio_thumbnails.py

To be run, and what it writes committed, when a swatch is new or drawn otherwise; a test says so.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from impasto import swatches

PAGE = Path(__file__).parents[1] / "src" / "impasto" / "studio" / "page"
DRAWN, SHOWN = (512, 384), (240, 180)  # pixels


def main() -> None:
    for name in swatches.names():
        drawn = Image.fromarray(swatches.draw(name, width=DRAWN[0], height=DRAWN[1]))
        drawn.resize(SHOWN, Image.Resampling.LANCZOS).save(PAGE / f"swatch-{name}.jpg", quality=75)


if __name__ == "__main__":
    main()
