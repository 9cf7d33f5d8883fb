"""What an encoder is: the protocol, the names of layers, the preprocessing that belongs to a set of weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

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


@dataclass(frozen=True)
class Preprocessing:
    """The affine map of colors a network was trained with: input = `matrix` @ rgb + `offset`, rgb in [0, 1]."""

    matrix: tuple[tuple[float, float, float], ...]
    offset: tuple[float, float, float]

    @classmethod
    def standardised(cls, mean: Iterable[float], std: Iterable[float]) -> Preprocessing:
        """(rgb - mean) / std, channel by channel."""
        mean, std = tuple(mean), tuple(std)
        rows = tuple(tuple(1 / std[i] if i == j else 0.0 for j in range(3)) for i in range(3))
        return cls(rows, tuple(-m / s for m, s in zip(mean, std, strict=True)))  # type: ignore[arg-type]

    @classmethod
    def bgr(cls, scale: float, mean: Iterable[float]) -> Preprocessing:
        """`scale` * (b, g, r) - `mean`, with `mean` given in b, g, r order."""
        rows = tuple(tuple(scale if i + j == 2 else 0.0 for j in range(3)) for i in range(3))
        return cls(rows, tuple(-m for m in mean))  # type: ignore[arg-type]

    def tensors(self) -> tuple[Tensor, Tensor]:
        """As the weight (3, 3, 1, 1) and bias (3,) of a 1x1 convolution, in float64."""
        matrix, offset = (torch.tensor(values, dtype=torch.float64) for values in (self.matrix, self.offset))
        return matrix[:, :, None, None], offset


IDENTITY = Preprocessing.standardised((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
IMAGENET_RGB = Preprocessing.standardised((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CAFFE_BGR = Preprocessing.bgr(255.0, (103.939, 116.779, 123.68))

_ALIASES = (
    (re.compile(r"^conv(\d)_(\d)$"), r"relu\1_\2"),  # the papers: "convX_Y" is after the ReLU there
    (re.compile(r"^block(\d)_conv(\d)$"), r"relu\1_\2"),  # Keras: its convolutions include the ReLU
    (re.compile(r"^block(\d)_pool$"), r"pool\1"),
)


def canonical_layer(name: str) -> str:
    """The public name of a layer: `conv4_2` (papers) and `block4_conv2` (Keras) both mean `relu4_2`."""
    for pattern, replacement in _ALIASES:
        if pattern.match(name):
            return pattern.sub(replacement, name)
    return name


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
