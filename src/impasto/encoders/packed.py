"""The networks that lie in the package: `compact`, and a VGG-19 each of whose weights is a code of 8 bits.

`compact` is small enough for a package and fast enough for a laptop: a plain chain like VGG's (2, 2, 4, 4 and 1
convolutions per block, 16 to 127 channels, max pooling, reflected borders), trained by `training/` to see what a VGG-19
sees. 21,216 multiplications per pixel up to relu5_1; VGG-19 has 361,152.

`vgg19.safetensors` holds Oxford's sixteen convolutions: for `conv1_1` to `conv5_4`, `.codes` (out, in, 3, 3) uint8,
`.table` (256,) float32 and `.bias` (out,) float32; a weight is `table[code]`. Each table has the 256 values that lose
least of its convolution. `training/pack_vgg19.py` wrote it; training/README.md says how far features move by it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from impasto.encoders.preprocessing import CAFFE_BGR, IDENTITY
from impasto.encoders.vgg import convolution_names
from impasto.encoders.weights import Weights
from impasto.errors import WeightsError
from impasto.files import file_hash

COMPACT_FILE = Path(__file__).parent / "data" / "compact.safetensors"
FILE = Path(__file__).parent / "data" / "vgg19.safetensors"
SHA256 = "356b3ae2e2443da578a45256867cb55bcb56fe2bb8c463a413fceddadca5edad"


def compact_weights() -> Weights:
    """The weights of `compact`, as float32.

    Raises:
        WeightsError: the installation is damaged.
    """
    tensors, sha256 = packaged(COMPACT_FILE)
    floats = {key: tensors[key].float() for key in sorted(tensors)}
    return Weights("compact", "compact", "safetensors", IDENTITY, floats, padding="reflect", sha256=sha256)


def vgg19_weights() -> Weights:
    """Oxford's VGG-19 without its classifier, as float32.

    Raises:
        WeightsError: the installation is damaged.
    """
    packed, sha256 = packaged(FILE, SHA256)
    evidence = "the file in the package"
    return Weights("vgg19", "vgg19", "8-bit codes", CAFFE_BGR, dict(expanded(packed)), sha256=sha256, evidence=evidence)


def expanded(packed: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """The names and tensors of a packed VGG-19 as `Weights` has them, shallow to deep."""
    for name in convolution_names("vgg19"):
        yield f"{name}.weight", looked_up(packed[f"{name}.codes"], packed[f"{name}.table"])
        yield f"{name}.bias", packed[f"{name}.bias"]


def looked_up(codes: Tensor, table: Tensor) -> Tensor:
    """`table[codes]`.  Shape: (...) uint8, (256,) -> (...)."""
    return table.index_select(0, codes.flatten().int()).view(codes.shape)


def packaged(file: Path, expected: str | None = None, what: str = "built-in encoder") -> tuple[dict[str, Tensor], str]:
    """The tensors of a file of the package and its sha256, which must be the `expected` one.

    Raises:
        WeightsError: it is not, or cannot be read; `what` it is, is said.
    """
    try:
        sha256 = _sha256(file)
        if expected not in (None, sha256):
            problem = f"is damaged (its sha256 is {sha256}, not {expected})"
            raise WeightsError(f"The {what} {file} {problem}; install impasto again.")
        return load_file(file), sha256
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"The {what} {file} cannot be read ({error}); install impasto again.") from error


@functools.cache
def _sha256(file: Path) -> str:
    """The sha256 of `file`, which is read for it once per process."""
    return file_hash(file)
