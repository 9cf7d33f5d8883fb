"""Small runs of the command and the hashes of their pixels, to see that a change of the code changes no picture.

    python benchmarks/unchanged.py before.json                      # on the one commit
    python benchmarks/unchanged.py after.json --compare before.json # on the other, on the same machine

The last bits depend on the machine and on PyTorch, so the hashes themselves are worth nothing elsewhere.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

PAIR = "transfer photo.png swatch:brushstrokes"
SMALL = "--size 96 --iterations 14"
FOREIGN = "--encoder compact --size 64 --iterations 8 --pooling max"
RUNS = {
    "default": f"{PAIR} --size 128 --iterations 20",
    "gentle, three levels": "transfer photo.png swatch:mosaic --size 300 --strength 0.3 --iterations 16",
    "from noise": f"{PAIR} --init random --seed 3 {SMALL}",
    "two styles": f"{PAIR} swatch:seigaiha --style-weights 2,1 --style-scale 1.5 {SMALL}",
    "strength 0": f"{PAIR} --strength 0 {SMALL}",
    "adam": f"{PAIR} --solver adam {SMALL}",
    "rmsprop, l2 pooling": f"{PAIR} --solver rmsprop --pooling l2 --padding replicate {SMALL}",
    "float32, layers": f"{PAIR} --dtype float32 --content-layers relu3_1,relu4_2=0.5 {SMALL}",
    "wasserstein2, tv": f"{PAIR} --style-loss wasserstein2 --tv-weight 1 {SMALL}",
    "init from a file": f"{PAIR} --init other.png {SMALL}",
    "transparent": f"transfer clear.png swatch:brushstrokes {SMALL}",
    "until converged": f"{PAIR} --size 96 --iterations 60 --until converged",
    "gatys2015": f"{PAIR} --preset gatys2015 {FOREIGN}",
    "gatys2016": f"{PAIR} --preset gatys2016 --weights vgg.safetensors --size 48 --iterations 4",
    "gatys2016-code": f"{PAIR} --preset gatys2016-code {FOREIGN}",
    "johnson2015": f"{PAIR} --preset johnson2015 {FOREIGN}",
    "keras-example": f"{PAIR} --preset keras-example {FOREIGN}",
    "tutorial": f"{PAIR} --preset tutorial {FOREIGN}",
    "crowson2021": f"{PAIR} --preset crowson2021 {FOREIGN}",
    "texture": "texture swatch:seigaiha --size 96x80 --iterations 14",
    "texture, tileable": "texture swatch:seigaiha --size 64x96 --iterations 10 --tileable",
    "reconstruct content": "reconstruct content photo.png --layer relu3_1 --size 64 --iterations 10",
    "reconstruct style": "reconstruct style swatch:seigaiha --layers relu1_1,relu2_1 --size 64 --iterations 10",
    "checkpoint": f"{PAIR} --checkpoint kept {SMALL}",
    "resumed, larger": "resume kept --size 128 --iterations 9",
}
FIGURES = {
    "figure representations": "figure representations photo.png swatch:brushstrokes --size 48 --iterations 4 --json",
    "figure layers": "figure layers photo.png swatch:brushstrokes --size 64 --iterations 6 --json",
    "figure tradeoff": "figure tradeoff photo.png swatch:brushstrokes --size 64 --iterations 3 --ratios 0.1,1 --json",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--compare", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = hashes(Path(folder))
    options.out.write_text(json.dumps(found, indent=1) + "\n")
    before = json.loads(options.compare.read_text()) if options.compare else found
    different = [name for name in before if before[name] != found.get(name)]
    print(f"{len(found)} runs; different: {', '.join(different) or 'none'}")
    sys.exit(bool(different))


def hashes(folder: Path) -> dict[str, str]:
    """Of the pixels of every run, and of what figures measure."""
    inputs(folder)
    found = {}
    for number, (name, arguments) in enumerate(RUNS.items()):
        out = folder / f"{number}.png"
        command(folder, f"{arguments} -o {out.name} --quiet")
        found[name] = hashlib.sha256(np.asarray(Image.open(out)).tobytes()).hexdigest()
    for name, arguments in FIGURES.items():
        lines = command(folder, f"{arguments} -o {name.replace(' ', '-')}.png").splitlines()
        panels = [line for line in lines if '"panel"' in line]
        found[name] = hashlib.sha256("\n".join(panels).encode()).hexdigest()
    command(folder, "replay 0.png --quiet")
    return found


def command(folder: Path, arguments: str) -> str:
    """What `impasto` prints in a folder; it must succeed."""
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    run = [sys.executable, "-m", "impasto", *arguments.split()]
    done = subprocess.run(run, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"impasto {arguments}: {done.stderr}")
    return done.stdout


def inputs(folder: Path) -> None:
    """Two pictures, a transparent one, and a VGG-19 of random filters."""
    rows, columns = np.mgrid[0:240, 0:320] / 320
    waves = [np.sin(20 * rows * (k + 1) + 5 * columns) * np.cos(9 * columns * (3 - k)) for k in range(3)]
    photo = np.uint8(127 + 100 * np.stack(waves, -1))
    Image.fromarray(photo).save(folder / "photo.png")
    Image.fromarray(photo[::-1, ::-1]).save(folder / "other.png")
    alpha = np.uint8(255 * (columns < 0.7))[..., None]
    Image.fromarray(np.concatenate([photo, alpha], -1)).save(folder / "clear.png")
    generator, tensors, channels = torch.Generator().manual_seed(0), {}, 3
    for block, (depth, width) in enumerate(zip((2, 2, 4, 4, 1), (64, 128, 256, 512, 512), strict=True), 1):
        for i in range(1, depth + 1):
            filters = torch.randn(width, channels, 3, 3, generator=generator) * (2 / (9 * channels)) ** 0.5
            tensors |= {f"conv{block}_{i}.weight": filters, f"conv{block}_{i}.bias": torch.zeros(width)}
            channels = width
    save_file(tensors, folder / "vgg.safetensors")


if __name__ == "__main__":
    main()
