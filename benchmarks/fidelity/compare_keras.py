"""impasto's `tutorial` preset against what `keras_program.py` left in DIR, step by step.

python compare_keras.py DIR [--record FILE]      --record keeps the program's numbers for the tests
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from impasto.encoders.weights import load_weights
from impasto.images import load_image
from impasto.painter import prepare

IMAGES, LOSSES = 1e-3, 1e-4  # the most they may differ: per value, relative


def rgb(pictures):
    """The program's pictures, BGR in [-1, 1], as impasto holds them.  Shape: (N, H, W, 3) -> (N, 3, H, W) in [0, 1]."""
    return (pictures[..., ::-1].transpose(0, 3, 1, 2) + 1) / 2


def ours(folder, steps):
    """The loss before and the picture after each step."""
    settings = {"preset": "tutorial", "weights": folder / "vgg19.weights.h5", "iterations": steps, "device": "cpu"}
    run = prepare(folder / "content.png", folder / "style.png", dtype="float32", **settings)
    return [np.array(column) for column in zip(*((s.loss, s.image[0].numpy()) for s in run), strict=True)]


def record(keras, path):
    """Every loss, and every eighth pixel of some pictures, in the program's own units."""
    kept = {
        "made by": "benchmarks/fidelity/keras_program.py, then compare_keras.py --record",
        "gain": float(keras["gain"]),
        "versions": {name: str(keras[name]) for name in ("tensorflow", "keras", "opencv")},
        "losses": [float(f"{loss:.8g}") for loss in keras["losses"]],
        "pictures": {
            str(step): np.round(keras["pictures"][step - 1, 4::8, 4::8].astype(float), 6).tolist()
            for step in (1, 10, len(keras["losses"]))
        },
    }
    path.write_text(json.dumps(kept, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--record", type=Path)
    arguments = parser.parse_args()
    one, two = (load_weights(arguments.folder / name).tensors for name in ("vgg19.weights.h5", "vgg19.h5"))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)
    keras = np.load(arguments.folder / "keras.npz")
    losses, pictures = ours(arguments.folder, len(keras["losses"]))
    start = load_image(arguments.folder / "content.png").pixels.numpy()
    moved = 2 * np.abs(rgb(keras["pictures"]) - start).reshape(len(losses), -1)
    differences = 2 * np.abs(pictures - rgb(keras["pictures"])).reshape(len(losses), -1)
    relative = np.abs(losses / keras["losses"] - 1)
    print("Pictures in the program's range, [-1, 1]; `moved` is how far the farthest value is from the photograph's:")
    print(f"{'step':>4} {'Keras loss':>12} {'impasto':>12} {'relative':>9} {'moved':>9} {'max diff.':>9} {'mean':>9}")
    for i, loss in enumerate(losses):
        row = f"{i + 1:4} {keras['losses'][i]:12.7g} {loss:12.7g} {relative[i]:9.1e} {moved[i].max():9.1e}"
        print(f"{row} {differences[i].max():9.1e} {differences[i].mean():9.1e}")
    print(
        f"images: at most {differences.max():.1e} apart ({IMAGES:g} allowed); losses {relative.max():.1e} ({LOSSES:g})"
    )
    if arguments.record:
        record(keras, arguments.record)
    return 0 if differences.max() <= IMAGES and relative.max() <= LOSSES else 1


if __name__ == "__main__":
    raise SystemExit(main())
