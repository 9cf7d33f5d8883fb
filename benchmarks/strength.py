"""What the strength dial does, at several sizes.

    python benchmarks/strength.py --content FILE --style FILE --sheet OUT

For each size and strength: how far the result is from the style and from the content, in the encoder's own relative
distances (0 is equal; the photograph's style distance is printed first), and a sheet of the results.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from impasto import Painter, load_image
from impasto.encoders.catalog import build_encoder, find_weights
from impasto.images import resize, size_for
from pairs import sheet
from quality import distances


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--content", type=Path, required=True)
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--sheet", type=Path, required=True, help="contact sheet to write")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--strengths", type=float, nargs="+", default=[0.25, 0.5, 0.75, 1.0])
    args = parser.parse_args()
    judge = build_encoder(find_weights("vgg19"), dtype=torch.float32)
    content, style = load_image(args.content).pixels, load_image(args.style).pixels
    painter, images = Painter(), []
    print("| size | strength | style distance | content distance |\n|---|---|---|---|")
    for size in args.sizes:
        c, s = (resize(x, *size_for(x.shape[-2], x.shape[-1], size)) for x in (content, style))
        print(f"| {size} | the photograph | {distances(judge, c, c, s)[0]:.3f} | 0 |")
        for strength in args.strengths:
            picture = painter.stylize(args.content, args.style, size=size, strength=strength)
            style_distance, content_distance = distances(judge, picture.pixels, c, s)
            print(f"| {size} | {strength:g} | {style_distance:.3f} | {content_distance:.3f} |", flush=True)
            images.append((f"{size} px, strength {strength:g}", picture))
    sheet(images, columns=len(args.strengths)).save(args.sheet, quality=88)


if __name__ == "__main__":
    main()
