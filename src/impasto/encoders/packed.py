"""The VGG-19 that lies in the package: Oxford's sixteen convolutions, each weight a code of 8 bits into a table.

`vgg19.safetensors` holds, for `conv1_1` to `conv5_4`, `.codes` (out, in, 3, 3) uint8, `.table` (256,) float32 and
`.bias` (out,) float32; a weight is `table[code]`. Each table has the 256 values that lose least of its convolution.
`training/pack_vgg19.py` wrote it; training/README.md says how far features move by it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from impasto.encoders.preprocessing import CAFFE_BGR
from impasto.encoders.vgg import convolution_names
from impasto.encoders.weights import Weights, packaged
from impasto.errors import WeightsError
from impasto.files import file_hash

FILE = Path(__file__).parent / "data" / "vgg19.safetensors"
SHA256 = "356b3ae2e2443da578a45256867cb55bcb56fe2bb8c463a413fceddadca5edad"


def vgg19_weights() -> Weights:
    """Oxford's VGG-19 without its classifier, as float32.

    Raises:
        WeightsError: the installation is damaged.
    """
    with packaged(FILE):
        sha256 = _verified(FILE)
        tensors = dict(expanded(load_file(FILE)))
    return Weights(
        "vgg19", "vgg19", "8-bit codes", CAFFE_BGR, tensors, sha256=sha256, evidence="the file in the package"
    )


def expanded(packed: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """The names and tensors of a packed VGG-19 as `Weights` has them, shallow to deep."""
    for name in convolution_names("vgg19"):
        yield f"{name}.weight", looked_up(packed[f"{name}.codes"], packed[f"{name}.table"])
        yield f"{name}.bias", packed[f"{name}.bias"]


def looked_up(codes: Tensor, table: Tensor) -> Tensor:
    """`table[codes]`.  Shape: (...) uint8, (256,) -> (...)."""
    return table.index_select(0, codes.flatten().int()).view(codes.shape)


@functools.cache
def _verified(file: Path) -> str:
    """The sha256 of `file`, which is read for it once per process.

    Raises:
        WeightsError: it is not SHA256.
    """
    found = file_hash(file)
    if found != SHA256:
        raise WeightsError(
            f"The built-in encoder {file} is damaged (its sha256 is {found}, not {SHA256}); install impasto again."
        )
    return found
