"""The VGG-19 in impasto's package, expanded to float32, as a file that `keras.applications.VGG19(weights=FILE)` loads.

python packaged_weights.py FILE.h5
"""

import argparse
from pathlib import Path

import h5py

from impasto.encoders.packed import vgg19_weights
from impasto.encoders.vgg import convolution_names


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    path = parser.parse_args().file
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = vgg19_weights().tensors
    with h5py.File(path, "w") as file:
        layers = {name: name.replace("conv", "block").replace("_", "_conv") for name in convolution_names("vgg19")}
        file.attrs["layer_names"] = [layer.encode() for layer in layers.values()]
        for name, layer in layers.items():
            group = file.create_group(layer)
            parts = {
                f"{layer}/kernel:0": tensors[f"{name}.weight"].permute(2, 3, 1, 0),
                f"{layer}/bias:0": tensors[f"{name}.bias"],
            }
            group.attrs["weight_names"] = [part.encode() for part in parts]
            for part, tensor in parts.items():
                group.create_dataset(part, data=tensor.contiguous().numpy())


if __name__ == "__main__":
    main()
