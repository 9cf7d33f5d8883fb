"""The pictures of docs/how-it-works.md: `python examples/how_it_works.py docs/how-it-works`.

The photograph, a cup of coffee by Rachel Michetti, comes with scikit-image (public domain, CC0); `--photo` takes
another. The painting is drawn by impasto itself. It needs `pip install "impasto[demo]"`, and ten minutes or so, as the
network is VGG-19 throughout; `--only transfer` makes one of the pictures. The notebook how_it_works.ipynb is a quicker
lesson, cell by cell.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from impasto import Painter, Recipe, load_image, swatches
from impasto.encoders.catalog import build_encoder, find_weights
from impasto.images import from_pil, to_pil
from impasto.statistics import moments

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
GRAM_LAYER = "relu2_1"
SWATCH = "brushstrokes"
CAPTION, GAP = 20, 6
Tile = tuple[str, Image.Image]
PAINTER = Painter()


def sample() -> Image.Image:
    """The cup of coffee."""
    try:
        from skimage import data  # noqa: PLC0415 - an optional dependency
    except ImportError:
        sys.exit(
            'The photograph comes with scikit-image: pip install "impasto[demo]", or take one of yours: --photo FILE'
        )
    return Image.fromarray(data.coffee())


def gram(photo: Image.Image, painting: Image.Image, iterations: int) -> Image.Image:
    """The painting, a picture in nothing but its style, and the photograph, each beside its Gram matrix."""
    same = PAINTER.reconstruct(painting, representation="style", layers=LAYERS, iterations=iterations)
    return strip(gram_matrices([("painting", painting), ("the same style", same), ("photograph", photo)]))


def transfer(photo: Image.Image, painting: Image.Image, size: tuple[int, int], iterations: int) -> Image.Image:
    """Two transfers as they grow, shown at a size: from noise, and as impasto does it, first at half of its size."""
    usual = Recipe().schedule
    few = min(iterations, usual.evaluations)
    noise = frames(
        photo, painting, size, iterations=iterations, preset="study", init="random", levels=1, size=max(size)
    )
    return strip(noise, frames(photo, f"swatch:{SWATCH}", size, iterations=few, size=2 * usual.smallest))


def feature_maps(photo: Image.Image) -> list[Tile]:
    """The photograph, and one channel of each layer: the one that varies most."""
    found = build_encoder(find_weights("vgg19"))(from_pil(photo).pixels, LAYERS)
    maps = [(layer, f[0, f[0].flatten(1).var(1).argmax()]) for layer, f in found.items()]
    return [("photograph", photo), *((layer, heat(values, photo.size)) for layer, values in maps)]


def of_content(photo: Image.Image, iterations: int) -> list[Tile]:
    """The photograph, and what each layer keeps of it."""
    made = [(layer, PAINTER.reconstruct(photo, layers=(layer,), iterations=iterations)) for layer in LAYERS]
    return [("photograph", photo), *made]


def gram_matrices(tiles: Sequence[Tile]) -> list[Tile]:
    """Each picture beside its Gram matrix, drawn as roots."""
    encoder = build_encoder(find_weights("vgg19"))
    pairs: list[Tile] = []
    for name, picture in tiles:
        gram = moments(encoder(from_pil(picture).pixels, [GRAM_LAYER])[GRAM_LAYER]).gram[0]
        side = min(picture.size)
        pairs += [(name, picture), (f"G, {GRAM_LAYER}", heat(gram.sqrt(), (side, side)))]
    return pairs


def of_style(painting: Image.Image, iterations: int) -> list[Tile]:
    """The painting, and what growing sets of layers keep of its style."""
    tiles = [("painting", painting)]
    for i, layer in enumerate(LAYERS):
        picture = PAINTER.reconstruct(painting, representation="style", layers=LAYERS[: i + 1], iterations=iterations)
        tiles.append((layer if i == 0 else f"+ {layer}", picture))
    return tiles


def frames(photo: Image.Image, painting: Image.Image | str, shown: tuple[int, int], **settings: Any) -> list[Tile]:
    """What a transfer begins with, its end, and pictures between."""
    run = PAINTER.prepare(photo, painting, **settings)
    wanted = {max(1, round(run.plan.evaluations * share)) for share in (0.02, 0.06, 0.2, 0.5, 1)}
    kept = [("0", to_pil(run.problem.initial(run.plan.levels[0])))]
    kept += [(f"{step.done}", to_pil(step.image)) for step in run if step.done in wanted]
    return [(name, picture.resize(shown, Image.Resampling.BICUBIC)) for name, picture in kept]


def heat(values: Tensor, size: tuple[int, int]) -> Image.Image:
    """Numbers from 0 on as an image, black to yellow to white.  Shape: (H, W)."""
    share = (values / values.quantile(0.99).clamp_min(1e-12)).clamp(0, 1)
    colors = torch.stack([share.sqrt(), share, share**3])[None]
    return to_pil(colors).resize(size, Image.Resampling.NEAREST)


def strip(*rows: Sequence[Tile]) -> Image.Image:
    """Rows of pictures, each under its caption."""
    height = max(picture.height for row in rows for _, picture in row) + CAPTION + GAP
    width = max(sum(picture.width + GAP for _, picture in row) for row in rows)
    page = Image.new("RGB", (width - GAP, height * len(rows) - GAP), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    for i, row in enumerate(rows):
        left = 0
        for caption, picture in row:
            pen.text((left + 1, i * height + 2), caption, fill="#222222", font=font)
            page.paste(picture, (left, i * height + CAPTION))
            left += picture.width + GAP
    return page


def main() -> None:
    """Write every picture into the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photo", type=Path, help="a photograph of your own")
    parser.add_argument("--size", type=int, default=224, help="long side of each picture")
    parser.add_argument("--iterations", type=int, default=200)
    names = ("features", "content", "gram", "style", "transfer")
    parser.add_argument("--only", choices=names, nargs="+", help="the pictures to make", metavar="NAME")
    args = parser.parse_args()
    whole = to_pil(load_image(args.photo).pixels) if args.photo else sample()
    photo = whole.copy()
    photo.thumbnail((args.size, args.size), Image.Resampling.LANCZOS)
    painting = Image.fromarray(swatches.draw(SWATCH, width=photo.width, height=photo.height))
    pictures: Mapping[str, Callable[[], Image.Image]] = {
        "features": lambda: strip(feature_maps(photo)),
        "content": lambda: strip(of_content(photo, args.iterations)),
        "gram": partial(gram, photo, painting, args.iterations),
        "style": lambda: strip(of_style(painting, args.iterations)),
        "transfer": partial(transfer, whole, painting, photo.size, args.iterations),
    }
    args.folder.mkdir(parents=True, exist_ok=True)
    for name in args.only or pictures:
        pictures[name]().save(args.folder / f"{name}.jpg", quality=88)


if __name__ == "__main__":
    main()
