"""How far 8 bits a weight move what VGG-19 sees: `python benchmarks/quantisation.py --images DIR [--floats FILE]`.

For each layer, over all pictures at --size pixels: |f' - f| / |f| of the features after the ReLU, and |G' - G| / |G| of
their Gram matrices, where f is of float weights and f' of 8-bit ones.

true     f of the float weights in --floats, f' of the package's 8-bit ones; to the deepest layer in the file. Its
         filters may be in other units, one factor per filter, which are found first.
drawn    f of weights drawn at random among those that would have got the package's codes, f' of the package's: what
         `true` would be on average, where there are no float weights.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from math import nan
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from impasto.encoders.chain import ChainEncoder
from impasto.encoders.packed import FILE, looked_up, vgg19_weights
from impasto.encoders.preprocessing import CAFFE_BGR
from impasto.encoders.vgg import convolution_names
from impasto.encoders.weights import load_weights
from impasto.images import load_image, resize, size_for
from impasto.statistics import gram_matrix


def in_units_of(floats: Mapping[str, Tensor], known: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`floats` with each filter multiplied by the factor that brings it nearest to the one in `known`."""
    found, below = {}, torch.ones(3)
    for name in (key.removesuffix(".weight") for key in floats if key.endswith(".weight")):
        weight = floats[f"{name}.weight"] / below[:, None, None]
        near = known[f"{name}.weight"]
        below = (weight * near).sum((1, 2, 3)) / weight.square().sum((1, 2, 3))
        found |= {f"{name}.weight": weight * below[:, None, None, None], f"{name}.bias": floats[f"{name}.bias"] * below}
    return found


def drawn(packed: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
    """Each weight uniform between the middles to the next smaller and larger value of its table; biases as they are."""
    found = {}
    for name in convolution_names("vgg19"):
        codes, table = packed[f"{name}.codes"], packed[f"{name}.table"]
        middles = (table[1:] + table[:-1]) / 2
        lows, highs = torch.cat([table[:1], middles]), torch.cat([middles, table[-1:]])
        low, high = looked_up(codes, lows), looked_up(codes, highs)
        found[f"{name}.weight"] = low + (high - low) * torch.rand(codes.shape, generator=generator)
        found[f"{name}.bias"] = packed[f"{name}.bias"]
    return found


def differences(
    floats: Mapping[str, Tensor], codes: Mapping[str, Tensor], images: Iterable[Tensor]
) -> dict[str, tuple[float, float]]:
    """Relative differences of features and of Gram matrices, root mean square over `images`, by layer of `floats`."""
    a, b = (ChainEncoder("", tensors, CAFFE_BGR) for tensors in (floats, codes))
    layers = [layer for layer in a.layers if layer.startswith("relu")]
    sums = {layer: torch.zeros(4, dtype=torch.float64) for layer in layers}
    for image in images:
        f, g = a(image, layers), b(image, layers)
        for layer in layers:
            p, q = (gram_matrix(each[layer]) for each in (f, g))
            parts = (g[layer] - f[layer], f[layer], q - p, p)
            sums[layer] += torch.stack([part.double().square().sum() for part in parts])
    return {layer: tuple((s[::2] / s[1::2]).sqrt().tolist()) for layer, s in sums.items()}


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder of pictures")
    parser.add_argument("--floats", type=Path, help="float weights of Oxford's VGG-19, or of its beginning")
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--size", type=int, default=256)
    args = parser.parse_args()
    paths = sorted(path for path in args.images.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    images = []
    for path in paths[:: max(1, len(paths) // args.count)][: args.count]:
        pixels = load_image(path).pixels
        images.append(resize(pixels, *size_for(*pixels.shape[-2:], args.size)))
    packed = vgg19_weights().tensors
    true = {}
    if args.floats:
        floats = in_units_of(load_weights(args.floats).tensors, packed)
        true = differences(floats, packed, images)
    print("| layer | features, true | drawn | Gram matrices, true | drawn |\n|---|---|---|---|---|")
    generator = torch.Generator().manual_seed(0)
    for layer, found in differences(drawn(load_file(FILE), generator), packed, images).items():
        cells = [f"{100 * x:.2f} %" for pair in zip(true.get(layer, (nan, nan)), found, strict=True) for x in pair]
        print(f"| {layer} | {' | '.join(cells).replace('nan %', '')} |")


if __name__ == "__main__":
    main()
