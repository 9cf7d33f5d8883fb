"""What an encoder is: the protocol, the names of layers, the preprocessing that belongs to a set of weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

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


Window = Callable[[int], tuple[slice, slice]]  # a layer's stride -> the rows and columns of it that count


@dataclass(frozen=True, eq=False)
class Sums:
    """Which sums over positions: those of `layer`, each position counted `weight` times (once, if None).

    Two are equal if they name the same layer and the same tensor, not only one of equal numbers.

    Shape: weight (N or 1, 1, H', W'), as large as the layer.
    """

    layer: str
    weight: Tensor | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sums) and self.layer == other.layer and self.weight is other.weight

    def __hash__(self) -> int:
        return hash((self.layer, id(self.weight)))


class FeatureEncoder(Protocol):
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


class Encoder(FeatureEncoder, Protocol):
    """A frozen network that also sums over positions, if it can with less time and memory than its features take."""

    def sums(
        self, image: Tensor, summed: Collection[Sums], layers: Collection[str] = (), window: Window | None = None
    ) -> tuple[dict[Sums, Moments], dict[str, Tensor]]:
        """Moments as `summed` says, features of `layers`, in one forward; one backward is allowed.

        Moments are of the positions inside the `window`, and so are their weights; features are whole.
        """
        ...


def sums_by_features(
    encoder: FeatureEncoder,
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
