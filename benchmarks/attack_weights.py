"""Weight files that mean harm: crafted, and damaged ones of four kinds (see attack.py), which a process reads.

    python benchmarks/attack_weights.py --work --memory 512

reads numbers of files from standard input, as `fuzz.py` does.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import torch
from safetensors.torch import save

from fuzz import Worker, damaged, serve
from impasto.encoders.vgg import convolution_names
from impasto.encoders.weights import load_weights
from impasto.errors import WeightsError

SURVIVED, PLAIN = "survived", "plain"
WAS_HERE = Path(tempfile.gettempdir()) / "impasto-was-here"


def weight_files() -> list[tuple[str, bytes]]:
    """(kind, file): a small VGG in every kind of file, whole."""
    generator, channels, tensors = torch.Generator().manual_seed(0), 3, {}
    for name in convolution_names("vgg19"):
        tensors[f"{name}.weight"] = torch.randn(2, channels, 3, 3, generator=generator)
        tensors[f"{name}.bias"], channels = torch.zeros(2), 2
    files = [("safetensors", save(tensors))]
    for kind, new in (("PyTorch", True), ("PyTorch, old", False)):
        torch.save(tensors, buffer := io.BytesIO(), _use_new_zipfile_serialization=new)
        files.append((kind, buffer.getvalue()))
    for options in ({}, {"compression": "gzip"}):
        files.append(("HDF5", hdf5(lambda file, options=options: fill(file, tensors, **options))))
    return files


def hdf5(write: Callable[[h5py.File], None]) -> bytes:
    """The bytes of a new file."""
    with h5py.File(buffer := io.BytesIO(), "w") as file:
        write(file)
    return buffer.getvalue()


def fill(file: h5py.File, tensors: dict[str, torch.Tensor], **options: object) -> None:
    for key, tensor in tensors.items():
        group, part = f"block{key[4]}_conv{key[6]}", key[8:].replace("weight", "kernel")
        data = tensor.permute(2, 3, 1, 0).numpy() if tensor.ndim == 4 else tensor.numpy()
        file.create_dataset(f"{group}/{part}:0", data=data, **(options if tensor.ndim == 4 else {}))


class Calls:
    """What a pickle makes by calling `made`."""

    def __init__(self, made: Callable[..., object], *arguments: object):
        self._made = made, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._made


def crafted() -> Iterator[tuple[str, bytes]]:
    """(kind, file): bombs, links, code."""
    weight = "features.0.weight"
    odd = [
        *(Calls(bytearray, 1 << power) for power in (30, 33, 36, 40)),
        Calls(os.mkdir, str(WAS_HERE)),
        torch.zeros(4, 3, 3, 3).to_sparse(),
        torch.zeros(4, 3, 3, 3, device="meta"),
        torch.zeros(4, 3, 3, 3, dtype=torch.complex64),
        *(torch.zeros(1).expand(1 << power, 3, 3, 3) for power in (16, 20, 26, 40)),
        *(torch.zeros(1)[0].expand(size) for size in ((), (1,), (0, 3, 3, 3), (3,) * 8)),
    ]
    for value in odd:
        for new in (True, False):
            with contextlib.suppress(Exception):  # some cannot be written in the old way
                torch.save({weight: value}, buffer := io.BytesIO(), _use_new_zipfile_serialization=new)
                yield "PyTorch" if new else "PyTorch, old", buffer.getvalue()
    for key in (f"features.{'9' * 5000}.weight", "features.\u0663.weight", "conv1_9.weight", "\u202e", "." * 9999):
        yield "safetensors", save({key: torch.zeros(4, 3, 3, 3)})
    for length in (2, 2**27 - 1, 2**27, 2**63):
        yield "safetensors", struct.pack("<Q", length) + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    for shape in ((3, 3, 4096, 7000), (3, 3, 1 << 20, 1 << 20), (1 << 26,) * 4):
        for options in ({}, {"compression": "gzip"}, {"fletcher32": True}):
            chunks = tuple(min(side, 4096) for side in shape)
            with contextlib.suppress(Exception):  # some even libhdf5 does not write
                yield "HDF5", hdf5(lambda f, s=shape, o={"chunks": chunks, **options}: claim(f, s, **o))
    for target in ("/etc/passwd", "/dev/zero", "/proc/self/mem"):
        yield "HDF5", hdf5(lambda f, t=target: f.__setitem__("block1_conv1", h5py.ExternalLink(t, "/")))
        yield "HDF5", hdf5(lambda f, t=target: claim(f, (3, 3, 3, 4), external=[(t, 0, h5py.h5f.UNLIMITED)]))


def claim(file: h5py.File, shape: tuple[int, ...], **options: object) -> None:
    for number in range(1, 9):
        file.create_dataset(f"block1_conv{number}/kernel:0", shape, "f4", **options)


def read_weights(files: list[tuple[str, bytes]], made: list[tuple[str, bytes]], seed: int, number: int) -> str:
    with tempfile.NamedTemporaryFile(prefix="impasto-attack-") as file:
        file.write(nth_weights(files, made, seed, number)[1])
        file.flush()
        try:
            tensors = load_weights(file.name).tensors
        except WeightsError as error:
            return "out of memory" if "memory" in str(error) else PLAIN
        except BaseException as error:
            return f"other error: {type(error).__name__}: {error}"
    if WAS_HERE.exists():
        return "other error: code was run"
    return SURVIVED if all(tensor.isfinite().all() for tensor in tensors.values()) else "altered"


def nth_weights(
    files: list[tuple[str, bytes]], made: list[tuple[str, bytes]], seed: int, number: int
) -> tuple[str, bytes]:
    """(kind, file): first those that were crafted, then damaged ones."""
    if number < len(made):
        return made[number]
    kind, data = files[number % len(files)]
    return kind, damaged(data, random.Random(f"{seed} {number}"))


def weights(args: argparse.Namespace, _: Path) -> Iterator[tuple[str, str, float, float]]:
    """The crafted files, and so many damaged ones."""
    files, made = weight_files(), list(crafted())
    worker = Worker(args.seed, args.memory, args.seconds, __file__)
    for number in range(len(made) + args.count):
        came, megabytes, seconds = worker.ask(number)
        yield nth_weights(files, made, args.seed, number)[0], came, seconds, megabytes
    worker.close()


def main() -> None:
    """Read files, as `Worker` asks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--memory", type=int, default=512)
    args = parser.parse_args()
    torch.set_num_threads(1)
    files, made = weight_files(), list(crafted())
    serve(lambda number: read_weights(files, made, args.seed, number), args.memory)


if __name__ == "__main__":
    sys.exit(main())
