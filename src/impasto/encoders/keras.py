"""A Keras file (HDF5) -> its convolutions, as safetensors on standard output: `formats` runs this in a process alone.

libhdf5 is C code which a damaged file can crash, hold up for ever or fill the memory with; here that ends nothing but
this process, which imports nothing of impasto so as to start at once.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import h5py
import numpy as np
from safetensors.numpy import save

REFUSED = 3  # the exit code where the reason is on standard error
_SECONDS = 4  # of computing; the widest VGG takes a quarter of one
_BYTES = 3 << 29  # of memory addresses, of which the libraries take a third and VGG-19 a tenth


def main(path: str, most: int) -> None:
    """Write the convolutions of the file under keys like `00000block1_conv1/kernel`; other layers are left out."""
    with suppress(ImportError, ValueError):  # Windows has none, macOS none for memory; `formats` watches the time
        import resource  # noqa: PLC0415

        for kind, limit in ((resource.RLIMIT_CPU, _SECONDS), (resource.RLIMIT_AS, _BYTES)):
            allowed = resource.getrlimit(kind)[1]
            resource.setrlimit(kind, (min(limit, allowed) if allowed > 0 else limit, allowed))
    with h5py.File(path, "r") as file:
        arrays = dict(_convolutions(file))
        if any(array.is_virtual or array.external for array in arrays.values()):
            _refuse("it refers to other files for its data")
        if (total := sum(array.size for array in arrays.values())) > most:
            _refuse(f"its layers have {total:,} numbers, far more than any VGG's")
        ordered = {f"{number:05}{name}": array for number, (name, array) in enumerate(arrays.items())}
        sys.stdout.buffer.write(save({name: np.ascontiguousarray(array[()]) for name, array in ordered.items()}))


def _convolutions(file: Any) -> Iterator[tuple[str, Any]]:
    """A kernel and a bias in the same group are a layer's, called as the group is: so in every version of Keras.

    In a whole model the layers are in `model_weights` (Keras 1 and 2) or `layers` (3), beside what its optimizer keeps.
    Keras 3 has a layer's arrays in `vars`, of which newer versions state the layer's own name.  Links are not followed.
    """
    roots = (name for name in ("model_weights", "layers") if isinstance(file.get(name, getlink=True), h5py.HardLink))
    items: list[Any] = []
    file[next(roots, "/")].visititems(lambda _, item: items.append(item))
    groups: dict[str, list[Any]] = {}
    for array in items:
        if getattr(array, "ndim", None) in (1, 4):  # kernels of dense layers have two axes
            groups.setdefault(array.parent.name, []).append(array)
    for path in sorted(groups, key=_natural):
        parts = {"kernel" if array.ndim == 4 else "bias": array for array in groups[path]}
        if "kernel" in parts and len(parts) == len(groups[path]):  # an optimizer has several of a kind in one group
            name = parts["kernel"].parent.attrs.get("name", path.removesuffix("/vars").split("/")[-1])
            name = name.decode() if isinstance(name, bytes) else name
            for part, array in parts.items():
                yield f"{name}/{part}", array


def _natural(path: str) -> list[tuple[int, str]]:
    """A key that sorts `conv2d` before `conv2d_2` before `conv2d_10`."""
    return [(int(digits or -1), text) for text, digits in re.findall(r"([^\d]+)(\d*)", path)]


def _refuse(reason: str) -> None:
    sys.stderr.write(reason)
    sys.exit(REFUSED)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
