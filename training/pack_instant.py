"""A run of instant.py as the package has it: `python training/pack_instant.py RUN --out FILE`.

The encoder is the one that the run saw with, so it must be packed while `compact` is what it was then; a run keeps its
digest. A run that began as the package is packed with --share of the way from there to what it became: halfway weights
have what it learned, and less of what it made worse. `SHA256` in `src/impasto/instant/packed.py` must be the one that is printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from impasto.files import file_hash
from impasto.instant.packed import DECODER, FILE, NAME

LAST = "conv4_1"
LICENCE = (
    "Apache-2.0; lineage: compact, taught by VGG-19 (CC BY 4.0); trained on Caltech-101, CID22, a selection of WikiArt "
    "(non-commercial research), DTD and impasto's own swatches"
)


def packed(state: dict[str, dict[str, Tensor]], **chosen: float) -> dict[str, Tensor]:
    """What the package has of a run's state, in float16; with numbers of the decoder's that are `chosen` otherwise."""
    seeing = {name: tensor for name, tensor in state["encoder"].items() if name.split(".")[0] <= LAST}
    painting = {DECODER + name: tensor for name, tensor in state["average"].items()}
    painting |= {DECODER + name: torch.tensor(value) for name, value in chosen.items()}
    return {name: tensor.half().contiguous() for name, tensor in sorted({**seeing, **painting}.items())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--near", type=float, default=0.44, help="share of relu2_1 that counts from strength 0.5 on")
    parser.add_argument("--grain", type=float, default=0.015, help="deviation of the grain from strength 0.5 on")
    parser.add_argument("--share", type=float, default=1.0, help="of the way from the package's weights to the run's")
    args = parser.parse_args()
    state = torch.load(args.run / "state.pt", weights_only=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    tensors = packed(state, near=args.near, grain=args.grain)
    if args.share < 1:
        before = load_file(FILE)
        tensors = {n: torch.lerp(before[n].float(), t.float(), args.share).half() for n, t in tensors.items()}
    save_file(
        tensors,
        args.out,
        {"name": NAME, "steps": str(state["step"]), "licence": LICENCE},
    )
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.3f} MB, step {state['step']}\nSHA256 = {file_hash(args.out)!r}")


if __name__ == "__main__":
    main()
