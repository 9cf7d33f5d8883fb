"""What an encoder is: the protocol, and the layers that can be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, overload

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.encoders.vgg import canonical_layer
from impasto.errors import UnknownNameError
from impasto.statistics import Moments, moments


@dataclass(frozen=True)
class LayerInfo:
    """A layer's width and geometry: `stride` and `receptive_field` are in pixels of the image."""

    channels: int
    stride: int
    receptive_field: int


Window = Callable[[int], tuple[slice, slice]]  # a layer's stride -> the rows and columns of it that count


@dataclass(frozen=True, eq=False)
class Sums:
    """Which sums over positions: those of `layer`, each position counted `weight` times (once, if None).

    Two are equal if they name the same layer and the same tensor, not only one of equal numbers.

    Shape: weight (N or 1, 1, H', W'), as large as the layer.
    """

    layer: str
    weight: Tensor | None = None

    @cached_property
    def box(self) -> tuple[slice, slice]:
        """The rows and columns that hold every position which counts at all."""
        if self.weight is None:
            return slice(None), slice(None)
        counts = (self.weight != 0).any(0)[0]
        spans = (torch.nonzero(counts.any(axis)).flatten().tolist() or [0, -1] for axis in (1, 0))
        rows, columns = (slice(span[0], span[-1] + 1) for span in spans)
        return rows, columns

    @property
    def counted(self) -> Tensor | None:
        """The weight within the box."""
        return None if self.weight is None else self.weight[(..., *self.box)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sums) and self.layer == other.layer and self.weight is other.weight

    def __hash__(self) -> int:
        return hash((self.layer, id(self.weight)))


class Encoder(Protocol):
    """A frozen network.  Preprocessing lives inside: it takes images as everybody holds them, sRGB in [0, 1].

    Features are on its own device, wherever the image is; the gradient is where the image is.
    """

    @property
    def name(self) -> str:
        """The weights' name, as in `vgg19.torchvision`."""

    @property
    def layers(self) -> Mapping[str, LayerInfo]:
        """The layers that can be asked for, shallow to deep."""

    def __call__(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Features of the named layers, computed no deeper than the deepest.

        Shape: (N, 3, H, W) -> {name: (N, C, H', W')}.
        """

    def sums(
        self, image: Tensor, summed: Collection[Sums], layers: Collection[str] = (), window: Window | None = None
    ) -> tuple[dict[Sums, Moments], dict[str, Tensor]]:
        """Moments as `summed` says, features of `layers`, in one forward; one backward is allowed.

        Moments are of the positions inside the `window`, and so are their weights; features are whole.  An encoder that
        can do so with less time and memory than its features take has its own way, others `sums = sums_by_features`.
        """


def sums_by_features(
    encoder: Encoder,
    image: Tensor,
    summed: Collection[Sums],
    layers: Collection[str] = (),
    window: Window | None = None,
) -> tuple[dict[Sums, Moments], dict[str, Tensor]]:
    """`Encoder.sums` from whole features.  As a class attribute, `sums = sums_by_features`, it is the method."""
    features = encoder(image, {*(each.layer for each in summed), *layers})

    def part(layer: str) -> Tensor:
        return features[layer][(..., *window(encoder.layers[layer].stride))] if window else features[layer]

    sums = {each: moments(part(each.layer), each.weight) for each in summed}
    return sums, {layer: features[layer] for layer in layers}


def sums_and_features(
    encoder: Encoder,
    image: Tensor,
    summed: Collection[Sums],
    layers: Collection[str] = (),
    window: Window | None = None,
) -> tuple[dict[Sums, Moments], dict[str, Tensor]]:
    """What `encoder.sums` gives; no layer is computed if none is asked for."""
    return encoder.sums(image, summed, layers, window) if summed or layers else ({}, {})


def resolve_layers(encoder: Encoder, names: Iterable[str]) -> tuple[str, ...]:
    """Public names of `names`, in the order given.

    Raises:
        UnknownNameError: a name the encoder has no layer for.
    """
    resolved = []
    for name in names:
        canonical = canonical_layer(name)
        if canonical not in encoder.layers:
            raise UnknownNameError("layer", name, encoder.layers, of=encoder.name)
        resolved.append(canonical)
    return tuple(resolved)


@overload
def at_layer(alpha: Tensor, encoder: Encoder, layer: str) -> Tensor: ...
@overload
def at_layer(alpha: None, encoder: Encoder, layer: str) -> None: ...
def at_layer(alpha: Tensor | None, encoder: Encoder, layer: str) -> Tensor | None:
    """The mean alpha around each position of a layer.  Shape: (1, 1, H, W) -> (1, 1, H', W')."""
    if alpha is None:
        return None
    height, width = (max(1, side // encoder.layers[layer].stride) for side in alpha.shape[-2:])
    return F.interpolate(alpha, (height, width), mode="area")
