"""The tutorial's method as a plain Keras program, for `compare_keras.py` to hold impasto's `tutorial` preset against.

Writes into DIR: content.png, style.png, the network's weights as Keras saves them (vgg19.weights.h5, and in the whole
model, vgg19.h5), and keras.npz with the loss and the picture of every step. Weights and pictures are those of
`tests/material.py`, random and drawn, unless files are given: --weights as `keras.applications.VGG19` loads them
(packaged_weights.py writes such a file). --gain makes random features louder, and the gradient with them.

    python keras_program.py DIR [--steps 20] [--gain 1 | --weights FILE] [--content FILE] [--style FILE] [--size PIXELS]
"""

import argparse
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import material

CONTENT_LAYER = "block5_conv2"
STYLE_LAYERS = [f"block{block}_conv1" for block in range(1, 6)]


def random_vgg19(gain):
    network = keras.applications.VGG19(include_top=False, weights=None)
    for name, kernel, bias in material.filters(gain=gain):
        layer = network.get_layer(name.replace("conv", "block").replace("_", "_conv"))
        layer.set_weights([kernel.transpose(2, 3, 1, 0), bias])
    return network


def photograph(path):
    """RGB.  Shape: (height, width, 3), uint8."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise SystemExit(f"There is no picture {path} that OpenCV can read.")
    return pixels[..., ::-1]


def sides(path, size):
    """The height and width of a picture, or, if `size` is said, of the same picture with its long side at `size`."""
    height, width = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).shape
    long = max(height, width)
    return tuple((2 * side * (size or long) + long) // (2 * long) for side in (height, width))


def read(path, width, height):
    """BGR in [-1, 1], stretched.  Shape: (1, height, width, 3)."""
    pixels = cv2.resize(cv2.imread(str(path), cv2.IMREAD_COLOR), (width, height))
    return tf.constant(pixels[None].astype(np.float32) / 127.5 - 1)


def gram(features):
    """Shape: (height, width, channels) -> (channels, channels)."""
    rows = tf.reshape(features, (-1, features.shape[-1]))
    return tf.matmul(rows, rows, transpose_a=True)


def loss_of(features):
    """Features of content, style and picture, in this order, by layer."""
    content, _, picture = tf.unstack(features[CONTENT_LAYER])
    total = 2e-4 * tf.reduce_sum((picture - content) ** 2) / 2
    for layer in STYLE_LAYERS:
        _, style, picture = tf.unstack(features[layer])
        height, width, channels = style.shape
        difference = tf.reduce_sum((gram(picture) - gram(style)) ** 2)
        total += difference / (4.0 * (height * width) ** 2 * channels**2) / len(STYLE_LAYERS)
    return total


def optimised(network, content, style, steps):
    """The loss before and the picture after each step."""
    outputs = {name: network.get_layer(name).output for name in (CONTENT_LAYER, *STYLE_LAYERS)}
    extractor = keras.Model(network.inputs, outputs)
    picture, optimizer = tf.Variable(content), keras.optimizers.RMSprop()
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = loss_of(extractor(tf.concat([content, style, picture], axis=0)))
        optimizer.apply_gradients([(tape.gradient(loss, picture), picture)])
        yield float(loss), picture.numpy()[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=20)
    network_of = parser.add_mutually_exclusive_group()
    network_of.add_argument("--gain", type=float, default=1.0)
    network_of.add_argument("--weights", type=Path)
    parser.add_argument("--content", type=Path)
    parser.add_argument("--style", type=Path)
    parser.add_argument("--size", type=int, help="long side of the result; that of the content if it is not said")
    arguments = parser.parse_args()
    folder = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, file, drawn in (
        ("content", arguments.content, material.content),
        ("style", arguments.style, material.style),
    ):
        cv2.imwrite(str(folder / f"{name}.png"), (photograph(file) if file else drawn())[..., ::-1])
    if arguments.weights:
        network = keras.applications.VGG19(include_top=False, weights=str(arguments.weights))
    else:
        network = random_vgg19(arguments.gain)
    network.save_weights(folder / "vgg19.weights.h5")
    network.save(folder / "vgg19.h5")
    height, width = sides(folder / "content.png", arguments.size)
    content, style = (read(folder / f"{name}.png", width, height) for name in ("content", "style"))
    losses, pictures = zip(*optimised(network, content, style, arguments.steps), strict=True)
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__, "opencv": cv2.__version__}
    kept = {"losses": losses, "pictures": pictures, "start": content[0], "style": style[0]}
    if not arguments.weights:
        kept["gain"] = arguments.gain
    np.savez(folder / "keras.npz", **kept, **versions)
    print(f"{arguments.steps} steps, loss {losses[0]:.6g} to {losses[-1]:.6g}; {versions}")


if __name__ == "__main__":
    main()
