"""Pictures that only an optimiser visits: `python training/half_made.py --images FOLDER --out CROPS --count N`.

Each transfer begins with VGG-19 or the compact encoder at 128 pixels and ends with the latter at 224, as impasto's levels
do; some begin from noise, some have the last level alone. Half finished and finished, they are kept as PNG files,
named by the number of their transfer, so that the command goes on where it was when it is given again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from data import Pictures, batch, load_pictures
from impasto import prepare
from impasto.images import to_pil

COARSE, FINE = 128, 224
KEPT_STEPS = (6, 25)  # beside the last
HELD_OUT = 20  # every HELD_OUT-th transfer is kept for evaluation; these are made first


def kept(content: Tensor, style: Tensor, **settings: Any) -> Iterator[Tensor]:
    """The pictures of a transfer that are kept, the last one last.  Shape: (3, H, W) in [0, 1] each."""
    for step in prepare(content[None], [style[None]], preset="fast", **settings):
        if step.last or step.done in KEPT_STEPS:
            yield step.image[0].clamp(0, 1)


def one_transfer(pictures: Pictures, number: int, weights: Path | None = None) -> Iterator[Tensor]:
    """The pictures kept of transfer `number`, by the package's compact encoder or the one in `weights`."""
    generator = torch.Generator().manual_seed(1000 + number)
    uniform = lambda: torch.rand((), generator=generator).item()  # noqa: E731
    content, style = (batch(pictures.train, 1, FINE, generator)[0] for _ in range(2))
    strength, start = 0.3 + 0.6 * uniform(), ("matched", "content", "random", "matched")[int(4 * uniform())]
    init: str | Tensor = start
    if (drawn := uniform()) < 0.8:
        count = 20 + int(30 * uniform())
        coarse: dict[str, Any] = {"levels": 1, **({"encoder": "vgg19"} if drawn < 0.4 else {"weights": weights})}
        for init in kept(content, style, **coarse, size=COARSE, strength=strength, init=start, iterations=count):
            yield init
        init = init[None]
    count = 10 + int(50 * uniform())
    fine = {"weights": weights, "size": FINE, "levels": 1, "strength": strength, "init": init, "iterations": count}
    yield from kept(content, style, **fine)


def make(pictures: Pictures, number: int, folder: Path, weights: Path | None = None) -> None:
    """Leave the pictures of transfer `number` in `folder`, each once it is whole."""
    for i, image in enumerate(list(one_transfer(pictures, number, weights))):
        file = folder / f"{number:05d}-{i}.png"
        to_pil(image[None], None).save(file.with_suffix(".part"), "PNG")
        file.with_suffix(".part").replace(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder with paintings/, photos/, textures/")
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--count", type=int, default=400, help="transfers")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    pictures = load_pictures(args.images)
    for number in sorted(range(args.count), key=lambda n: n % HELD_OUT != 0):
        if list(args.out.glob(f"{number:05d}-*.png")):
            continue
        make(pictures, number, args.out)
        print(number, flush=True)


if __name__ == "__main__":
    main()
