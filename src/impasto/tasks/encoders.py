"""The network of a task: its weights found, built as the recipe wants it, on the device that was asked for."""

from __future__ import annotations

from pathlib import Path

from impasto.devices import resolve_device, resolve_dtype
from impasto.encoders.catalog import build_encoder, find_weights
from impasto.encoders.chain import ChainEncoder
from impasto.encoders.download import Progress
from impasto.encoders.weights import Weights
from impasto.presets import Preset
from impasto.tasks.settings import MethodConfig


def load_encoder(
    recipe: Preset, config: MethodConfig, *, download: bool = True, progress: Progress | None = None
) -> tuple[Weights, ChainEncoder]:
    """The weights, and the network made of them.

    Raises:
        UsageError: the device, or the number format on it, cannot be had.
        WeightsError: the weights cannot be had, or are not usable.
    """
    device = resolve_device(config.device)
    dtype = resolve_dtype(recipe.dtype, device)
    weights = find_weights(recipe.encoder, config.weights, download=download, progress=progress)
    encoder = build_encoder(
        weights,
        pooling=recipe.pooling,
        padding=recipe.padding,
        preprocessing=recipe.preprocessing,
        device=device,
        dtype=dtype,
    )
    return weights, encoder


def weights_notes(config: MethodConfig, weights: Weights) -> tuple[str, ...]:
    """What a person should know of a weight file of their own."""
    if config.weights is None:
        return ()
    return (f"{Path(config.weights).name}: {weights.architecture} weights, {weights.layout} layout.",)
