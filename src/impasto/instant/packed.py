"""The network of instant mode that lies in the package: an encoder of its own, and the decoder trained with it.

`instant.safetensors` holds `conv1_1` to `conv4_1` as they were in `compact` when the decoder was trained, so that
another `compact` changes nothing here, and the decoder's weights; all as float16. `training/pack_instant.py` wrote it.
"""

from __future__ import annotations

from pathlib import Path

import torch

from impasto.encoders.chain import ChainEncoder
from impasto.encoders.packed import packaged
from impasto.encoders.preprocessing import IDENTITY
from impasto.instant.decoder import Decoder
from impasto.instant.network import Instant

NAME = "instant"
FILE = Path(__file__).parent / "data" / "instant.safetensors"
SHA256 = "71b79f749d7350509a9fb6b27e18c7d647a79a06b52c1315cd6082d34f56494d"
DECODER = "decoder."


def load_instant(device: torch.device | str = "cpu", file: Path = FILE, expected: str = SHA256) -> Instant:
    """The network, in float32.

    Raises:
        WeightsError: the installation is damaged.
    """
    packed, sha256 = packaged(file, expected, "network of instant mode")
    tensors = {name: tensor.float() for name, tensor in packed.items()}
    seeing = {name: tensor for name, tensor in tensors.items() if not name.startswith(DECODER)}
    encoder = ChainEncoder(NAME, seeing, IDENTITY, padding="reflect", device=device)
    decoder = Decoder()
    decoder.load_state_dict({name.removeprefix(DECODER): t for name, t in tensors.items() if name not in seeing})
    decoder.requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    decoder.to(device)
    return Instant(encoder, decoder, sha256)
