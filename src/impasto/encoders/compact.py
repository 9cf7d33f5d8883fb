"""The built-in encoder: small enough to lie in the package, fast enough for a laptop.

A plain chain like VGG's (2, 2, 4, 4 and 1 convolutions per block, 16 to 104 channels, max pooling, reflected borders),
trained by `training/` to see what a VGG-19 sees. 18,268 multiplications per pixel up to relu5_1; VGG-19 has 361,152.
"""

from __future__ import annotations

from pathlib import Path

from safetensors import safe_open

from impasto.encoders.preprocessing import IDENTITY
from impasto.encoders.weights import Weights, packaged
from impasto.files import file_hash

FILE = Path(__file__).parent / "data" / "compact.safetensors"


def compact_weights() -> Weights:
    """The weights that lie in the package, as float32.

    Raises:
        WeightsError: the installation is damaged.
    """
    with packaged(FILE):
        with safe_open(FILE, framework="pt") as file:
            tensors = {key: file.get_tensor(key).float() for key in sorted(file.keys())}
        sha256 = file_hash(FILE)
    return Weights("compact", "compact", "safetensors", IDENTITY, tensors, padding="reflect", sha256=sha256)
