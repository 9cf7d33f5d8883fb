"""Networks that are loaded once and kept, however many pictures are made with them."""

from __future__ import annotations

from pathlib import Path
from threading import RLock
from typing import Any

import torch

from impasto.devices import resolve_device, resolve_dtype
from impasto.encoders.catalog import build_encoder, find_weights
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.download import Progress
from impasto.encoders.weights import Weights
from impasto.instant import Instant, load_instant
from impasto.recipe import Recipe


class Encoders:
    """The networks that recipes ask for, each loaded once for a device and a number format, by whichever thread.

    `download` allows weights to be fetched; `progress` is told of the bytes while they are.
    """

    def __init__(self, *, download: bool = True, progress: Progress | None = None):
        self._download, self._progress = download, progress
        self._weights: dict[tuple[Any, ...], Weights] = {}
        self._built: dict[tuple[Any, ...], ChainEncoder] = {}
        self._instant: dict[torch.device, Instant] = {}
        self._loading = RLock()

    def weights(self, recipe: Recipe) -> Weights:
        """The weights of a recipe.

        Raises:
            WeightsError: they cannot be had, or are not usable.
        """
        key = _named(recipe)
        with self._loading:
            if key not in self._weights:
                name = recipe.encoder, recipe.weights
                self._weights[key] = find_weights(*name, download=self._download, progress=self._progress)
            return self._weights[key]

    def load(self, recipe: Recipe, dtype: str | None = None) -> ChainEncoder:
        """The network of a recipe on its device, in its number format or in `dtype`.

        Raises:
            UsageError: the device, or the number format on it, cannot be had.
            WeightsError: the weights cannot be had, or are not usable.
        """
        device = resolve_device(recipe.device)
        kind = resolve_dtype(dtype or recipe.dtype, device)
        key = *_named(recipe), recipe.pooling, recipe.padding, recipe.preprocessing, device, kind
        with self._loading:
            if key not in self._built:
                self._built[key] = _built(self.weights(recipe), recipe, device, kind)
            return self._built[key]

    def instant(self, recipe: Recipe) -> Instant:
        """The network of instant mode on a recipe's device.

        Raises:
            UsageError: the device cannot be had.
            WeightsError: the installation is damaged.
        """
        device = resolve_device(recipe.device)
        with self._loading:
            if device not in self._instant:
                self._instant[device] = load_instant(device)
            return self._instant[device]


def _named(recipe: Recipe) -> tuple[Any, ...]:
    """What tells weights from others: the network's name, the file, and its version."""
    return recipe.encoder, recipe.weights, _version(recipe.weights)


def _version(file: str | None) -> tuple[int, int] | None:
    """What changes when a file does: the time of its last change, and its size."""
    if file is None or not Path(file).is_file():
        return None
    status = Path(file).stat()
    return status.st_mtime_ns, status.st_size


def weights_notes(recipe: Recipe, weights: Weights) -> tuple[str, ...]:
    """What a person should know of a weight file of their own."""
    if recipe.weights is None:
        return ()
    return (f"{Path(recipe.weights).name}: {weights.architecture} weights, {weights.layout} layout.",)


def _built(weights: Weights, recipe: Recipe, device: torch.device, dtype: torch.dtype) -> ChainEncoder:
    return build_encoder(
        weights,
        pooling=recipe.pooling,
        padding=recipe.padding,
        preprocessing=recipe.preprocessing,
        device=device,
        dtype=dtype,
    )
