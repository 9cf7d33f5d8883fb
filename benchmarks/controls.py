"""What regions, masks, colors and scales do, on one sheet; and what a region costs.

    python benchmarks/controls.py --content FILE --style FILE --other FILE --horizon 0.4 --sheet docs/controls.jpg

The photograph's part above `--horizon`, a share of its height, is a region in the `--other` style, and an ellipse at
`--kept`, left, top, right and bottom as shares, is what is kept. The photograph and its mirror image are a panorama,
which is shown turned by half. At the end: seconds of processor time for an evaluation of the whole objective at
`--size`, the least of several, with no region, with two and with four that cover the picture, interleaved.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from impasto import Painter, Region
from impasto.choices import COLORS
from pairs import justified

SCALES = (0.5, 2.0)
TURNS = 5


def above(size: tuple[int, int], horizon: float, start: float = 0.0) -> np.ndarray[Any, Any]:
    """A mask of what is between two heights, shares of the whole."""
    mask = np.zeros(size[::-1], np.uint8)
    mask[round(start * size[1]) : round(horizon * size[1])] = 255
    return mask


def ellipse(size: tuple[int, int], box: list[float]) -> Image.Image:
    """A mask of an ellipse within a box of shares."""
    mask = Image.new("L", size)
    width, height = size
    ImageDraw.Draw(mask).ellipse([box[0] * width, box[1] * height, box[2] * width, box[3] * height], fill=255)
    return mask


def turned(panorama: Image.Image) -> Image.Image:
    """Turned by half, so that its borders meet in the middle."""
    return Image.fromarray(np.roll(np.asarray(panorama), panorama.width // 2, axis=1))


def evaluation_seconds(painter: Painter, photo: Image.Image, style: Path, size: int) -> dict[int, float]:
    """The least processor seconds of an evaluation at the full size, by how many regions cover the picture."""
    objectives = {}
    for count in (0, 2, 4):
        bands = [Region(above(photo.size, (i + 1) / count, i / count), style) for i in range(count)]
        run = painter.prepare(photo, [] if count else style, regions=bands, size=size)
        level = run.plan.levels[-1]
        objectives[count] = run.problem.objective(level), run.problem.initial(level)
    seconds: dict[int, list[float]] = {count: [] for count in objectives}
    for _ in range(TURNS):
        for count, (objective, image) in objectives.items():
            began = time.process_time()
            objective.evaluate(image)
            seconds[count].append(time.process_time() - began)
    return {count: min(found) for count, found in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("content", "style", "other"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--horizon", type=float, default=0.385)
    parser.add_argument("--kept", type=float, nargs=4, default=[0.42, 0.4, 0.58, 0.75])
    parser.add_argument("--sheet", type=Path, required=True)
    parser.add_argument("--size", type=int, default=448)
    parser.add_argument("--only-times", action="store_true", help="make no sheet")
    args = parser.parse_args()
    photo, painter = Image.open(args.content).convert("RGB"), Painter()
    if not args.only_times:
        sky, kept = above(photo.size, args.horizon), ellipse(photo.size, args.kept)

        def made(**asked: Any) -> Image.Image:
            return painter.stylize(photo, asked.pop("style", args.style), size=args.size, **asked)

        tiles = [("the photograph", photo), ("a style", Image.open(args.style)), ("another", Image.open(args.other))]
        tiles.append(("--region sky.png=another", made(regions=[Region(sky, args.other)])))
        tiles.append(("the region alone", made(style=[], regions=[Region(sky, args.other)])))
        tiles.append(("--keep person.png", made(keep=kept)))
        tiles += [(f"--colors {each}", made(colors=each)) for each in COLORS]
        tiles.append(("--preset palette", made(preset="palette")))
        tiles += [(f"--style-scale {each:g}", made(style_scale=each)) for each in SCALES]
        tiles.append(("--texture another", made(texture=args.other)))
        around = Image.fromarray(np.hstack([photo, np.asarray(photo)[:, ::-1]]))  # its borders meet, as a panorama's do
        for label, asked in (("a panorama, turned by half", {}), ("the same with --wrap x", {"wrap": "x"})):
            painted = painter.stylize(around, args.other, size=2 * args.size, **asked)
            tiles.append((label, turned(painted)))
        justified(tiles, height=250).save(args.sheet, quality=88)
    for count, seconds in evaluation_seconds(painter, photo, args.style, args.size).items():
        print(f"{count} regions: {seconds:.3f} s of processor time an evaluation")


if __name__ == "__main__":
    main()
