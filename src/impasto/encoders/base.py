"""What an encoder is: the protocol, and the layers that can be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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


Inside = Callable[[Tensor, int], Tensor]  # features and their stride -> a view of a rectangle of them


class Encoder(Protocol):
    """A frozen network.  Preprocessing lives inside: it takes images as everybody holds them, sRGB in [0, 1].

    Features are on its own device, wherever the image is; the gradient is where the image is.
    """

    @property
    def name(self) -> str:
        """The weights' name, as in `vgg19.torchvision`."""
        ...

    @property
    def layers(self) -> Mapping[str, LayerInfo]:
        """The layers that can be asked for, shallow to deep."""
        ...

    def __call__(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Features of the named layers, computed no deeper than the deepest.

        Shape: (N, 3, H, W) -> {name: (N, C, H', W')}.
        """
        ...


@runtime_checkable
class SummingEncoder(Encoder, Protocol):
    """An encoder that sums over positions itself."""

    def sums(
        self, image: Tensor, summed: Collection[str], layers: Collection[str] = (), inside: Inside | None = None
    ) -> tuple[dict[str, Moments], dict[str, Tensor]]:
        """Moments of the layers in `summed`, features of `layers`, in one forward; one backward is allowed.

        Moments are of the positions that `inside` leaves, features are whole.
        """
        ...


def sums_and_features(
    encoder: Encoder, image: Tensor, summed: Collection[str], layers: Collection[str] = (), inside: Inside | None = None
) -> tuple[dict[str, Moments], dict[str, Tensor]]:
    """What `SummingEncoder.sums` gives, of any encoder; of none, if no layer is asked for."""
    if not (summed or layers):
        return {}, {}
    if isinstance(encoder, SummingEncoder):
        return encoder.sums(image, summed, layers, inside)
    features = encoder(image, {*summed, *layers})
    parts = {
        layer: inside(features[layer], encoder.layers[layer].stride) if inside else features[layer] for layer in summed
    }
    return {layer: moments(f) for layer, f in parts.items()}, {layer: features[layer] for layer in layers}


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
