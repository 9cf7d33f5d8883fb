"""A network whose channels all speak equally loudly, as Gatys et al. used it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor

from impasto.encoders.base import Encoder, sums_by_features
from impasto.statistics import at_least_float32


class Normalized:
    """Another encoder with every channel of a layer divided by its scale.

    For a chain of convolutions, ReLUs and poolings, which are positively homogeneous, this is the network with each
    convolution's filters and biases divided by its own scales and its filters multiplied by those of the layer below:
    the next layer undoes what the one before did.

    Shape: scales (1, C, 1, 1), by layer.
    Reference: Gatys et al. 2016, section 2, who rescale the weights.
    """

    sums = sums_by_features  # dividing the sums instead of the features would change every last bit

    def __init__(self, encoder: Encoder, scales: Mapping[str, Tensor]):
        self.encoder, self.scales = encoder, scales
        self.name, self.layers = encoder.name, encoder.layers

    def __call__(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Features of the named layers, in units of their scales."""
        features = self.encoder(image, layers)
        return {layer: f / self.scales[layer] for layer, f in features.items()}


def mean_activations(encoder: Encoder, images: Sequence[Tensor], layers: Collection[str]) -> dict[str, Tensor]:
    """The scales with which each channel of `layers` is 1 on average, over all positions of all `images`.

    A pooling has the scales of the features it pools.

    Shape: (1, C, 1, 1), by layer.
    Reference: Gatys et al. 2016, section 2.
    Differs: their mean is over the photographs of ImageNet's validation set, where no channel is silent.  Over a few
    images one may be, so none is raised more than 100 times as much as the layer as a whole.
    """
    names = list(encoder.layers)
    sources = {}
    for layer in layers:
        upwards = reversed(names[: names.index(layer) + 1])
        sources[layer] = next(name for name in upwards if not name.startswith("pool"))
    features = [encoder(image, set(sources.values())) for image in images]
    return {layer: _mean([f[source] for f in features]) for layer, source in sources.items()}


def _mean(features: Sequence[Tensor]) -> Tensor:
    """The mean of each channel over all positions, no less than 1/100 of the layer's; 1 if the layer is silent.

    Shape: (1, C, H, W) each -> (1, C, 1, 1).
    """
    positions = torch.cat([at_least_float32(f).flatten(2) for f in features], dim=2)
    mean = positions.mean(2)[:, :, None, None]
    least = mean.mean() / 100
    return torch.where(least > 0, mean.maximum(least), 1.0)
