"""Encoders by name: `compact` and `vgg19` in the package, the VGG networks of the registry, or any weight file."""

from __future__ import annotations

from pathlib import Path

import torch

from impasto.encoders.chain import ChainEncoder
from impasto.encoders.download import Progress
from impasto.encoders.packed import compact_weights, vgg19_weights
from impasto.encoders.preprocessing import Preprocessing
from impasto.encoders.registry import COMPACT, IN_PACKAGE, SHORT_NAMES, encoder_names
from impasto.encoders.weights import Weights, load_weights
from impasto.errors import UnknownNameError


def check_encoder_name(name: str) -> None:
    """Raise UnknownNameError unless `name` is in `encoder_names`."""
    if name not in encoder_names():
        raise UnknownNameError("encoder", name, encoder_names())


def find_weights(
    name: str, file: str | Path | None = None, *, download: bool = True, progress: Progress | None = None
) -> Weights:
    """The weights called `name`, fetched if need be and allowed; or those in `file`, whatever `name` says.

    Raises:
        UnknownNameError: no encoder has that name.
        WeightsError: the weights cannot be had, or are not usable.
    """
    if file is not None:
        return load_weights(file)
    check_encoder_name(name)
    if name in IN_PACKAGE:
        return compact_weights() if name == COMPACT else vgg19_weights()
    return load_weights(SHORT_NAMES.get(name, name), download=download, progress=progress)


def build_encoder(
    weights: Weights,
    *,
    pooling: str | None = None,
    padding: str | None = None,
    preprocessing: Preprocessing | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> ChainEncoder:
    """The frozen network of `weights`; what is None is as it was trained."""
    return ChainEncoder(
        weights.name,
        weights.tensors,
        preprocessing or weights.preprocessing,
        pooling=pooling or "max",  # type: ignore[arg-type]
        padding=padding or weights.padding,  # type: ignore[arg-type]
        device=device,
        dtype=dtype,
    )
