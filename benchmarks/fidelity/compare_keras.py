"""impasto's `tutorial` preset against what `keras_program.py` left in DIR, step by step.

python compare_keras.py DIR [--record FILE] [--with OTHER]

--record keeps the program's numbers for the tests. --with takes the program's run in OTHER in place of impasto's: the
same command with other kernels for the convolutions, say. What is allowed depends on the weights: random ones leave
little room, at every value of every step; with those of a file, it is the final pictures' mean difference in levels of
255, and the losses of the first 20 steps.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from impasto.encoders.packed import vgg19_weights
from impasto.encoders.weights import load_weights
from impasto.images import load_image, resize_like_opencv
from impasto.painter import prepare

IMAGES, LOSSES = 1e-3, 1e-4  # random weights: per value in [-1, 1], relative
LEVELS, FIRST_LOSSES, FIRST = 1.0, 1e-3, 20  # weights of a file: mean in levels of 255, relative, in so many steps


def rgb(pictures):
    """The program's pictures, BGR in [-1, 1], as impasto holds them.  Shape: (N, H, W, 3) -> (N, 3, H, W) in [0, 1]."""
    return (pictures[..., ::-1].transpose(0, 3, 1, 2) + 1) / 2


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


def check_inputs(folder, keras):
    """Both programs see the same network and the same pictures, each by its own reading and resizing, to the bit."""
    weights, model = (load_weights(folder / name).tensors for name in ("vgg19.weights.h5", "vgg19.h5"))
    assert same(weights, model)
    height, width = keras["start"].shape[:2]
    for name, theirs in (("content", keras["start"]), ("style", keras["style"])):
        pixels = resize_like_opencv(load_image(folder / f"{name}.png").pixels, height, width)
        assert np.array_equal(np.round(255 * rgb(theirs[None])), np.round(255 * pixels.numpy())), name
    packaged = ", those in impasto's package" if same(weights, vgg19_weights().tensors) else ""
    print(f"{width}x{height}; {'random weights' if 'gain' in keras else 'weights of a file'}{packaged}")


def ours(folder, steps, size):
    """The loss before and the picture after each step, with the long side at `size`."""
    settings = {"preset": "tutorial", "weights": folder / "vgg19.weights.h5", "iterations": steps, "device": "cpu"}
    run = prepare(folder / "content.png", folder / "style.png", dtype="float32", size=size, **settings)
    return [np.array(column) for column in zip(*((s.loss, s.image[0].numpy()) for s in run), strict=True)]


def others(folder, keras):
    """The same, of another run of the program, that began with the same picture."""
    run = np.load(folder / "keras.npz")
    assert all(np.array_equal(run[key], keras[key]) for key in ("start", "style"))
    assert len(run["losses"]) == len(keras["losses"])
    return run["losses"], rgb(run["pictures"])


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


def table(keras, losses, pictures, name):
    """Print it; the relative differences of the losses, and the largest of the pictures in [-1, 1]."""
    theirs = rgb(keras["pictures"])
    moved = 2 * np.abs(theirs - rgb(keras["start"][None])).reshape(len(losses), -1)
    differences = 2 * np.abs(pictures - theirs).reshape(len(losses), -1)
    relative = np.abs(losses / keras["losses"] - 1)
    print("Pictures in the program's range, [-1, 1]; `moved` is how far the farthest value is from the photograph's:")
    print(f"{'step':>4} {'Keras loss':>12} {name:>12} {'relative':>9} {'moved':>9} {'max diff.':>9} {'mean':>9}")
    for i, loss in enumerate(losses):
        if i < FIRST or (i + 1) % 10 == 0 or i + 1 == len(losses):
            row = f"{i + 1:4} {keras['losses'][i]:12.7g} {loss:12.7g} {relative[i]:9.1e} {moved[i].max():9.1e}"
            print(f"{row} {differences[i].max():9.1e} {differences[i].mean():9.1e}")
    return relative, differences.max()


def levels_apart(keras, pictures):
    """The final pictures as they are shown, within [0, 1]: their differences in levels of 255, and how far both moved.

    Shape: (3, H, W) each
    """
    theirs, start = rgb(keras["pictures"][-1:])[0].clip(0, 1), rgb(keras["start"][None])[0]
    return 255 * np.abs(pictures[-1].clip(0, 1) - theirs), 255 * np.abs(theirs - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--with", type=Path, dest="other")
    arguments = parser.parse_args()
    keras = np.load(arguments.folder / "keras.npz")
    if arguments.record and "gain" not in keras:
        parser.error("--record keeps runs with random weights, which the tests can make themselves")
    check_inputs(arguments.folder, keras)
    if arguments.other:
        name, (losses, pictures) = "other Keras", others(arguments.other, keras)
    else:
        size = max(keras["start"].shape[:2])
        name, (losses, pictures) = "impasto", ours(arguments.folder, len(keras["losses"]), size)
    relative, largest = table(keras, losses, pictures, name)
    apart, moved = levels_apart(keras, pictures)
    first = relative[:FIRST].max()
    print(f"final pictures: {apart.mean():.3f} of 255 apart on average, {apart.max():.1f} at most;", end=" ")
    print(f"{moved.mean():.1f} from the photograph")
    print(f"losses: {first:.1e} apart in the first {FIRST} steps, {relative.max():.1e} in {len(losses)}")
    if "gain" in keras:
        print(f"images: at most {largest:.1e} apart ({IMAGES:g} allowed); losses {relative.max():.1e} ({LOSSES:g})")
        met = largest <= IMAGES and relative.max() <= LOSSES
    else:
        met = apart.mean() < LEVELS and first <= FIRST_LOSSES
        print(f"allowed: {LEVELS:g} of 255 on average, {FIRST_LOSSES:g} in the first {FIRST} steps")
    if arguments.record:
        record(keras, arguments.record)
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
